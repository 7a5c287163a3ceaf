"""Whole keys handed to a statement as one value, so that it is planned once whatever their number.

As exact as `among`. This is a join with one value to bind, for the names that publications come with; `among` is a
condition, which can stand in an OR, and whose parts lead through the index also where PostgreSQL, while it has no
statistics, would read a whole table to join it.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, String, and_, bindparam, column, literal_column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from .tables import to_json


class _Members(FunctionElement[Any]):
    """The members of an array, a row each."""

    name = "members"
    inherit_cache = True


@compiles(_Members, "sqlite")
def _sqlite(element: _Members, compiler: Any, **keywords: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **keywords)})"


@compiles(_Members, "postgresql")
def _postgresql(element: _Members, compiler: Any, **keywords: Any) -> str:
    return f"json_array_elements(CAST({compiler.process(element.clauses, **keywords)} AS JSON))"


GIVEN = _Members(bindparam("given", type_=String)).table_valued(column("value"), name="given")
"""To select from; joined to a table by `is_given`."""

GIVEN_NAMES = select(GIVEN.c.value.op("->>", return_type=String())(literal_column("0")))
"""Keys of one part, for `IN`, where there is nothing to join."""


def is_given(*columns: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether `columns`, all of them texts, are the row's key."""
    value = GIVEN.c.value
    part = value.op("->>", return_type=String())
    return and_(*(one == part(literal_column(str(n))) for n, one in enumerate(columns)))


def given(wanted: Collection[tuple[str, ...]]) -> dict[str, str]:
    """The statement's parameter."""
    return {"given": to_json([*map(list, sorted(wanted))])}
