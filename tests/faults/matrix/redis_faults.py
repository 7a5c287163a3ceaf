"""What Redis may do. Publishing must not notice, and delivering is late by a sweep at most."""

from collections.abc import Callable
from contextlib import suppress

from redis import Redis as Client
from redis.exceptions import RedisError

from ..scenario import Scenario, nobody_was_put_off
from ..topology import SWEEP_S, Shared

LATE_S = 3 * SWEEP_S + 10
"""Sweeps, forks, the sweeper's own deliveries, and a busy machine."""


def _ask(world: Shared, *command: str) -> None:
    with Client.from_url(world.on.redis.url, socket_timeout=5) as client, suppress(RedisError):
        client.execute_command(*command)


def _while(world: Shared, fault: Callable[[Shared], None], heal: Callable[[Shared], None]) -> None:
    with world.loading():
        world.takes(8)
        fault(world)
        world.takes(20)
    world.drain(within_s=LATE_S)
    left = world.pending()
    heal(world)
    assert not left, f"without Redis {left} were pending, and none had gone for {LATE_S} s"


def _scenario(
    name: str, fault: Callable[[Shared], None], heal: Callable[[Shared], None] = lambda _: None, *, quick: bool = False
) -> Scenario:
    return Scenario(f"redis {name}", lambda world: _while(world, fault, heal), also=nobody_was_put_off, quick=quick)


def _restart_empty(world: Shared) -> None:
    world.on.redis.kill()
    world.on.redis.start()


def _fill(world: Shared) -> None:
    _ask(world, "CONFIG", "SET", "maxmemory-policy", "noeviction")
    _ask(world, "CONFIG", "SET", "maxmemory", "1")


def _rubbish(world: Shared) -> None:
    _ask(world, "DEL", "rq:queue:raccordo")
    _ask(world, "RPUSH", "rq:queue:raccordo", "no-such-job", "\x00\xff", "another")
    _ask(world, "HSET", "rq:job:another", "data", "not a job", "status", "queued")


SCENARIOS = [
    _scenario("killed", lambda w: w.on.redis.kill(), lambda w: w.on.redis.start(), quick=True),
    _scenario("restarted empty", _restart_empty),
    _scenario("flushed", lambda w: _ask(w, "FLUSHALL"), quick=True),
    _scenario("frozen", lambda w: w.on.redis.freeze(), lambda w: w.on.redis.thaw(), quick=True),
    _scenario("full", _fill, lambda w: _ask(w, "CONFIG", "SET", "maxmemory", "0")),
    _scenario(
        "a read-only replica",
        lambda w: _ask(w, "REPLICAOF", "127.0.0.1", "1"),
        lambda w: _ask(w, "REPLICAOF", "NO", "ONE"),
    ),
    _scenario("cutting its clients off", lambda w: _ask(w, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")),
    _scenario("losing its queue, with rubbish in its place", _rubbish),
]
