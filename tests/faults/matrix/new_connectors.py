"""Debt positions, legal notifications and PEC in the ledger: whoever is killed at whatever step, each is at its
provider once, or nobody knows and it is not sent again.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..evidence import Evidence
from ..lives import Life
from ..scenario import Scenario
from ..topology import Shared
from ..trades import NOTIFICATIONS, POSITIONS, REGISTERED, Trade
from .crossings import crossing

_TRADES = {"pagopa": POSITIONS, "send": NOTIFICATIONS, "pec": REGISTERED}
_FAULTS: list[dict[str, Any]] = [{"kind": "cut"}, {"kind": "drop"}, {"kind": "error", "status": 503}, {"kind": "hang"}]
_STEPS = ("claimed", "marked", "half_written", "before_reply", "half_read", "before_settle", "within_settle", "settled")
_MAIL_STEPS = ("claimed", "marked", "mail_half_sent", "mail_sent", "before_settle", "within_settle", "settled")


def _crossing(name: str, trade: Trade, step: str, victim: str = "") -> Scenario:
    """A worker takes the step under load, and it or another part dies."""
    same = crossing("worker-1", step, victim)
    return replace(same, name=f"{name}: {same.name}", topology={"trade": trade}, quick=False, drain_within_s=40)


def _in_peace(name: str, trade: Trade) -> Scenario:
    def play(world: Shared) -> None:
        world.load(20)

    return Scenario(f"{name}: in peace", play, {"trade": trade}, also=_nothing_is_doubtful, drain_within_s=40)


def _nothing_is_doubtful(_world: Shared, seen: Evidence) -> Iterable[str]:
    states = {row["state"] for row in seen.deliveries}
    if states != {"delivered"}:
        yield f"deliveries ended as {sorted(states)}"


def _faults(name: str) -> Scenario:
    """Its provider takes what it gets and does not say so, is slow, or is away, in turn."""

    def play(world: Shared) -> None:
        world.io_faults(*_FAULTS)
        world.load(12)
        world.drain()

    kinds = ", ".join(str(each["kind"]) for each in _FAULTS)
    return Scenario(f"{name}: {kinds}", play, {"trade": _TRADES[name]}, drain_within_s=40)


def _receipts_read_by_the_dying(step: str) -> Scenario:
    """The API reads the receipts of PEC, and dies at it."""

    def play(world: Shared) -> None:
        with world.loading():
            world.dies_and_returns("api-1")
            world.takes(3)

    return Scenario(
        f"pec: api killed at {step}", play, {"trade": REGISTERED}, {"api-1": Life(step, 2)}, drain_within_s=40
    )


SCENARIOS = [
    *(_in_peace(name, trade) for name, trade in _TRADES.items()),
    *(_crossing(name, _TRADES[name], step) for step in _STEPS for name in ("pagopa", "send")),
    *(_crossing("pec", REGISTERED, step) for step in _MAIL_STEPS),
    *(
        _crossing(name, trade, "before_settle", victim)
        for name, trade in _TRADES.items()
        for victim in ("postgres", "api-1")
    ),
    *map(_faults, ("pagopa", "send")),
    *(_receipts_read_by_the_dying(step) for step in ("before_reporting", "reported", "before_moving")),
]
