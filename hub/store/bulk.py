"""Many rows of one table in one statement, handed to the driver itself: the hot half of group commit (`settled` 22).

Core binds row by row and steps the database once a row, giving up the interpreter lock each time; at sixteen messages a
batch that was most of what a commit cost. Types are those of the table all the same.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Table

from . import postgres, sqlite

_FORMS = {"sqlite": sqlite.insertions, "postgresql": postgres.insertions}


def insert_rows(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, conflict: str = ""
) -> list[CursorResult[Any]]:
    """Insert `rows`, each with every column of the table; `conflict` is SQL that follows the values."""
    if not rows:
        return []
    form = _FORMS[connection.dialect.name]
    return [connection.exec_driver_sql(statement, values) for statement, values in form(table, rows, conflict)]
