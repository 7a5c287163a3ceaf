"""The outbox: claim, mark, settle. The row is the message; whoever works on it holds its lease and fencing token.

Every write of a worker carries its `claim_id` in the WHERE clause: one whose lease was taken over changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, insert, update

from contracts.connector import Limits
from contracts.identifiers import new_uuid7
from contracts.inbound import Report
from contracts.items import SEND

from . import lanes
from .configuration import Pause, hold, pause
from .database import Tx
from .falling_back import go_on
from .notifying import is_taken_back
from .reports import take_reports
from .standing import Lane, LimitsOf, Verdict, begun
from .tables import attempts, clipped, deliveries
from .telling import note_outcome

PENDING = ("queued", "waiting")
ENDED = frozenset({"delivered", "rejected", "skipped", "unconfirmed", "expired", "parked"})
"""Where the telling is over unless a person begins it again; `held` only waits for one."""
UNDECIDED = ("unconfirmed", "parked")
"""Ends that a person has to look at."""
CLOSED = "closed"
"""A person decided that nothing more is to be done, whatever has reached the citizen."""

FOLLOW_UPS = 5
"""One claim in so many of a lane is for following up on what was accepted, if such is due: a flood of new messages does
not starve the last word on the old ones, nor the other way round."""

FAIR = 5
"""One claim in so many of a lane is for what has been due longest, however many more urgent ones keep coming."""


@dataclass(frozen=True, slots=True)
class Due:
    """A wish for work: up to `limit` due deliveries, for `lease`; of one lane, or shared out among all."""

    limit: int
    lease: timedelta
    lane: Lane | None = None
    limits: LimitsOf = field(default_factory=dict)
    without: frozenset[Lane] = frozenset()
    """Lanes that get none of it."""

    @classmethod
    def sparing(cls, free: int, busy: Iterable[Lane], lease: timedelta, limits: LimitsOf) -> "Due":
        """For all hands that are free but the last, which is for a lane that has nothing under way: however many
        providers are slow, one more is not waited for."""
        if free > 1:
            return cls(free - 1, lease, limits=limits)
        return cls(free, lease, limits=limits, without=frozenset(busy))


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery in one worker's hands."""

    ente_id: str
    delivery_id: str
    claim_id: str
    citizen_id: str
    message_id: str
    connector_id: str
    connector_version: int
    """The configuration in force when it was claimed."""
    maybe_sent: bool
    """Bytes may have left in an earlier attempt, whatever this one shows."""
    channel: str
    attempts: int
    """How many were made, this one included; following up on an accepted message makes none."""
    memo: Mapping[str, Any] = field(repr=False)
    unsafe: bool
    accepted: bool
    created_at: datetime
    expires_at: datetime
    limits: Limits = field(default_factory=Limits)
    claimed_at: datetime | None = None
    """By the database's clock; it came into being with the lease."""

    @property
    def lane(self) -> Lane:
        return Lane(self.ente_id, self.connector_id)


@dataclass(frozen=True, slots=True)
class Progress:
    """A step is done and the next follows at once. With `unsafe` it leaves the mark "about to send"."""

    claim: Claim
    memo: Mapping[str, Any]
    unsafe: bool
    lease: timedelta
    provider_id: str | None = None
    """The name that a report may come back under, should this process die with the answer."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """The end of a claim: the delivery's new state and when it is due again."""

    claim: Claim
    state: str
    outcome: str
    """What the attempt row records: done, continue, rejected, skipped, deferred, unconfirmed, misconfigured."""
    reason: str | None = None
    detail: str = ""
    due_at: datetime | None = None
    memo: Mapping[str, Any] | None = None
    unsafe: bool = False
    provider_id: str | None = None
    spent: bool = True
    """False: our own fault, the attempt is given back."""
    answered: bool | None = None
    """Whether the provider answered; None where the outcome does not tell."""
    after: timedelta | None = None
    """For how long it asked to be left alone."""
    reports: tuple[Report, ...] = ()
    """What the connector has learned on the way."""
    address_is_dead: bool = False
    """The provider says that nothing gets through to the address."""
    follow_up_at: datetime | None = None
    """When to ask what became of it, delivered as it is."""
    recalled: bool = False
    """The connector was told that the message was taken back."""


