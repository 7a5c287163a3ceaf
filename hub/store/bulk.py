"""Many rows of one table in one statement, handed to the driver itself: the hot half of group commit (`settled` 22).

Core binds row by row and steps the database once a row, giving up the interpreter lock each time; at sixteen messages a
batch that was most of what a commit cost. Types are those of the table all the same.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, CursorResult, Dialect, Table

_MOST_PARAMETERS = 30_000
"""SQLite takes 32,766."""

Bind = Callable[[Any], Any] | None


def insert_rows(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, conflict: str = ""
) -> list[CursorResult[Any]]:
    """Insert `rows`, each with every column of the table; `conflict` is SQL that follows the values."""
    columns = _columns(table, connection.dialect)
    part = _MOST_PARAMETERS // len(columns)
    results = []
    for start in range(0, len(rows), part):
        some = rows[start : start + part]
        values = [row[name] if bind is None else bind(row[name]) for row in some for name, bind in columns]
        results.append(connection.exec_driver_sql(_statement(table, len(some), conflict), tuple(values)))
    return results


@lru_cache(maxsize=64)
def _columns(table: Table, dialect: Dialect) -> tuple[tuple[str, Bind], ...]:
    return tuple((c.name, c.type.dialect_impl(dialect).bind_processor(dialect)) for c in table.columns)


@lru_cache(maxsize=2048)
def _statement(table: Table, count: int, conflict: str) -> str:
    names = ", ".join(column.name for column in table.columns)
    row = f"({', '.join('?' * len(table.columns))})"
    return f"INSERT INTO {table.name} ({names}) VALUES {', '.join([row] * count)} {conflict}"  # noqa: S608 - our own names
