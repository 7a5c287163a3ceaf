"""What all tables share: the metadata, the type of an instant, short names for columns."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Dialect,
    Index,
    MetaData,
    String,
    Table,
)
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970, UTC."""
    return (moment - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The moment so many microseconds after 1970."""
    return EPOCH + timedelta(0, 0, micros)  # by place: for each moment of a list, and by name it takes longer


def to_json(value: Any) -> str:
    """As JSON columns are written."""
    return orjson.dumps(value).decode()


def clipped(text: str, length: int) -> str:
    """What a column of that length takes of a text that others wrote: PostgreSQL counts letters and refuses NUL, and no
    database takes half a surrogate pair."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:length]


class Instant(TypeDecorator[datetime]):
    """An aware datetime kept as microseconds since 1970: the same order and the same value on every database."""

    impl = BigInteger
    cache_ok = True

    @staticmethod
    @lru_cache(maxsize=128)  # a commit writes its own moment a dozen times for each message
    def bound(value: datetime | None) -> int | None:
        return None if value is None else to_micros(value)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return self.bound(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_micros(value)


metadata = MetaData(naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"})


CLUSTERED: dict[str, Any] = {"sqlite_with_rowid": False}
"""SQLite keeps such a table in the order of its primary key, which saves one tree a row. Not for rows of kilobytes:
they would spill into pages of their own."""


def ente() -> Column[Any]:
    return Column("ente_id", String(20), primary_key=True)


def key(name: str, length: int = 36) -> Column[Any]:
    return Column(name, String(length), primary_key=True)


def needed(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, nullable=False)


def partial_index(name: str, table: Table, *columns: str, where: ColumnElement[bool]) -> Index:
    """An index, led by the ente, over those rows of `table` alone for which `where` holds."""
    return Index(
        name, table.c.ente_id, *(table.c[each] for each in columns), sqlite_where=where, postgresql_where=where
    )
