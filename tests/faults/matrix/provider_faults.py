"""What a provider and the wire to it may do: each status has its action, and what is doubtful is never sent twice."""

import time
from collections import Counter
from collections.abc import Iterable

from ...harness import eventually
from ..accounts import io_moments, most_in_a_second
from ..evidence import Evidence
from ..meddler import SPOILS
from ..scenario import Scenario
from ..topology import LIMITS, Shared

# Answers to a new message that say something of this message alone, or of now: its end.
_ENDS = {
    **dict.fromkeys((400, 410, 413, 422), "rejected"),
    **dict.fromkeys((408, 429), "delivered"),
    # IO may have taken it before something behind it failed.
    **dict.fromkeys((500, 502, 503, 504), "unconfirmed"),
}
# These say that our settings are wrong: the connector is paused and its deliveries held, until somebody resumes it.
_PAUSES = (401, 403, 404, 405, 415, 301)
_COUNT = 3


def _io(seen: Evidence) -> Counter[str]:
    return Counter(row["state"] for row in seen.deliveries if row["channel"] == "io")


def _status(status: int) -> Scenario:
    end = _ENDS[status]

    def play(world: Shared) -> None:
        world.io_faults(*[{"kind": "error", "status": status}] * _COUNT)
        world.load(8)
        world.drain()

    def also(_world: Shared, seen: Evidence) -> Iterable[str]:
        found = _io(seen)
        if end != "delivered" and found[end] != _COUNT:
            yield f"of {_COUNT} answers {status} came {dict(found)}"
        if end == "delivered" and found["unconfirmed"] + found["rejected"]:
            yield f"after {status} nobody tried again: {dict(found)}"

    return Scenario(f"provider answers {status}", play, ends=frozenset({end}), also=also)


def _pause(status: int) -> Scenario:
    def play(world: Shared) -> None:
        world.io_faults({"kind": "error", "status": status})
        world.load(8)
        query = "SELECT status FROM connectors WHERE connector_id = 'io'"
        eventually(lambda: world.rows(query), lambda rows: rows == [{"status": "paused"}])
        world.resume("io")

    return Scenario(f"provider answers {status}, and is resumed", play)


def _throttled(after: object) -> Scenario:
    def play(world: Shared) -> None:
        told = {} if after is None else {"retry_after": after}
        world.io_faults(*[{"kind": "throttle"} | told] * 4)
        world.load(8)

    return Scenario(f"provider answers 429, Retry-After {after!r}", play)


def _spoiled(how: str) -> Scenario:
    def play(world: Shared) -> None:
        assert world.meddler
        world.meddler.spoil(how, count=_COUNT)
        world.load(10)
        world.drain()

    quick = how in ("reset_after_the_provider", "answer_a_byte_at_a_time")
    return Scenario(f"wire to the provider: {how}", play, {"meddled": "io"}, quick=quick)


def _kill(world: Shared) -> None:
    with world.loading():
        world.delivers(5)
        world.parts["provider"].kill_all()
        world.takes(25)
        world.start()
        world.takes(5)


def _freeze(world: Shared) -> None:
    with world.loading():
        world.delivers(5)
        world.parts["provider"].freeze()
        time.sleep(3)
        world.parts["provider"].thaw()


def _come_back(world: Shared) -> None:
    """Everything at once would be an attack on a provider that just recovered."""
    world.parts["provider"].kill_all()
    world.load(60)
    opened = "SELECT count(*) AS n FROM lanes WHERE connector_id = 'io' AND opened > 0"
    eventually(lambda: world.count(opened), bool, within_s=40)
    world.start()


def _at_its_pace(world: Shared, seen: Evidence) -> Iterable[str]:
    most = most_in_a_second(io_moments(world.folder))
    if most > _RATE + _BURST + 3:
        yield f"{most} messages within a second, {_RATE} a second and {_BURST} at once are allowed"


_RATE, _BURST = 15, 5
_SLOW = LIMITS | {"rate_per_s": float(_RATE), "burst": _BURST}
SCENARIOS = [
    *map(_status, sorted(_ENDS)),
    *map(_pause, _PAUSES),
    *map(_throttled, (1, 0, -5, None)),
    *map(_spoiled, SPOILS),
    Scenario("provider killed and started", _kill, quick=True),
    Scenario("provider frozen", _freeze),
    Scenario("provider back after an outage", _come_back, {"limits": _SLOW}, drain_within_s=45, also=_at_its_pace),
]
