"""Many rows of one table in one statement, handed to the driver itself: the hot half of group commit (`settled` 22).

Core binds row by row and steps the database once a row, giving up the interpreter lock each time; at sixteen messages a
batch that was most of what a commit cost. Types are those of the table all the same.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Boolean, Connection, CursorResult, Dialect, Table
from sqlalchemy.types import TypeEngine

from .tables import Instant

_MOST_PARAMETERS = 30_000
"""SQLite takes 32,766."""

Bind = tuple[int, Callable[[Any], Any]]


def insert_rows(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, conflict: str = ""
) -> list[CursorResult[Any]]:
    """Insert `rows`, each with every column of the table; `conflict` is SQL that follows the values."""
    take, binds = _columns(table, connection.dialect)
    part = _MOST_PARAMETERS // len(table.columns)
    results = []
    for start in range(0, len(rows), part):
        some = rows[start : start + part]
        values: list[Any] = []
        for row in some:
            bound = list(take(row))
            for place, bind in binds:
                bound[place] = bind(bound[place])
            values += bound
        results.append(connection.exec_driver_sql(_statement(table, len(some), conflict), tuple(values)))
    return results


@lru_cache(maxsize=64)
def _columns(table: Table, dialect: Dialect) -> tuple[Callable[[Mapping[str, Any]], tuple[Any, ...]], list[Bind]]:
    """How to take a row's values in order, and which of them the driver does not take as they are."""
    binds = [(place, _bind(column.type, dialect)) for place, column in enumerate(table.columns)]
    return itemgetter(*table.columns.keys()), [(place, bind) for place, bind in binds if bind is not None]


def _bind(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    if isinstance(kind, Instant):
        return kind.bound  # the decorator's own layers around the same conversion cost three calls a value
    if isinstance(kind, Boolean):
        return None  # an integer already
    return kind.dialect_impl(dialect).bind_processor(dialect)


@lru_cache(maxsize=2048)
def _statement(table: Table, count: int, conflict: str) -> str:
    names = ", ".join(column.name for column in table.columns)
    row = f"({', '.join('?' * len(table.columns))})"
    return f"INSERT INTO {table.name} ({names}) VALUES {', '.join([row] * count)} {conflict}"  # noqa: S608 - our own names
