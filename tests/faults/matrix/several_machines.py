"""Two APIs, two workers, PostgreSQL, Redis and the providers, each on a machine of its own: each is stopped, frozen and
cut off in turn, under load.
"""

import time
from collections.abc import Callable

from ...real.server import Server
from ..machines import NAMES, far_servers, missing
from ..part import Part
from ..scenario import Scenario
from ..topology import Shared

_AWAY_S = 1.0


def _on(world: Shared, name: str) -> Server | Part:
    """What runs on that machine."""
    return getattr(world.on, name) if name in ("postgres", "redis") else world.parts[name]


def _stop(world: Shared, name: str) -> None:
    ended = _on(world, name)
    ended.stop()
    _start_later(world, ended)


def _kill(world: Shared, name: str) -> None:
    ended = _on(world, name)
    if isinstance(ended, Server):
        ended.kill()
    else:
        ended.kill_all()
    _start_later(world, ended)


def _start_later(world: Shared, ended: Server | Part) -> None:
    time.sleep(_AWAY_S)
    if isinstance(ended, Server):
        ended.start()
    world.start()


def _freeze(world: Shared, name: str) -> None:
    frozen = _on(world, name)
    frozen.freeze()
    time.sleep(_AWAY_S)
    frozen.thaw()


def _cut(world: Shared, name: str) -> None:
    world.on.network.cut(name)
    time.sleep(2 * _AWAY_S)
    world.on.network.mend(name)


def _in_turn(name: str, fault: Callable[[Shared, str], None], *, quick: bool = False) -> Scenario:
    def play(world: Shared) -> None:
        with world.loading(per_s=12, threads=6):
            for machine in NAMES:
                world.takes(5)
                fault(world, machine)

    return Scenario(
        f"machines: each {name} in turn",
        play,
        {"apis": 2, "workers": 2},
        drain_within_s=60,
        quick=quick,
        needs=missing,
        on=far_servers,
    )


SCENARIOS = [
    _in_turn("stopped", _stop),
    _in_turn("killed", _kill, quick=True),
    _in_turn("frozen", _freeze),
    _in_turn("cut off", _cut, quick=True),
]
