"""What PostgreSQL may do. Nobody hears 2xx without a row, and all come back by themselves."""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import psycopg

from ...harness import eventually
from ..evidence import Evidence
from ..scenario import Scenario
from ..standby import pair
from ..topology import Shared

_BACKENDS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
)

_HELD_BY_WAITING = """SELECT held.relation::regclass::text AS name FROM pg_locks held JOIN pg_locks wanted USING (pid)
    WHERE NOT wanted.granted AND wanted.relation = 'deliveries'::regclass AND held.granted
    AND held.mode = 'RowExclusiveLock' AND held.relation IN (SELECT oid FROM pg_class WHERE relkind = 'r')
    AND held.relation <> 'deliveries'::regclass LIMIT 1"""
_CONFLICTS = (
    "CREATE SEQUENCE fault_conflicts",  # not rolled back with the rest: it counts
    """CREATE FUNCTION fault_conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF random() < 0.25 THEN
            PERFORM nextval('fault_conflicts');
            RAISE EXCEPTION 'provoked' USING ERRCODE = 'serialization_failure';
        END IF; RETURN NULL; END $$""",
    *(
        f"CREATE TRIGGER fault_conflict AFTER INSERT OR UPDATE ON {table} EXECUTE FUNCTION fault_conflict()"
        for table in ("deliveries", "items", "evidence")
    ),
)
_CONFLICTED = b"SELECT last_value AS n FROM fault_conflicts"


def _scenario(
    name: str, fault: Callable[[Shared], None], *, quick: bool = False, meddled: str = "", on: Any = None
) -> Scenario:
    def play(world: Shared) -> None:
        with world.loading():
            world.takes(8)
            fault(world)
            world.takes(8)

    topology = {"meddled": meddled} if meddled else {}
    return Scenario(f"postgres {name}", play, topology, also=_same_processes, quick=quick, on=on)


def _same_processes(world: Shared, _seen: Evidence) -> Iterable[str]:
    """They reconnect: none had to be started again."""
    for name, part in world.parts.items():
        if part.place.number != 1:
            yield f"{name} was started {part.place.number} times"


def _kill(world: Shared) -> None:
    world.on.postgres.kill()
    world.on.postgres.start()


def _kill_for_long(world: Shared) -> None:
    world.on.postgres.kill()
    time.sleep(6)
    world.on.postgres.start()


def _restart(world: Shared) -> None:
    world.on.postgres.stop()
    world.on.postgres.start()


def _freeze(world: Shared) -> None:
    world.on.postgres.freeze()
    time.sleep(3)
    world.on.postgres.thaw()


def _terminate(world: Shared) -> None:
    for _ in range(4):
        with world.connect() as connection:
            connection.execute(_BACKENDS.encode())
        time.sleep(0.4)


def _lock(world: Shared) -> None:
    for table in ("deliveries", "items", "enti"):
        with world.connect() as connection, connection.transaction():
            connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
            time.sleep(2)


def _exhaust(world: Shared) -> None:
    taken: list[psycopg.Connection[dict[str, object]]] = []
    try:
        while True:
            taken.append(world.connect())
    except psycopg.OperationalError:
        with taken[0].transaction():
            taken[0].execute(_BACKENDS.encode() + b" AND application_name = 'raccordo'")
        time.sleep(2)
    finally:
        for connection in taken:
            connection.close()


def _read_only(world: Shared) -> None:
    with world.connect() as connection:
        connection.execute(b"ALTER SYSTEM SET default_transaction_read_only = on")
        connection.execute(b"SELECT pg_reload_conf()")
        time.sleep(2)
        connection.execute(b"SET default_transaction_read_only = off")
        connection.execute(b"ALTER SYSTEM RESET default_transaction_read_only")
        connection.execute(b"SELECT pg_reload_conf()")


def _deadlock(world: Shared) -> None:
    """Somebody waits for what a transaction of the hub's holds, and holds what that one waits for. Whoever waits first
    looks for a circle first, after a second: the hub."""
    seen = "SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()"
    while world.count(seen) < 3:
        with world.connect() as connection, suppress(psycopg.Error), connection.transaction():
            connection.execute(b"SET LOCAL deadlock_timeout = '20s'")
            connection.execute(b"LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE")
            held = eventually(lambda: connection.execute(_HELD_BY_WAITING).fetchone(), bool, within_s=20)
            connection.execute(f"LOCK TABLE {held['name']} IN ACCESS EXCLUSIVE MODE".encode())


def _conflict(world: Shared) -> None:
    """The server finds that transactions cannot be put into an order, as it may at any statement."""
    with world.connect() as connection:
        for statement in _CONFLICTS:
            connection.execute(statement.encode())
        try:
            eventually(lambda: connection.execute(_CONFLICTED).fetchone(), lambda row: row["n"] > 20, within_s=60)
        finally:
            connection.execute(b"DROP FUNCTION fault_conflict CASCADE")


def _fail_over(world: Shared) -> None:
    """Its machine is lost; its standby takes over, at another address."""
    world.on.postgres.kill()
    world.on.standby.take_over()
    world.on.postgres = world.on.standby


def _lose_commits(world: Shared) -> None:
    assert world.meddler
    for how in ("reset_before_the_provider", "reset_after_the_provider") * 3:
        world.meddler.spoil(how, count=1, on=b"COMMIT")
        time.sleep(0.3)


SCENARIOS = [
    _scenario("killed and started", _kill, quick=True),
    _scenario("away for a while", _kill_for_long),
    _scenario("restarted in order", _restart),
    _scenario("frozen", _freeze),
    _scenario("cutting its sessions off", _terminate, quick=True),
    _scenario("locked by somebody", _lock),
    _scenario("out of connections", _exhaust),
    _scenario("read-only", _read_only),
    _scenario("lost, and its standby takes over", _fail_over, on=pair),
    _scenario("finding deadlocks", _deadlock),
    _scenario("finding conflicts between transactions", _conflict),
    _scenario("losing its answer to COMMIT", _lose_commits, meddled="postgres", quick=True),
]
