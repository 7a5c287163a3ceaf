"""The one door to the database: open, read, write, migrate. `sqlite` and `postgres` say what is theirs."""

import logging
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial, reduce
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakSet

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    String,
    Table,
    and_,
    bindparam,
    column,
    event,
    inspect,
    make_url,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import insert as upsert  # it compiles for SQLite too; SQLite's own does not for us
from sqlalchemy.exc import DBAPIError

from hub.clock import Clock, SystemClock

from . import postgres, sqlite
from .bulk import Journey, Rows, run
from .faults import CommitUnknown, error_name
from .glances import Glances, Look
from .seats import Seat
from .tables import from_micros, versions

__all__ = ["Database", "Tx", "among", "is_alone", "keys", "lock_names", "upsert"]

log = logging.getLogger(__name__)

_databases: WeakSet["Database"] = WeakSet()
OLDEST_CODE = "oldest_code"
"""The row of `versions` that says which code this schema still serves."""
_REVISIONS = sorted(path.name[:4] for path in (Path(__file__).parent / "migrations/versions").glob("[0-9]*.py"))
"""This code's, oldest first. The files' names tell them, so that a server need not load Alembic."""
_SCHEMA = table("alembic_version", column("version_num", String))


@dataclass(slots=True)
class Tx:
    """A writing transaction. `now` is the database's clock, read once at its start."""

    connection: Connection
    now: datetime
    before_commit: list[Callable[["Tx"], None]] = field(default_factory=list)
    """Run last in the transaction: for locks that everybody wants, so that they are held for a moment only. A step that
    kept hold of `tx` itself would be a cycle, and every batch's rows would stay until the next collection."""
    last_rows: list[tuple[Table, Rows]] = field(default_factory=list)
    """Inserted at the end, all at once: what nobody reads in the transaction that makes it. Before its own locks a step
    may insert what is there, and put its own rows in that place; the rest follows the steps."""
    at_commit: Callable[[], None] = lambda: None
    """Run when everything is made, and the last of it and the COMMIT are about to be sent, which may still fail."""
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    """Run once the commit is durable; for caches and doorbells."""
    evidence_rows: list[dict[str, Any]] = field(default_factory=list)
    access_rows: list[dict[str, Any]] = field(default_factory=list)
    new_items: list[dict[str, Any]] = field(default_factory=list)
    changed_items: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    """The items that get their sequence number at the end (`rows`)."""
    vendor_events: list[dict[str, Any]] = field(default_factory=list)
    """What vendors are told, in the order in which they will read it (`rows`)."""
    work_is_due: bool = False
    """Deliveries were queued."""


class Singleton(Protocol):
    """A part that one process plays among all that share the database."""

    def held(self) -> bool: ...

    def release(self) -> None: ...


