"""How a lane stands: its circuit breaker, its rate (GCRA), what an outcome means for them. Pure; `lanes` keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from contracts.connector import Limits

URGENT, NORMAL, BULK = 0, 1, 2
"""The priorities of deliveries in a lane: what is more urgent goes first."""


_BESIDE = "/carts"


class Lane(NamedTuple):
    """A connector of an ente."""

    ente_id: str
    connector_id: str


def beside(lane: Lane) -> Lane:
    """The lane of a connector's calls that somebody waits for: a breaker and a rate of their own, as what they call is
    another service than that of its deliveries, and neither may hold up the other. Its name is no connector's."""
    return Lane(lane.ente_id, f"{lane.connector_id[:58]}{_BESIDE}")  # in 64 characters


def is_beside(lane: Lane) -> bool:
    """Whether it is such a lane."""
    return lane.connector_id.endswith(_BESIDE)


LimitsOf = Mapping[tuple[str, str], Limits]
"""The limits in force, by lane; a lane that is not there has the common ones."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a lane stands. Its breaker is closed without `open_until`, open before it, half-open from then on."""

    failures: int = 0
    opened: int = 0
    open_until: datetime | None = None
    tat: datetime | None = None
    claimed: int = 0
    served_at: datetime | None = None

    def breaker(self, now: datetime) -> Literal["closed", "open", "half_open"]:
        if self.open_until is None:
            return "closed"
        return "open" if now < self.open_until else "half_open"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the end of a claim says of its provider."""

    lane: Lane
    answered: bool
    limits: Limits
    after: timedelta | None = None
    """For how long the provider asked to be left alone."""
    misconfigured: bool = False
    """It refuses our key or set-up: until somebody has looked no other try will do better."""


def allowance(standing: Standing, limits: Limits, *, under_way: int, now: datetime) -> int:
    """How many deliveries the lane may begin now."""
    most = {"closed": limits.concurrency, "half_open": 1, "open": 0}[standing.breaker(now)]
    interval = interval_of(limits)
    ahead = max(timedelta(), (standing.tat or now) - now)
    return max(0, min(most - under_way, (interval * limits.burst - ahead) // interval))


def free_at(standing: Standing, limits: Limits, now: datetime) -> datetime:
    """When the rate lets the next one begin; `now`, where nothing was ever begun."""
    # The GCRA lets it pass once the arrival time is no further ahead than the burst less one.
    return now if standing.tat is None else standing.tat - (limits.burst - 1) * interval_of(limits)


def begun(standing: Standing, limits: Limits, *, count: int, now: datetime) -> Standing:
    """After `count` deliveries were begun."""
    tat = max(standing.tat or now, now) + count * interval_of(limits)
    return replace(standing, tat=tat, claimed=standing.claimed + count, served_at=now)


def answered(standing: Standing, *, now: datetime) -> Standing:
    """After the provider answered. While open, that is an answer to something older than the trouble."""
    if standing.breaker(now) == "open":
        return standing
    return replace(standing, failures=0, opened=0, open_until=None)


def failed(
    standing: Standing, limits: Limits, *, now: datetime, after: timedelta | None = None, at_once: bool = False
) -> Standing:
    """After a failure that speaks of the provider; it may open the breaker, for `after` at least. `at_once`: it does,
    however few there were."""
    state = standing.breaker(now)
    if state == "open":
        return standing
    failures = standing.failures + 1
    if state == "closed" and failures < limits.breaker_failures and not at_once:
        return replace(standing, failures=failures)
    doubled = limits.breaker_open_s * 2 ** min(standing.opened, 20)
    wished = after.total_seconds() if after is not None else 0
    wait = timedelta(seconds=min(limits.breaker_max_open_s, max(doubled, wished)))
    return replace(standing, failures=failures, opened=standing.opened + 1, open_until=now + wait)


def interval_of(limits: Limits) -> timedelta:
    """From one delivery to the next, at the lane's rate."""
    # Rounded up to the microsecond: the rate is a limit.
    return timedelta(microseconds=-(-1_000_000 // limits.rate_per_s))


def judged(standing: Standing, verdicts: Sequence[Verdict], now: datetime) -> Standing:
    """After the ends of several claims, in that order."""
    for each in verdicts:
        if each.answered:
            standing = answered(standing, now=now)
        else:
            after = timedelta(seconds=each.limits.breaker_max_open_s) if each.misconfigured else each.after
            standing = failed(standing, each.limits, now=now, after=after, at_once=each.misconfigured)
    return standing
