"""What is SQLite's own: how a file is opened, how a transaction begins, many rows in one statement."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Boolean, Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.pool import QueuePool
from sqlalchemy.types import TypeEngine

from .tables import Instant, to_json

_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "busy_timeout=5000",
    "foreign_keys=ON",
    "cache_size=-16000",
    # 16 MB of log before it is copied back: a page written again and again is copied once.
    "wal_autocheckpoint=4000",
)
_MOST_ROWS = 32
"""In one statement. A prepared one weighs 2 KB a row, and there is one for each number of rows and table."""

Bind = tuple[int, Callable[[Any], Any]]


def open_engine(url: str) -> Engine:
    """A file: WAL, `synchronous=FULL`, every writing transaction BEGIN IMMEDIATE.

    Plain BEGIN lets two readers both wish to write, and one of them fails at once in spite of the busy time-out.
    """
    engine = create_engine(
        url,
        hide_parameters=True,
        # Inserts are one statement for each number of rows: among 128 they would drive each other out.
        connect_args={"cached_statements": 512},
        json_serializer=to_json,
        poolclass=QueuePool,
        pool_size=8,
        pool_use_lifo=True,  # the connection used last has its pages and statements at hand
        max_overflow=56,
        pool_timeout=10,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(dbapi_connection: Any, _record: Any) -> None:
    # The driver must not open transactions on its own: `_begin` says when and how.
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def insertions(table: Table, rows: Sequence[Mapping[str, Any]], conflict: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Statements with their parameters: one for every so many rows."""
    take, binds = _columns(table)
    for start in range(0, len(rows), _MOST_ROWS):
        some = rows[start : start + _MOST_ROWS]
        values: list[Any] = []
        for row in some:
            bound = list(take(row))
            for place, bind in binds:
                bound[place] = bind(bound[place])
            values += bound
        yield _statement(table, len(some), conflict), tuple(values)


@lru_cache(maxsize=64)
def _columns(table: Table) -> tuple[Callable[[Mapping[str, Any]], tuple[Any, ...]], list[Bind]]:
    """How to take a row's values in order, and which of them the driver does not take as they are."""
    binds = [(place, _bind(column.type)) for place, column in enumerate(table.columns)]
    return itemgetter(*table.columns.keys()), [(place, bind) for place, bind in binds if bind is not None]


def _bind(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    if isinstance(kind, Instant):
        return kind.bound  # the decorator's own layers around the same conversion cost three calls a value
    if isinstance(kind, Boolean):
        return None  # an integer already
    own = dialect(json_serializer=to_json)
    return kind.dialect_impl(own).bind_processor(own)


@lru_cache(maxsize=512)
def _statement(table: Table, count: int, conflict: str) -> str:
    names = ", ".join(column.name for column in table.columns)
    row = f"({', '.join('?' * len(table.columns))})"
    return f"INSERT INTO {table.name} ({names}) VALUES {', '.join([row] * count)} {conflict}"  # noqa: S608 - our own names
