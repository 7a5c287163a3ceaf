"""Questions about what was delivered: what became of it. The row says when the next is due, and stays delivered.

A question changes nothing at the provider, so that no claim guards it: whoever takes one puts it off for a while, and
if he dies it is asked again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, select, update

from contracts.inbound import Report

from .database import Tx
from .outbox import Claim
from .reports import take_reports
from .tables import connectors, deliveries, enti

_ASKED: Final = ("delivered", "rejected")
"""The states of what is asked about: a legal notification that failed after all is attested too."""

_MEANWHILE = timedelta(minutes=10)
"""Longer than a round of questions takes."""


@dataclass(frozen=True, slots=True)
class Take:
    """A wish for up to so many questions that are due, of connectors that work."""

    limit: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question has brought. Without `after`, or where that is beyond `until`, it was the last."""

    claim: Claim
    until: datetime
    after: timedelta | None = None
    memo: Mapping[str, Any] | None = field(default=None, repr=False)
    """None: it stays."""
    reports: tuple[Report, ...] = ()


def take_follow_ups(tx: Tx, wishes: Sequence[Take]) -> list[list[Claim]]:
    """A Committer handler: the questions due longest. `claim_id` of what it gives is empty, and is none."""
    return [_take(tx, wish) for wish in wishes]


def _take(tx: Tx, wish: Take) -> list[Claim]:
    its = deliveries.c
    works = and_(connectors.c.ente_id == its.ente_id, connectors.c.connector_id == its.connector_id)
    rows = tx.connection.execute(
        select(deliveries, connectors.c.version.label("connector_version"))
        .join(connectors, works)
        .where(
            its.ente_id.in_(select(enti.c.ente_id)),
            its.state.in_(_ASKED),
            its.follow_up_at.is_not(None),
            its.follow_up_at <= tx.now,
            connectors.c.status == "active",
        )
        .order_by(its.follow_up_at)
        .limit(wish.limit)
        .with_for_update(skip_locked=True, of=deliveries)
    ).all()
    claims = [
        Claim(
            *(row.ente_id, row.delivery_id, "", row.citizen_id, row.message_id, row.connector_id),
            row.connector_version,
            row.maybe_sent,
            row.channel,
            row.attempts,
            row.memo,
            unsafe=False,
            accepted=True,
            created_at=row.created_at,
            expires_at=row.expires_at,
            claimed_at=tx.now,
        )
        for row in rows
    ]
    for each in claims:
        tx.connection.execute(_row(each, follow_up_at=tx.now + _MEANWHILE))
    return claims


def note_asked(tx: Tx, answers: Sequence[Asked]) -> list[None]:
    """A Committer handler: what was learned, and when to ask again. Nothing, if it is not asked about any more."""
    for asked in answers:
        at = None if asked.after is None else tx.now + asked.after
        values: dict[str, Any] = {"follow_up_at": None if at is None or at > asked.until else at}
        if asked.memo is not None:
            values["memo"] = dict(asked.memo)
        if tx.connection.execute(_row(asked.claim, **values)).rowcount and asked.reports:
            take_reports(tx, asked.claim.ente_id, asked.claim.connector_id, asked.reports)
    return [None] * len(answers)


def _row(claim: Claim, **values: Any) -> Any:
    its = deliveries.c
    own = (its.ente_id == claim.ente_id) & (its.delivery_id == claim.delivery_id) & its.state.in_(_ASKED)
    return update(deliveries).where(own, its.follow_up_at.is_not(None)).values(values)
