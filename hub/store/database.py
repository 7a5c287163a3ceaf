"""The one door to the database: open, read, write, migrate. What differs between databases is said here."""

import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import ColumnElement, Connection, Engine, and_, bindparam, create_engine, event, inspect
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.pool import QueuePool

from hub.clock import Clock

__all__ = ["Database", "Tx", "among", "error_name", "keys", "upsert"]

log = logging.getLogger(__name__)

_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "busy_timeout=5000",
    "foreign_keys=ON",
    "cache_size=-32000",
    # 16 MB of log before it is copied back: a page written again and again is copied once.
    "wal_autocheckpoint=4000",
)
_MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(slots=True)
class Tx:
    """A writing transaction. `now` is the database's clock, read once at its start."""

    connection: Connection
    now: datetime
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    """Run once the commit is durable; for caches and doorbells."""
    evidence_rows: list[dict[str, Any]] = field(default_factory=list)
    access_rows: list[dict[str, Any]] = field(default_factory=list)


class Database:
    """A SQLite file: WAL, `synchronous=FULL`, every writing transaction BEGIN IMMEDIATE.

    Plain BEGIN lets two readers both wish to write, and one of them fails at once in spite of the busy time-out.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self.clock = clock
        self.engine: Engine = create_engine(
            url,
            hide_parameters=True,
            # Inserts are one statement for each number of rows: among 128 they would drive each other out.
            connect_args={"cached_statements": 1024},
            json_serializer=_json,
            poolclass=QueuePool,
            pool_size=8,
            max_overflow=56,
            pool_timeout=10,
        )
        event.listen(self.engine, "connect", _prepare)
        event.listen(self.engine, "begin", _begin)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent picture for reading; rolled back at the end."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """A transaction of its own, for rare writes (configuration). The hot path goes through the Committer."""
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            tx = Tx(connection, self.clock.now())
            yield tx
        for hook in tx.after_commit:
            try:
                hook()
            except Exception:
                # It is durable: a cache or a doorbell that fails must not make anybody believe otherwise.
                log.exception("commit.hook_failed")

    def migrate(self) -> tuple[str | None, str]:
        """Bring the schema to the newest migration; returns the revisions before and after."""
        before = self.revision()
        command.upgrade(self._alembic(), "head")
        after = self.revision()
        assert after is not None
        return before, after

    def revision(self) -> str | None:
        """The schema's revision, None for an empty database."""
        with self.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def newest_revision(self) -> str:
        """The revision this code was written for."""
        head = ScriptDirectory.from_config(self._alembic()).get_current_head()
        assert head is not None
        return head

    def knows(self, revision: str) -> bool:
        """Whether the revision is one of this code's; a newer version's is not."""
        scripts = ScriptDirectory.from_config(self._alembic()).walk_revisions()
        return any(script.revision == revision for script in scripts)

    def is_empty(self) -> bool:
        """Whether no migration has made its tables yet."""
        with self.engine.connect() as connection:
            return set(inspect(connection).get_table_names()) <= {"alembic_version"}

    def close(self) -> None:
        self.engine.dispose()

    def _alembic(self) -> Config:
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.attributes["engine"] = self.engine
        return config


def among(name: str, *columns: ColumnElement[Any]) -> ColumnElement[bool]:
    """Rows whose `columns` are one of the keys given by `keys(name, ...)`, or put together from parts of several.

    The row value `(a, b) IN (...)` would be exact, but for it SQLite reads the whole table; this takes the index.
    """
    return and_(*(column.in_(bindparam(f"{name}_{n}", expanding=True)) for n, column in enumerate(columns)))


def keys(name: str, wanted: Collection[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """The parameters of `among(name, ...)`; `wanted` is not empty."""
    return {f"{name}_{n}": sorted(set(part)) for n, part in enumerate(zip(*wanted, strict=True))}


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def error_name(error: Exception) -> str:
    """What failed, for a log: SQLite's own constant (SQLITE_FULL, SQLITE_READONLY) where there is one, never a text."""
    return str(getattr(getattr(error, "orig", None), "sqlite_errorname", type(error).__name__))


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
