"""Connectors that promise the order: it holds whoever dies, and whatever is tried again."""

import time

from ..lives import Life
from ..scenario import Scenario
from ..topology import Shared

_ORDERED = Life(ordered=True)


def _in_peace(world: Shared) -> None:
    world.load(20, threads=1)


def _tried_again(world: Shared) -> None:
    world.io_faults(*[{"kind": "error", "status": 503, "on": "profiles"}] * 6)
    world.load(16, threads=1)


def _killed(world: Shared) -> None:
    with world.loading():
        world.died("worker-1")
        time.sleep(0.3)


def _lives(worker: Life = _ORDERED) -> dict[str, Life]:
    return {"api-1": _ORDERED, "worker-1": worker, "worker-2": _ORDERED}


_TWO = {"workers": 2}
SCENARIOS = [
    Scenario("order kept in peace", _in_peace, _TWO, _lives(), _ORDERED, ordered=True),
    Scenario(
        "order kept though the first is tried again", _tried_again, _TWO, _lives(), _ORDERED, ordered=True, quick=True
    ),
    *(
        Scenario(
            f"order kept though a worker is killed at {step}",
            _killed,
            _TWO,
            _lives(Life(step, 3, ordered=True)),
            _ORDERED,
            ordered=True,
        )
        for step in ("claimed", "message_sent", "before_settle")
    ),
]
