"""Calls of a connector that somebody waits for, beside its deliveries: a breaker and a rate (`standing.beside`), held
for all processes. It is a person who waits, so that nothing queues: who may not begin is told when to come again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from contracts.connector import Limits

from . import lanes
from .database import Tx
from .standing import Lane, Standing, Verdict, allowance, begun, beside, free_at


@dataclass(frozen=True, slots=True)
class Call:
    """One that is to be made by a connector."""

    lane: Lane
    """The connector's."""
    limits: Limits


def begin(tx: Tx, calls: Sequence[Call]) -> list[timedelta | None]:
    """A Committer handler: None where the call is begun; else how long to wait, longer than nothing."""
    found: dict[int, timedelta | None] = {}
    # In one order for all: two processes that wait for each other's lanes would wait for ever.
    for n in sorted(range(len(calls)), key=lambda n: calls[n].lane):
        call, lane = calls[n], beside(calls[n].lane)
        standing = lanes.alone(tx, lane)
        trial_ends = _trial_ends(standing, call.limits, tx.now)
        if allowance(standing, call.limits, under_way=int(trial_ends is not None), now=tx.now):
            lanes.save(tx, lane, begun(standing, call.limits, count=1, now=tx.now))
            found[n] = None
            continue
        until = (standing.open_until, trial_ends, free_at(standing, call.limits, tx.now))
        found[n] = max(at for at in until if at is not None) - tx.now
    return [found[n] for n in range(len(calls))]


def end(tx: Tx, verdicts: Sequence[Verdict]) -> list[None]:
    """A Committer handler: what came of calls; each verdict names its connector's lane."""
    its = [replace(one, lane=beside(one.lane)) for one in verdicts]
    lanes.judge(tx, its, lanes.standings(tx.connection, [one.lane for one in its]))
    return [None] * len(verdicts)


def _trial_ends(standing: Standing, limits: Limits, now: datetime) -> datetime | None:
    """While the breaker is half open one call tries the provider: when that one is over at the latest, where it is
    under way. One that nobody ends, as its process died, is not waited for."""
    if standing.breaker(now) != "half_open" or standing.served_at is None or standing.open_until is None:
        return None
    ends = standing.served_at + timedelta(seconds=limits.timeout_s)
    return ends if standing.open_until <= standing.served_at and now < ends else None