MINE = and_(
    deliveries.c.ente_id == bindparam("my_ente"),
    deliveries.c.delivery_id == bindparam("my_delivery"),
    deliveries.c.claim_id == bindparam("my_claim"),
)
"""The row of a claim that is still its worker's; the parameters are `fence(claim)`."""

UNCLAIMED: dict[str, Any] = {"claim_id": None, "lease_until": None, "about_to_send_at": None}
"""What a delivery in nobody's hands shows."""


def claim(tx: Tx, wishes: Sequence[Due]) -> list[list[Claim]]:
    """A Committer handler: due deliveries of active connectors, lane by lane, with their attempt rows."""
    return [_claim(tx, wish) for wish in wishes]


def _claim(tx: Tx, wish: Due) -> list[Claim]:
    ready = lanes.ready(tx.connection, tx.now, wish.limits, wish.lane)
    grants = (lanes.grant(tx, each) for each in ready if each.lane not in wish.without)
    # No more lanes than deliveries: a grant is a lock, and two queries.
    open_now = list(islice((grant for grant in grants if grant is not None and grant.allowed), wish.limit))
    parts = lanes.shared_out(wish.limit, [grant.allowed for grant in open_now])
    claims = [each for grant, part in zip(open_now, parts, strict=True) for each in _claim_in(tx, grant, part)]
    if claims:
        _record(tx, claims, wish.lease)
    return claims


def _claim_in(tx: Tx, grant: lanes.Grant, count: int) -> list[Claim]:
    """Up to `count` due deliveries of a lane."""
    ready, standing = grant.ready, grant.standing
    share, fair = _share(standing.claimed, count, FOLLOW_UPS), _share(standing.claimed + 2, count, FAIR)
    waiting = lanes.oldest(tx, ready, "waiting", count)
    left = count - min(share, len(waiting))
    if left and standing.breaker(tx.now) == "half_open":
        queued = lanes.probe(tx, ready, "queued")
    else:
        queued = lanes.oldest(tx, ready, "queued", left, fair=min(fair, left))
    rows = [*waiting[: count - len(queued)], *queued]
    if rows:
        lanes.save(tx, ready.lane, begun(standing, ready.limits, count=len(rows), now=tx.now))
    return [_to_claim(row, ready, tx.now) for row in rows]


def _share(claimed: int, count: int, one_in: int) -> int:
    """How many of the next `count` claims are one in so many."""
    return (claimed + count) // one_in - claimed // one_in


def _to_claim(row: Row[Any], ready: lanes.Ready, now: datetime) -> Claim:
    return Claim(
        row.ente_id,
        row.delivery_id,
        new_uuid7(),
        row.citizen_id,
        row.message_id,
        row.connector_id,
        ready.connector_version,
        row.maybe_sent,
        row.channel,
        row.attempts + (row.state == "queued"),
        row.memo,
        row.unsafe,
        row.state == "waiting",
        row.created_at,
        row.expires_at,
        ready.limits,
        now,
    )


def _record(tx: Tx, claims: Sequence[Claim], lease: timedelta) -> None:
    tx.connection.execute(
        update(deliveries)
        .where(deliveries.c.ente_id == bindparam("my_ente"), deliveries.c.delivery_id == bindparam("my_delivery"))
        .values(
            claim_id=bindparam("my_claim"),
            lease_until=tx.now + lease,
            attempts=bindparam("my_attempts"),
            claims=deliveries.c.claims + 1,
            about_to_send_at=None,
        ),
        [fence(c) | {"my_attempts": c.attempts} for c in claims],
    )
    # The attempt is on record before any byte leaves.
    tx.connection.execute(
        insert(attempts),
        [
            {"ente_id": c.ente_id, "delivery_id": c.delivery_id, "claim_id": c.claim_id, "started_at": tx.now}
            for c in claims
        ],
    )


def progress(tx: Tx, steps: Sequence[Progress]) -> list[bool]:
    """A Committer handler: store each memo and renew the lease; False where the claim was lost, and nothing changed.

    A lease that ran out is lost, though nobody took the delivery over yet: its slot in the lane may be another's.
    """
    return [
        tx.connection.execute(
            update(deliveries)
            .where(MINE, _leased(tx.now))
            .values(
                memo=dict(step.memo),
                unsafe=step.unsafe,
                about_to_send_at=tx.now if step.unsafe else None,
                lease_until=tx.now + step.lease,
                **({} if step.provider_id is None else {"provider_id": clipped(step.provider_id, 200)}),
            ),
            fence(step.claim),
        ).rowcount
        == 1
        for step in steps
    ]


