"""Each step of a request and of a delivery, crossed with who is killed just then: whoever takes it, or another part."""

import time

from ...harness import eventually
from ..ground import CLAIMED_FOR_IO
from ..lives import Life
from ..scenario import Scenario
from ..steps import DELIVERY, REQUEST
from ..topology import Shared

_TIMES = {"before_commit": 3, "after_commit": 3, "breaker_written": 2, "popped": 1, "drain_begun": 1, "rung": 1}
_OTHERS = ("worker-1", "worker-1.sweeper", "redis", "postgres")
_QUICK = {
    *(("api-1", "before_commit", ""), ("api-1", "after_commit", ""), ("api-1", "after_commit", "postgres")),
    *(("worker-1", "claimed", ""), ("worker-1", "marked", ""), ("worker-1", "message_sent", "worker-1")),
    *(("worker-1", "within_settle", "postgres"), ("worker-1", "popped", "")),
}


def crossing(part: str, step: str, victim: str = "", *, role: str = "") -> Scenario:
    """`part` takes the step under load, and the victim dies."""

    def play(world: Shared) -> None:
        with world.loading():
            world.died(part)
            time.sleep(0.3)

    who = victim or role or {"api-1": "api"}.get(part, "worker")
    return Scenario(
        f"{who} killed at {step}",
        play,
        lives={part: Life(step, _TIMES.get(step, 4), victim, role)},
        quick=(part, step, victim) in _QUICK and not role,
    )


def _by_sweeper(step: str) -> Scenario:
    """Redis is not there, so that the sweeper delivers with its own hands, and dies."""

    def play(world: Shared) -> None:
        world.on.redis.kill()
        with world.loading():
            world.died("worker-1")
            time.sleep(0.3)

    life = Life(step, _TIMES.get(step, 4), role="sweeper")
    return Scenario(f"sweeper killed at {step}", play, lives={"worker-1": life})


def _taking_over(victim: str) -> Scenario:
    """A worker dies with claims in its hands; who sweeps them up is killed within it."""

    def play(world: Shared) -> None:
        world.io_faults(*[{"kind": "hang", "seconds": 60, "on": "profiles"}] * 3)
        world.load(12)
        eventually(lambda: world.count(CLAIMED_FOR_IO), bool, within_s=20)
        world.parts["worker-1"].kill_all()
        world.start({"worker-1": Life("within_sweep", 1, victim, lease_s=world.lease_s)})
        world.died("worker-1")

    return Scenario(f"{victim or 'sweeper'} killed at within_sweep", play, quick=not victim)


SCENARIOS = [
    *(crossing("api-1", step, victim) for step in (*REQUEST, "before_ring", "rung") for victim in ("", *_OTHERS)),
    *(crossing("worker-1", step, victim) for step in DELIVERY for victim in ("", "api-1", *_OTHERS)),
    *(crossing("worker-1", step, victim) for step in ("popped", "drain_begun") for victim in ("", "redis", "postgres")),
    *(_by_sweeper(step) for step in DELIVERY),
    *(crossing("worker-1", step, role="sweeper") for step in ("before_ring", "rung")),
    *(_taking_over(victim) for victim in ("", "postgres", "redis", "worker-1")),
]
