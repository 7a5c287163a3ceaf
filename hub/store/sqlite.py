"""What is SQLite's own: how a file is opened, how a transaction begins, many rows in one statement."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import JSON, Boolean, Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.pool import QueuePool
from sqlalchemy.types import TypeEngine

from .tables import Instant, to_json

_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "busy_timeout=5000",
    "foreign_keys=ON",
    # 4 MB a connection: the rest of the file is in the system's own cache, which is nobody's resident memory.
    "cache_size=-4000",
    # 32 MB of log before a writer copies back what is left to it; a hub does that beside its writer (`copy_back`).
    "wal_autocheckpoint=8000",
)
_SIZES = (32, 24, 16, 12, 8, 6, 4, 3, 2, 1)
"""How many rows a statement may have. A prepared one weighs 2 KB a row, for each table; were there one for each number,
they would fill 10 MB, or drive each other out of the driver's cache."""
_DIALECT = dialect(json_serializer=to_json)

Bind = tuple[int, Callable[[Any], Any]]


def open_engine(url: str) -> Engine:
    """A file: WAL, `synchronous=FULL`; its transactions begin as `beginning` says.

    Every writing one with BEGIN IMMEDIATE: plain BEGIN lets two readers both wish to write, and one of them fails at
    once in spite of the busy time-out.
    """
    engine = create_engine(
        url,
        hide_parameters=True,
        # The driver's own 128 would not hold the inserts of every size beside what is read.
        connect_args={"cached_statements": 256},
        json_serializer=to_json,
        poolclass=QueuePool,
        pool_size=8,
        pool_use_lifo=True,  # the connection used last has its pages and statements at hand
        max_overflow=56,
        pool_timeout=10,
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(dbapi_connection: Any, _record: Any) -> None:
    # The driver must not open transactions on its own: `beginning` says how.
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def takes_writes(engine: Engine) -> bool:
    """Whether its file may be written."""
    return os.access(str(engine.url.database), os.W_OK)


def beginning(connection: Connection) -> str:
    """How its transaction begins."""
    return "BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN"


def insertions(table: Table, rows: Sequence[Mapping[str, Any]], conflict: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Statements with their parameters, each for as many rows as one of `_SIZES`. One that fails leaves its first rows
    to whoever rolls back: to be able to undo them itself, SQLite copies each page before it first changes it, through a
    temporary file, which was a third of what a statement with rows of many citizens cost."""
    take, binds = _columns(table)
    width, start = len(table.columns), 0
    while start < len(rows):
        size = next(size for size in _SIZES if size <= len(rows) - start)
        some = rows[start : start + size]
        start += size
        values = [*chain.from_iterable(map(take, some))]
        for place, bind in binds:
            values[place::width] = map(bind, values[place::width])
        yield _statement(table, size, conflict), tuple(values)


def together(rows: Sequence[tuple[Table, Sequence[Mapping[str, Any]]]]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Insertions into several tables, one after the other."""
    for table, its in rows:
        yield from insertions(table, its, "")


def run(connection: Any, statements: Sequence[tuple[str, Any]]) -> list[list[tuple[Any, ...]]]:
    """The rows of each statement, in order."""
    cursor = connection.cursor()
    try:
        return [cursor.execute(*each).fetchall() for each in statements]
    finally:
        cursor.close()


def copy_back(connection: Any) -> None:
    """Copy what stands in the log alone into the file, while others read and write."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def glance(connection: Any, statement: tuple[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of one statement, in no transaction but its own."""
    found: list[tuple[Any, ...]] = connection.execute(*statement).fetchall()
    return found


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
    if isinstance(kind, JSON):
        return _json_or_null if kind.none_as_null else to_json
    return kind.dialect_impl(_DIALECT).bind_processor(_DIALECT)


def _json_or_null(value: Any) -> str | None:
    return None if value is None else to_json(value)


@lru_cache(maxsize=256)
def _statement(table: Table, count: int, conflict: str) -> str:
    names = ", ".join(column.name for column in table.columns)
    row = f"({', '.join('?' * len(table.columns))})"
    return f"INSERT OR FAIL INTO {table.name} ({names}) VALUES {', '.join([row] * count)} {conflict}"  # noqa: S608 - our own names
