"""Machines whose clocks are wrong: due times and leases go by the database's."""

from ..scenario import Scenario
from ..topology import Shared


def _wrong(name: str, **skews: float) -> Scenario:
    def play(world: Shared) -> None:
        for part, seconds in skews.items():
            world.parts[part.replace("_", "-")].place.skew.write_text(str(seconds))
        world.io_faults(*[{"kind": "error", "status": 503, "on": "profiles"}] * 4)
        with world.loading():
            world.takes(25)

    return Scenario(f"clock: {name}", play, {"workers": 2})


def _jump(world: Shared) -> None:
    """Back by an hour while claims are held, and forth again."""
    world.io_faults(*[{"kind": "delay", "seconds": 1}] * 6)
    with world.loading():
        for seconds in (0, -3600, 3600, 0):
            world.parts["worker-1"].place.skew.write_text(str(seconds))
            world.takes(10)


SCENARIOS = [
    _wrong("a worker five seconds fast", worker_1=5),
    _wrong("a worker five minutes slow", worker_1=-300),
    _wrong("a worker an hour fast, the other an hour slow", worker_1=3600, worker_2=-3600),
    _wrong("the API five seconds slow", api_1=-5),
    Scenario("clock: a worker's jumps by an hour under way", _jump, {"workers": 2}),
]
