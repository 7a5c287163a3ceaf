"""Two APIs, two workers, PostgreSQL, Redis and the providers, each on a machine of its own: each is stopped, frozen and
cut off in turn, under load.
"""

import time
from collections.abc import Callable

from ..machines import NAMES, far_servers, missing
from ..scenario import Scenario
from ..topology import Shared

_AWAY_S = 1.0


def _stop(world: Shared, name: str) -> None:
    if name in ("postgres", "redis"):
        server = getattr(world.on, name)
        server.stop()
        time.sleep(_AWAY_S)
        server.start()
    else:
        world.parts[name].stop()
        time.sleep(_AWAY_S)
    world.start()


def _kill(world: Shared, name: str) -> None:
    if name in ("postgres", "redis"):
        server = getattr(world.on, name)
        server.kill()
        time.sleep(_AWAY_S)
        server.start()
    else:
        world.parts[name].kill_all()
        time.sleep(_AWAY_S)
    world.start()


def _freeze(world: Shared, name: str) -> None:
    frozen = getattr(world.on, name) if name in ("postgres", "redis") else world.parts[name]
    frozen.freeze()
    time.sleep(_AWAY_S)
    frozen.thaw()


def _cut(world: Shared, name: str) -> None:
    world.on.network.cut(name)
    time.sleep(2 * _AWAY_S)
    world.on.network.mend(name)


def _in_turn(name: str, fault: Callable[[Shared, str], None]) -> Scenario:
    def play(world: Shared) -> None:
        with world.loading(per_s=12, threads=6):
            for machine in NAMES:
                time.sleep(0.5)
                fault(world, machine)

    return Scenario(
        f"machines: each {name} in turn",
        play,
        {"apis": 2, "workers": 2},
        drain_within_s=60,
        needs=missing,
        on=far_servers,
    )


SCENARIOS = [
    _in_turn("stopped", _stop),
    _in_turn("killed", _kill),
    _in_turn("frozen", _freeze),
    _in_turn("cut off", _cut),
]
