"""What is PostgreSQL's own: how it is reached, how transactions begin, many rows in one statement, its locks and clock.

Several processes write at once. Rows read to be changed are locked FOR UPDATE in the order of their keys; what has no
row yet is guarded by a unique constraint, or by an advisory lock on a name.
"""

import hashlib
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    String,
    Table,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import InvalidatePoolError, SQLAlchemyError
from sqlalchemy.types import TypeEngine

from .tables import Instant, to_json

DUE = "raccordo_due"
"""The channel on which a commit that queued deliveries says so. A hint: whoever misses it finds them by polling."""
RING = f"NOTIFY {DUE}"
"""Ring on every machine, once this transaction is committed."""

_SESSION = {
    "application_name": "raccordo",
    "connect_timeout": "5",
    # A machine that vanished is noticed in half a minute, not in two hours.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "4",
    "tcp_user_timeout": "30000",
}
# Everything is found by key. A join by hash or merge reads a whole table, which a plan made while it was small and kept
# goes on to do when it has grown.
_PLANS = "-c enable_hashjoin=off -c enable_mergejoin=off"
_TIMEOUTS = f"{_PLANS} -c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"
# A migration may take its time, but waits for no lock so long that everybody else queues behind it.
_MIGRATION_TIMEOUTS = "-c statement_timeout=0 -c lock_timeout=5s"
# Accepted means stored: on a server that was told otherwise as well.
_DURABLE = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
IDLE_S = 1.0
"""One in constant use is not asked each time whether it still holds: that would be a journey more for each commit."""
_OTHERS = """SELECT EXISTS (SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = %s AND pid <> pg_backend_pid())"""
TIME = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8"
"""The server's clock, in microseconds: machines that share a database need not agree on the time."""
_LOCK_NAMES = "SELECT count(pg_advisory_xact_lock(name)) FROM unnest(%s::int8[]) AS name"


def open_engine(url: str, *, migrating: bool = False) -> Engine:
    """A pool of connections: READ COMMITTED, and REPEATABLE READ READ ONLY through `reading`."""
    engine = create_engine(
        make_url(url).update_query_dict({"options": _MIGRATION_TIMEOUTS if migrating else _TIMEOUTS} | _SESSION),
        hide_parameters=True,
        json_serializer=to_json,
        isolation_level="READ COMMITTED",
        pool_size=5,
        max_overflow=15,
        pool_timeout=10,
        pool_recycle=1800,
        pool_use_lifo=True,
    )
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "checkin", _note_use)
    event.listen(engine, "checkout", _ping)
    return engine


def place_of(url: str) -> str:
    """Host, port and name of a database, without user and password."""
    parts = make_url(url)
    return f"{parts.host or parts.query.get('host') or 'localhost'}:{parts.port or 5432}/{parts.database}"


def reading(engine: Engine) -> Engine:
    """The same connections, for a consistent picture."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def note_last_use(connection: Connection, at: float) -> None:
    """Of a connection that is given back later than it was used, which must not pass for one in constant use."""
    if not connection.invalidated:
        connection.info["left_at"] = at


def _note_use(_dbapi_connection: Any, record: Any) -> None:
    record.info["used_at"] = record.info.pop("left_at", None) or time.monotonic()


def _ping(dbapi_connection: Any, record: Any, _proxy: Any) -> None:
    """A connection that lay idle is tried before it is handed out: its server may have been restarted."""
    if time.monotonic() - record.info["used_at"] < IDLE_S:
        return
    try:
        dbapi_connection.execute("")
        dbapi_connection.rollback()
    except dbapi_connection.Error as exc:
        raise InvalidatePoolError from exc


def _connect(_dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
    from .postgres_wire import Wire  # with the driver, where it is used

    return Wire.connect(*arguments, **options)


def _prepare(dbapi_connection: Any, record: Any) -> None:
    _note_use(dbapi_connection, record)
    dbapi_connection.execute(_DURABLE)
    dbapi_connection.commit()


def takes_writes(engine: Engine) -> bool:
    """Whether a transaction may write: not on a standby, nor where the database was set read-only."""
    with engine.connect() as connection:
        return bool(connection.exec_driver_sql("SHOW transaction_read_only").scalar_one() == "off")


def others_at_work(connection: Connection) -> bool:
    """Whether other sessions of the hub are open on this database."""
    return bool(connection.exec_driver_sql(_OTHERS, (_SESSION["application_name"],)).scalar_one())


# --- locks


def number_of(name: str) -> int:
    """The number that stands for a name among advisory locks."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)


def lock_names(connection: Connection, names: Collection[str]) -> None:
    """Hold these names until the transaction ends; whoever holds one of them is waited for."""
    if names:
        connection.exec_driver_sql(_LOCK_NAMES, (sorted(map(number_of, names)),))