class Database:
    """A SQLite file, which one process has to itself, or a PostgreSQL that several share."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.clock = clock
        self.is_shared = make_url(url).get_backend_name() == "postgresql"
        self._url = url
        self.engine: Engine = postgres.open_engine(url) if self.is_shared else sqlite.open_engine(url)
        self._reading = postgres.reading(self.engine) if self.is_shared else self.engine
        if not self.is_shared:
            event.listen(self.engine, "begin", _begin)
        self._writing = self.engine.execution_options(writes=True)
        self._glances = Glances(self.engine.execution_options(isolation_level="AUTOCOMMIT"))
        _databases.add(self)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent picture for reading; rolled back at the end."""
        with self._reading.connect() as connection:
            yield connection

    @contextmanager
    def look(self) -> Iterator[Look]:
        """The same for one answer, which may need no more than one statement."""
        with ExitStack() as stack:
            yield Look(self._glances, partial(stack.enter_context, self.read()))

    @contextmanager
    def write(self, seat: Seat | None = None) -> Iterator[Tx]:
        """A transaction of its own, for rare writes (configuration). The hot path goes through the Committer, which
        keeps its `seat` between its transactions.

        Raises:
            CommitUnknown: nobody can say whether it was committed.
        """
        place = self._writing.connect() if seat is None else seat.taken(self._writing)
        with place as connection, connection.begin() as transaction:
            tx = Tx(connection, self.now(connection))
            yield tx
            for step in tx.before_commit:
                step(tx)
            last = Journey(connection)
            last.insert_all(tx.last_rows)
            if tx.work_is_due and self.is_shared:
                last.say(postgres.RING)
            if self.is_shared:
                last.say("COMMIT")  # it travels with them: every other writer waits for one journey less
            tx.at_commit()
            try:
                last.run()
                transaction.commit()
            except DBAPIError as exc:
                if exc.connection_invalidated:
                    raise CommitUnknown(error_name(exc)) from exc
                raise
        for hook in tx.after_commit:
            try:
                hook()
            except Exception:
                # It is durable: a cache or a doorbell that fails must not make anybody believe otherwise.
                log.exception("commit.hook_failed")

    def now(self, connection: Connection) -> datetime:
        """The time by which dues and leases go."""
        # One process has one clock. Several machines go by the server's; a clock of the tests' goes before it.
        if self.is_shared and isinstance(self.clock, SystemClock):
            return from_micros(run(connection, [(postgres.TIME, ())])[0][0][0])
        return self.clock.now()

    def copy_back(self) -> None:
        """SQLite's log into its file, so that no commit has to: one in sixty took four times as long as the others."""
        with self.engine.connect() as connection:
            sqlite.copy_back(connection.connection.driver_connection)

    def singleton(self, name: str) -> Singleton:
        """The part `name`, to be taken."""
        return postgres.Singleton(self.engine, name) if self.is_shared else _Alone()

    def migrate(self, to: str = "head") -> tuple[str | None, str]:
        """Bring the schema to a migration, the newest by default; returns the revisions before and after."""
        from . import migrating  # 8 MB of Alembic, where a schema is changed

        engine = postgres.open_engine(self._url, migrating=True) if self.is_shared else self.engine
        try:
            with postgres.holding(engine, "migration") if self.is_shared else nullcontext():
                before = self.revision()
                migrating.upgrade(engine, to)
                after = self.revision()
                if after == self.newest_revision():
                    self._say_who_may_serve(migrating.oldest_served(after))
        finally:
            if self.is_shared:
                engine.dispose()
        assert after is not None
        return before, after

    def revision(self) -> str | None:
        """The schema's revision, None for an empty database."""
        with self.engine.connect() as connection:
            if not inspect(connection).has_table(_SCHEMA.name):
                return None
            return connection.execute(select(_SCHEMA.c.version_num)).scalar_one_or_none()

    def takes_writes(self) -> bool:
        """Whether it may be written: a standby may not, nor a file system that turned read-only."""
        return postgres.takes_writes(self.engine) if self.is_shared else sqlite.takes_writes(self.engine)

    def newest_revision(self) -> str:
        """The revision this code was written for."""
        return _REVISIONS[-1]

    def knows(self, revision: str) -> bool:
        """Whether the revision is one of this code's; a newer version's is not."""
        return revision in _REVISIONS

    def serves(self, revision: str) -> bool:
        """Whether this code may work on that schema: one of its own, or a newer one that only added to its newest.

        Where versions roll, a process of the one before may start again on the schema of the next.
        """
        if self.knows(revision):
            return True
        with self.engine.connect() as connection:
            oldest = connection.execute(select(versions.c.value).where(versions.c.name == OLDEST_CODE)).scalar()
        return oldest is not None and int(self.newest_revision()) >= oldest

    def suits(self, revision: str | None) -> bool:
        """Whether that schema may be served as it is: an older one is migrated first."""
        if revision is None or revision == self.newest_revision():
            return revision is not None
        return not self.knows(revision) and self.serves(revision)

    def _say_who_may_serve(self, oldest: int) -> None:
        """Leave in the database the oldest revision whose code this schema still serves."""
        with self.write() as tx:
            row = upsert(versions).values(name=OLDEST_CODE, value=oldest)
            tx.connection.execute(row.on_conflict_do_update(index_elements=["name"], set_={"value": oldest}))

    def is_empty(self) -> bool:
        """Whether no migration has made its tables yet."""
        with self.engine.connect() as connection:
            return set(inspect(connection).get_table_names()) <= {_SCHEMA.name}

    def close(self) -> None:
        self._glances.close()
        self.engine.dispose()

    def leave_to_the_parent(self) -> None:
        """Its connections are those of the process that this one was forked from."""
        self._glances.forget()
        self.engine.dispose(close=False)


_BETWEEN = "\x1f"
"""Stands in no name: control characters are refused."""


def among(name: str, *columns: ColumnElement[Any]) -> ColumnElement[bool]:
    """Rows whose `columns`, all of them texts, are one of the keys given by `keys(name, ...)`.

    The parts one by one lead through the index; as row values SQLite would read the whole table, and as a join
    PostgreSQL does while it has no statistics. The whole keys leave out what is put together from parts of several:
    parts are a vendor's own names, and n keys may be chosen so that n * n rows exist.
    """
    parts = (column.in_(bindparam(f"{name}_{n}", expanding=True)) for n, column in enumerate(columns))
    whole = reduce(lambda one, column: one.concat(_BETWEEN).concat(column), columns)
    return and_(*parts, whole.in_(bindparam(f"{name}_whole", expanding=True)))


def keys(name: str, wanted: Collection[tuple[str, ...]]) -> dict[str, list[str]]:
    """The parameters of `among(name, ...)`; `wanted` is not empty."""
    parts = {f"{name}_{n}": sorted(set(part)) for n, part in enumerate(zip(*wanted, strict=True))}
    return parts | {f"{name}_whole": sorted({_BETWEEN.join(key) for key in wanted})}


def is_alone(tx: Tx) -> bool:
    """Whether nobody else writes until it ends: SQLite has one writer anyway."""
    return tx.connection.dialect.name != "postgresql"


def lock_names(tx: Tx, names: Collection[str]) -> None:
    """Whoever holds one of these names is waited for, until its transaction ends."""
    if not is_alone(tx):
        postgres.lock_names(tx.connection, names)


def _begin(connection: Connection) -> None:
    run(connection, [(sqlite.beginning(connection), ())])


class _Alone:
    """Where one process has the database to itself, every part is its own."""

    def held(self) -> bool:
        return True

    def release(self) -> None:
        pass


def _leave_to_the_parent() -> None:
    for database in _databases:
        database.leave_to_the_parent()


# A forked process opens connections of its own: two that speak on one would garble each other.
os.register_at_fork(after_in_child=_leave_to_the_parent)
