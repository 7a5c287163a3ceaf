"""Deliveries a second, to a folder: the embedded dispatcher, a worker called by Redis, a job of RQ for each delivery.

All on one PostgreSQL and one process that delivers; nothing but the way of being called differs.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

from redis import Redis as Client
from rq import Queue
from sqlalchemy import func, select, update

from hub.bootstrap import Hub
from hub.dispatch.doorbell import QUEUE, Doorbell
from hub.home import Home
from hub.settings import Settings
from hub.store.standing import Lane
from hub.store.tables import deliveries
from hub.telemetry import configure
from hub.worker import jobs, process

from .. import stores
from ..harness import ENTE, HubUnderTest, make_message, running_hub
from ..real.redis import Redis

LANE = Lane(ENTE, "folder")
_FREE = {"rate_per_s": 10_000.0, "burst": 10_000, "concurrency": 8}
_SPAWN = get_context("spawn")
_MEMORY = Path("/dev/shm")
_ONES = 15
"""Deliveries of a round with a job for each: they are slow."""


def rates(folder: Path, *, messages: int, rounds: int) -> Iterator[dict[str, float]]:
    """Each round's deliveries a second, by way; the ways take turns."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        # In memory, where there is such a place: the disk of the one who is told is not what is measured.
        out = stack.enter_context(TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else folder))
        connectors = {"folder": ("loopback", {"folder": out, "channel": "io"})}
        stack.enter_context(stores.in_use("postgresql"))
        redis = stack.enter_context(Redis())
        client = stack.enter_context(Client.from_url(redis.url))
        silent = running_hub(folder / "home", connectors=connectors, limits=_FREE, dispatch="workers")
        hub = stack.enter_context(silent)
        for n in range(messages):
            hub.publish("messages", make_message(f"m-{n}")).raise_for_status()
        given = hub.home.settings.model_dump() | {"redis_url": redis.url}
        bell = Doorbell(redis.url)
        called = {"rq": (messages, lambda: bell.ring([LANE])), "one": (_ONES, lambda: _ring_for_each(client, _ONES))}
        ways: dict[Any, Any] = {_embedded: {"embedded": (messages, lambda: None)}, _called: called}
        for n in range(rounds):
            found = {}
            client.flushall()
            for target in sorted(ways, key=repr, reverse=bool(n % 2)):
                _end_all(hub)
                with _deliverer(target, given):
                    for name, (count, ring) in ways[target].items():
                        _time(hub, _ONES, ring)  # connections, connectors and caches are there after it
                        _quiet(client)
                        found[name] = count / _time(hub, count, ring)
                        _quiet(client)
            yield found
        bell.close()


def drain_one(ente_id: str, connector_id: str) -> None:
    """What a job would do that stands for one delivery."""
    hub = Hub(jobs.preloaded())
    with hub.working():
        jobs.drain_of(hub, Event())(Lane(ente_id, connector_id), most=1)


def _ring_for_each(client: Client, count: int) -> None:
    queue = Queue(QUEUE, connection=client, serializer="json")
    for _ in range(count):
        queue.enqueue_call(f"{__name__}.drain_one", args=tuple(LANE), result_ttl=0)


def _quiet(client: Client) -> None:
    """Until nobody is called any more: the sweeper's first ring is none of ours."""
    queue = Queue(QUEUE, connection=client, serializer="json")
    while queue.count or queue.started_job_registry.get_job_count(cleanup=False):
        time.sleep(0.01)


def _time(hub: HubUnderTest, count: int, ring: Callable[[], object]) -> float:
    """The seconds from when so many are queued until all have been delivered."""
    with hub.home.database.write() as tx:
        some = select(deliveries.c.delivery_id).where(_its()).limit(count)
        values = {"state": "queued", "attempts": 0, "due_at": tx.now}
        tx.connection.execute(update(deliveries).where(deliveries.c.delivery_id.in_(some)).values(values))
        tx.work_is_due = True
    started = time.perf_counter()
    ring()
    waiting = select(func.count()).where(_its(), deliveries.c.state == "queued")
    while True:
        with hub.home.database.read() as connection:
            if not connection.execute(waiting).scalar_one():
                return time.perf_counter() - started
        time.sleep(0.01)


def _its() -> Any:
    return (deliveries.c.ente_id == ENTE) & (deliveries.c.connector_id == LANE.connector_id)


def _end_all(hub: HubUnderTest) -> None:
    with hub.home.database.write() as tx:
        tx.connection.execute(
            update(deliveries).where(_its()).values(state="delivered", claim_id=None, lease_until=None)
        )


@contextmanager
def _deliverer(target: Callable[..., None], settings: dict[str, Any]) -> Iterator[None]:
    started = _SPAWN.Process(target=target, args=(settings,))
    started.start()
    try:
        yield
    finally:
        started.terminate()
        started.join(20)


def _home(settings: dict[str, Any]) -> Home:
    configure(stream=(Path(settings["home"]) / "deliverer.log").open("a"))
    return Home(Settings.model_validate(settings))


def _embedded(settings: dict[str, Any]) -> None:
    process.look(_home(settings | {"redis_url": ""}))


def _called(settings: dict[str, Any]) -> None:
    process.Listener.known |= {f"{__name__}.drain_one"}
    # Its sweeper would help now and then, and the ratio would be of something else.
    process.work(_home(settings | {"sweep_s": 300}))
