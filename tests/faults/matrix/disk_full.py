"""A disk is full: that of the database (nobody hears 2xx, nothing is half there), that on which Redis writes down what
it is told, that of the logs (nobody notices). With room it goes on by itself.
"""

import time
from collections.abc import Iterable
from contextlib import suppress

from redis import Redis as Client
from redis.exceptions import RedisError

from ...harness import eventually
from ..evidence import Evidence
from ..lives import Life
from ..scenario import Scenario, nobody_was_put_off
from ..small_disk import filled, missing, small_postgres, small_redis
from ..topology import Shared

_NO_LOG = Life(log_is_full=True)


def _fill(world: Shared) -> None:
    with world.loading():
        world.takes(8)
        with filled(world.on.postgres.folder):
            eventually(lambda: world.generator.counts()["put_off"], bool, within_s=60)
            time.sleep(3)
        world.takes(8)


def _was_felt(_world: Shared, seen: Evidence) -> Iterable[str]:
    if not any(line["event"] == "put_off" for line in seen.ledger):
        yield "nobody was put off: the disk was not full"


def _fill_redis(world: Shared) -> None:
    with world.loading():
        world.takes(8)
        with filled(world.on.redis.folder):
            eventually(lambda: _writes(world), lambda writes: not writes, within_s=60)
            world.takes(20)
        eventually(lambda: _writes(world), bool, within_s=60)
        world.delivers(8)


def _writes(world: Shared) -> bool:
    """Whether Redis keeps what it is told."""
    with Client.from_url(world.on.redis.url, socket_timeout=5) as client, suppress(RedisError):
        return bool(client.set("tests:written", "x" * 4096))
    return False


def _under_load(world: Shared) -> None:
    with world.loading():
        world.takes(25)


SCENARIOS = [
    Scenario("disk of PostgreSQL full", _fill, also=_was_felt, needs=missing, on=small_postgres, drain_within_s=40),
    Scenario(
        "disk of Redis' file full",
        _fill_redis,
        also=nobody_was_put_off,
        needs=missing,
        on=small_redis,
        drain_within_s=40,
    ),
    Scenario(
        "disk of the logs full",
        _under_load,
        lives={"api-1": _NO_LOG, "worker-1": _NO_LOG},
        also=nobody_was_put_off,
    ),
]
