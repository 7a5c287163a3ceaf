"""What PostgreSQL may do. Nobody hears 2xx without a row, and all come back by themselves."""

import time
from collections.abc import Callable, Iterable

import psycopg

from ..oracle import Evidence
from ..scenario import Scenario
from ..topology import Shared

_BACKENDS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
)


def _scenario(name: str, fault: Callable[[Shared], None], *, quick: bool = False, meddled: str = "") -> Scenario:
    def play(world: Shared) -> None:
        with world.loading():
            time.sleep(0.5)
            fault(world)
            time.sleep(1)

    topology = {"meddled": meddled} if meddled else {}
    return Scenario(f"postgres {name}", play, topology, also=_same_processes, quick=quick)


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
    _scenario("losing its answer to COMMIT", _lose_commits, meddled="postgres", quick=True),
]
