"""A store is filled in bulk, past the hub."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Table

from hub.store.bulk import insert_rows
from hub.store.database import Database

from .store import filled

T = TypeVar("T")
Made = Mapping[Table, dict[str, Any]]
_AT_ONCE = 4000


def fill(
    database: Database, tables: Iterable[Table], shares: Iterable[T], made: Callable[[T], Made], at: datetime
) -> None:
    """`made` of each share are rows of some of the tables. Columns that they leave out are filled by their type, and
    with that moment; a PostgreSQL is told how much there is."""
    fresh = {table: {str(column.name): filled(column, "x", at) for column in table.columns} for table in tables}
    left = iter(shares)
    while some := list(islice(left, _AT_ONCE)):
        rows: dict[Table, list[dict[str, Any]]] = {table: [] for table in fresh}
        for share in some:
            for table, row in made(share).items():
                rows[table].append(fresh[table] | row)
        with database.write() as tx:
            for table, its in rows.items():
                insert_rows(tx.connection, table, its)
    if database.is_shared:
        with database.write() as tx:
            tx.connection.exec_driver_sql("ANALYZE")
