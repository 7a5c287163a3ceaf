"""Anything may happen to anybody at any moment, several times, under load."""

import random
import time
from collections.abc import Callable
from functools import partial

from ..scenario import Scenario
from ..topology import Shared
from ..trades import A_TOWN, MESSAGES

NAME = "random, seed "
_PARTS = ("api-1", "api-2", "worker-1", "worker-2")
_BACKENDS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"


def _kill(world: Shared, draw: random.Random) -> str:
    name = draw.choice(_PARTS)
    how = draw.choice(("kill", "kill_all", "kill_children")) if name.startswith("worker") else "kill_all"
    getattr(world.parts[name], how)()
    return f"{how} {name}"


def _freeze(world: Shared, draw: random.Random) -> str:
    name = draw.choice((*_PARTS, "provider"))
    world.parts[name].freeze()
    time.sleep(draw.uniform(0.2, 1.5 * world.lease_s))
    world.parts[name].thaw()
    return f"freeze {name}"


def _kill_server(world: Shared, draw: random.Random, *, name: str) -> str:
    server = getattr(world.on, name)
    server.kill()
    time.sleep(draw.uniform(0, 1.5))
    server.start()
    return f"kill {name}"


def _freeze_postgres(world: Shared, draw: random.Random) -> str:
    world.on.postgres.freeze()
    time.sleep(draw.uniform(0.2, 3))
    world.on.postgres.thaw()
    return "freeze postgres"


def _terminate(world: Shared, draw: random.Random) -> str:
    with world.connect() as connection:
        connection.execute(_BACKENDS.encode())
    return "terminate sessions"


def _kill_provider(world: Shared, draw: random.Random) -> str:
    world.parts["provider"].kill_all()
    return "kill provider"


_FAULTS: tuple[Callable[[Shared, random.Random], str], ...] = (
    *(_kill, _kill, _kill, _kill, _freeze, _freeze),
    *(partial(_kill_server, name="postgres"), _freeze_postgres, _terminate),
    *(partial(_kill_server, name="redis"), _kill_provider),
)


def at_random(seed: int, *, rounds: int = 8) -> Scenario:
    """`seed` decides what happens, to whom and when; and whether anybody but a vendor deals with the hub."""
    draw = random.Random(seed)
    trade = draw.choice((MESSAGES, A_TOWN))

    def play(world: Shared) -> None:
        done = []
        with world.loading(per_s=20):
            for _ in range(rounds):
                time.sleep(draw.uniform(0.05, 0.8))
                done.append(draw.choice(_FAULTS)(world, draw))
                world.start()
        (world.folder / "what-happened").write_text("\n".join(done))

    return Scenario(f"{NAME}{seed}", play, {"trade": trade, "apis": 2, "workers": 2}, drain_within_s=60)