class Singleton:
    """A part that one process plays among all that share the database, as long as its connection lives."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._number = number_of(name)
        self._connection: Connection | None = None

    def held(self) -> bool:
        """Whether it is ours; taken where nobody has it. False where the database cannot be asked."""
        try:
            if self._connection is None:
                self._connection = self._taken()
            else:
                self._connection.exec_driver_sql("SELECT 1")
        except SQLAlchemyError:
            self.release()
        return self._connection is not None

    def release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _taken(self) -> Connection | None:
        connection, ours = alone(self._engine), False
        try:
            ours = connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s)", (self._number,)).scalar_one()
        finally:
            if not ours:
                connection.close()
        return connection if ours else None


@contextmanager
def holding(engine: Engine, name: str) -> Iterator[None]:
    """Wait for a name, and hold it on a connection of its own."""
    connection = alone(engine)
    try:
        connection.exec_driver_sql("SET lock_timeout = 0")
        connection.exec_driver_sql("SELECT pg_advisory_lock(%s)", (number_of(name),))
        yield
    finally:
        connection.close()


def alone(engine: Engine) -> Connection:
    """A connection that its pool forgets: closing it ends the session, and with it the locks."""
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    connection.detach()
    return connection


# --- many rows at once


def insertions(table: Table, rows: Sequence[Mapping[str, Any]], conflict: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """One statement a table, whatever the number of rows, so that the server plans it once."""
    yield _insertion(table, conflict), _values(table, rows)


def together(rows: Sequence[tuple[Table, Sequence[Mapping[str, Any]]]]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Insertions into several tables as one statement: each that is sent costs both sides as much as several rows."""
    values = [value for table, its in rows for value in _values(table, its)]
    yield _insertion_together(tuple(table for table, _ in rows)), tuple(values)


def _values(table: Table, rows: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
    """What `_insertion` takes: the rows as JSON, which is written here and read there in C (the driver writes arrays in
    Python, at half a commit's cost), and beside it, where the table has any, all bytes in one value: as text they would
    be twice as long, and read letter by letter."""
    packed = bytearray()

    def as_json(value: Any) -> int | None:
        if isinstance(value, datetime):
            return Instant.bound(value)
        if isinstance(value, bytes):
            packed.extend(value)
            return (len(packed) - len(value) + 1) << 32 | len(value)  # `_bytes_of` takes it apart
        raise TypeError(type(value).__name__)

    text = orjson.dumps(rows, as_json, orjson.OPT_PASSTHROUGH_DATETIME).decode()
    return (text, bytes(packed)) if _holds_bytes(table) else (text,)


@lru_cache(maxsize=128)
def _holds_bytes(table: Table) -> bool:
    return any(isinstance(column.type, LargeBinary) for column in table.columns)


def _bytes_of(name: str) -> str:
    """A value's bytes among all of them: its place (counted from one) stands above its length."""
    return f"substring(packed.bytes FROM ({name} >> 32)::int4 FOR ({name} & 4294967295)::int4)"


def run(connection: Any, statements: Sequence[tuple[str, Any]]) -> list[list[tuple[Any, ...]]]:
    """The rows of each statement, in order; see `postgres_wire`."""
    from . import postgres_wire

    return postgres_wire.run(connection, statements)


def glance(connection: Any, statement: tuple[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of one statement on a connection in autocommit: one journey."""
    from . import postgres_wire

    return postgres_wire.run(connection, [statement], binary=True)[0]


@lru_cache(maxsize=64)
def _insertion_together(tables: tuple[Table, ...]) -> str:
    *others, last = tables
    parts = ", ".join(f"{table.name}_ AS ({_insertion(table, '')})" for table in others)
    return f"WITH {parts} {_insertion(last, '')}" if others else _insertion(last, "")


@lru_cache(maxsize=64)
def _insertion(table: Table, conflict: str) -> str:
    names = ", ".join(column.name for column in table.columns)
    typed = ", ".join(f"{column.name} {_name_of(column.type)}" for column in table.columns)
    values = ", ".join(
        _bytes_of(column.name) if isinstance(column.type, LargeBinary) else column.name for column in table.columns
    )
    given = f"json_to_recordset(%s::json) AS given({typed})"
    if _holds_bytes(table):
        given += ", (SELECT %b::bytea AS bytes) AS packed"
    return f"INSERT INTO {table.name} ({names}) SELECT {values} FROM {given} {conflict}"  # noqa: S608 - our own names


# The first that fits: BigInteger is an Integer too.
_TYPES: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (Instant, "int8"),
    (BigInteger, "int8"),
    (Integer, "int4"),
    (Boolean, "bool"),
    (LargeBinary, "int8"),  # where its bytes stand
    (String, "text"),
    (JSON, "json"),
)


def _name_of(kind: TypeEngine[Any]) -> str:
    return next(name for one, name in _TYPES if isinstance(kind, one))
