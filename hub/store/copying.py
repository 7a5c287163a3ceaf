"""Every table out of the database in one consistent picture, and back into an empty one of either kind.

The copy is of values, not of files: one format for SQLite and PostgreSQL, so that a back-up of one can be restored into
the other. A table is read and written as the database itself describes it, whatever its migration.
"""

from base64 import b64decode, b64encode
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from sqlalchemy import JSON, Connection, LargeBinary, MetaData, Table, delete, func, insert, select, update

from .configuration import RESTORED
from .database import Database
from .outbox import UNCLAIMED
from .tables import deliveries, event_sequences, items, metadata, sequences

_ROWS = 1000

SEQUENCE_GAP = 1_000_000_000
"""Readers may hold cursors beyond the back-up's last number: new changes must get numbers that they have not seen."""

Row = list[Any]


class Picture:
    """One picture of the whole database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._reflected = _reflect(connection, metadata.tables)

    @property
    def tables(self) -> dict[str, list[str]]:
        """Each table with its columns."""
        return {name: list(table.columns.keys()) for name, table in self._reflected.items()}

    def rows(self, name: str) -> Iterator[Row]:
        """The rows of a table, as JSON can hold them: bytes in base64."""
        table = self._reflected[name]
        binary = _binary(table, table.columns.keys())
        for found in self._connection.execute(select(table).execution_options(yield_per=_ROWS)):
            row = list(found)
            for place in binary:
                row[place] = None if row[place] is None else b64encode(row[place]).decode("ascii")
            yield row

    def file_keys(self) -> Iterator[str]:
        """The files of documents that the items of this picture name."""
        query = select(items.c.content_key).where(items.c.content_key.is_not(None))
        yield from self._connection.execute(query.execution_options(yield_per=_ROWS)).scalars()


@contextmanager
def taken(database: Database) -> Iterator[Picture]:
    """The database as it stands now, while others go on writing."""
    with database.read() as connection:
        if connection.dialect.name == "postgresql":
            # Of a large municipality this takes longer than any request may.
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield Picture(connection)


def fill(database: Database, name: str, columns: Sequence[str], rows: Iterator[Row]) -> int:
    """Put rows of `Picture.rows` into a table of an empty database; returns how many they were."""
    with database.write() as tx:
        table = _reflect(tx.connection, {name} & metadata.tables.keys())[name]
        tx.connection.execute(delete(table))
        binary = _binary(table, columns)
        for column in table.columns:
            if isinstance(column.type, JSON) and column.nullable:
                column.type = JSON(none_as_null=True)
        count = 0
        while some := list(islice(rows, _ROWS)):
            tx.connection.execute(insert(table), [_values(columns, row, binary) for row in some])
            count += len(some)
    return count


def settle_restored(database: Database) -> int:
    """What the back-up had still to send is held until a person decides, for it may have been sent since; returns how
    many. What a provider had accepted goes on being asked for: that sends nothing.
    """
    free = UNCLAIMED | {"claims": 0}
    held = free | {"state": "held", "reason": RESTORED, "maybe_sent": True}
    with database.write() as tx:
        pending = deliveries.c.state.in_(("queued", "held"))
        count = tx.connection.execute(update(deliveries).where(pending).values(held)).rowcount
        tx.connection.execute(update(deliveries).where(deliveries.c.state == "waiting").values(free))
        for counter in (sequences, event_sequences):
            tx.connection.execute(update(counter).values(value=counter.c.value + SEQUENCE_GAP))
    return count


def count_held(database: Database) -> int:
    """How many deliveries of a restored back-up wait for a person."""
    with database.read() as connection:
        held = (deliveries.c.state == "held") & (deliveries.c.reason == RESTORED)
        return int(connection.execute(select(func.count()).where(held)).scalar_one())


def _reflect(connection: Connection, names: Collection[str]) -> dict[str, Table]:
    found = MetaData()
    found.reflect(connection, only=lambda name, _: name in names)
    return dict(found.tables)


def _binary(table: Table, columns: Iterable[str]) -> list[int]:
    """The places of those among the columns that hold bytes."""
    return [place for place, name in enumerate(columns) if isinstance(table.c[name].type, LargeBinary)]


def _values(columns: Sequence[str], row: Row, binary: Sequence[int]) -> Mapping[str, Any]:
    for place in binary:
        row[place] = None if row[place] is None else b64decode(row[place])
    return dict(zip(columns, row, strict=True))
