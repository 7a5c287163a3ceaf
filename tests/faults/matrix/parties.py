"""Everybody who deals with the hub beside its vendors: at each step of what they want somebody dies, and all of it is
done once.
"""

import itertools
import time

from ..lives import Life
from ..scenario import Scenario
from ..steps import OF_PARTIES
from ..topology import Shared
from ..trades import A_TENANT, A_TOWN, Trade

_SWEEPER = ("portion_read", "within_portion", "portion_written")
_OTHERS = itertools.cycle(("postgres", "worker-1", "redis"))
_QUICK = {("taken_back", ""), ("within_portion", "")}
_DELIVERED = ("claimed", "marked", "message_sent", "before_settle", "within_settle", "settled")
_OF_A_WORKER = dict.fromkeys(_DELIVERED, 4) | {"popped": 1, "drain_begun": 1}
"""At which call of each step it dies; one drain serves many deliveries."""


def _in_peace(world: Shared) -> None:
    with world.loading(per_s=5):
        time.sleep(6)


def _killed(name: str, part: str, life: Life, *, trade: Trade = A_TOWN, quick: bool = False) -> Scenario:
    def play(world: Shared) -> None:
        with world.loading(per_s=5):
            world.died(part)
            time.sleep(0.3)
            world.repair()
            time.sleep(1)

    return Scenario(f"parties: {name}", play, {"trade": trade}, {part: life}, drain_within_s=40, quick=quick)


def _at(party: str, step: str, victim: str) -> Scenario:
    """Whoever takes it dies, or another part."""
    trade = A_TENANT if party == "tenant" else A_TOWN
    part, role = ("worker-1", "sweeper") if step in _SWEEPER else ("api-1", "")
    other = "api-1" if victim == "worker-1" and role else victim
    who = other or role or "api"
    quick = (step, victim) in _QUICK
    return _killed(f"{who} killed at {step}", part, Life(step, 2, other, role), trade=trade, quick=quick)


def _all_die_in_turn(world: Shared) -> None:
    with world.loading(per_s=5):
        for name in ("api-1", "worker-1", "api-2", "worker-2", "provider", "api-1", "worker-1"):
            time.sleep(0.8)
            world.parts[name].kill_all()
            time.sleep(0.2)
            world.start()


SCENARIOS = [
    Scenario("parties: in peace", _in_peace, {"trade": A_TOWN}, drain_within_s=40),
    Scenario("parties: a tenant in peace", _in_peace, {"trade": A_TENANT}, drain_within_s=40),
    *(
        _at(party, step, victim)
        for party, steps in OF_PARTIES.items()
        for step in steps
        for victim in ("", next(_OTHERS))
    ),
    *(_killed(f"worker killed at {step}", "worker-1", Life(step, times)) for step, times in _OF_A_WORKER.items()),
    *(
        _killed(f"the worker's parent killed at {step}", "worker-1", Life(step, times, "worker-1", "horse"))
        for step, times in _OF_A_WORKER.items()
        if step != "popped"
    ),
    _killed("a tenant's reader killed at taken_back", "api-1", Life("taken_back", 2), trade=A_TENANT),
    Scenario(
        "parties: all die in turn", _all_die_in_turn, {"trade": A_TOWN, "apis": 2, "workers": 2}, drain_within_s=60
    ),
]