def _leased(now: datetime) -> ColumnElement[bool]:
    return deliveries.c.lease_until >= now


def settle(tx: Tx, settlements: Sequence[Settlement]) -> list[bool]:
    """A Committer handler: the outcome of each claim. A lost claim leaves only the late result in its attempt row."""
    kept = []
    hold(tx, {end.claim.lane for end in settlements if end.outcome == "misconfigured"})
    standings = lanes.standings(tx.connection, [end.claim.lane for end in settlements])
    verdicts: list[Verdict] = []
    for end in settlements:
        if end.state == "delivered" and end.claim.channel == SEND and not end.recalled:
            end = _recalled(tx, end)
        values = UNCLAIMED | {
            "state": end.state,
            "reason": _short(end.reason),
            "unsafe": end.unsafe,
            "claims": 0,
            "updated_at": tx.now,
            "maybe_sent": end.claim.maybe_sent or end.outcome == "unconfirmed" or _still_there(end),
            "follow_up_at": end.follow_up_at,
        }
        if end.due_at is not None:
            values["due_at"] = end.due_at
        if end.memo is not None:
            values["memo"] = dict(end.memo)
        if end.provider_id is not None:
            values["provider_id"] = clipped(end.provider_id, 200)
        standing = standings.get(end.claim.lane)
        in_an_outage = end.answered is False and standing is not None and standing.open_until is not None
        if (not end.spent or in_an_outage) and not end.claim.accepted:
            values["attempts"] = max(0, end.claim.attempts - 1)
        mine = tx.connection.execute(update(deliveries).where(MINE).values(values), fence(end.claim)).rowcount == 1
        names = {name: getattr(end.claim, name) for name in ("ente_id", "delivery_id", "claim_id")}
        close_attempt(tx, **names, outcome=end.outcome if mine else "late", reason=end.reason, detail=end.detail)
        if mine and end.state in ENDED:
            note_outcome(
                tx, end.claim.ente_id, end.claim.citizen_id, end.claim.message_id, end.claim.channel, end.state
            )
            if end.state != "delivered":
                its = {name: getattr(end.claim, name) for name in ("ente_id", "message_id", "delivery_id", "channel")}
                go_on(tx, **its, reason=end.reason)
        if mine and end.reports:
            take_reports(tx, end.claim.ente_id, end.claim.connector_id, end.reports)
        if mine and end.outcome == "misconfigured":
            # In the same commit: a delivery held by nobody's pause would wait for ever.
            reason = end.reason or ""
            pause(tx, [Pause(end.claim.ente_id, end.claim.connector_id, end.claim.connector_version, reason)])
        if mine and end.answered is not None:
            verdicts.append(Verdict(end.claim.lane, end.answered, end.claim.limits, end.after))
        kept.append(mine)
    lanes.judge(tx, verdicts, standings)
    return kept


def _still_there(end: Settlement) -> bool:
    """What a provider has accepted is not `waiting` any more, but nothing says that it has not got it."""
    return end.claim.accepted and end.state in ("held", *UNDECIDED)


def _recalled(tx: Tx, end: Settlement) -> Settlement:
    """What was taken back while it was being delivered goes on to its cancellation."""
    its = end.claim
    if not is_taken_back(tx, its.ente_id, its.citizen_id, its.message_id):
        return end
    return replace(end, state="waiting", outcome="continue", due_at=tx.now)


def close_attempt(
    tx: Tx,
    *,
    ente_id: str,
    delivery_id: str,
    claim_id: str,
    outcome: str,
    reason: str | None = None,
    detail: str = "",
) -> None:
    """What became of an attempt."""
    tx.connection.execute(
        update(attempts)
        .where(
            attempts.c.ente_id == ente_id,
            attempts.c.delivery_id == delivery_id,
            attempts.c.claim_id == claim_id,
        )
        .values(ended_at=tx.now, outcome=outcome, reason=_short(reason), detail=clipped(detail, 500))
    )


def _short(reason: str | None) -> str | None:
    return None if reason is None else clipped(reason, 100)


def fence(claim: Claim) -> dict[str, str]:
    return {"my_ente": claim.ente_id, "my_delivery": claim.delivery_id, "my_claim": claim.claim_id}
