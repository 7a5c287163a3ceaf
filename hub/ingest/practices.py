"""What the administrator's terms make of an application: how long its draft is kept, and in what it falls short."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.base import ROME
from contracts.faults import bilingual
from contracts.items import Application
from hub.catalogue import DRAFT_DAYS, Card
from hub.errors import ContractViolation, Fault
from hub.store.drafts import Finding

WARNED = timedelta(days=30)
"""No draft expires sooner than this from now: there must be time for the warning, also for one that came late."""

ANSWER, MILESTONES = "C.SE.1.10", "C.SE.1.9"
"""Criteria of the model of municipal services: when the answer comes; status and milestones."""

_TAKEN = ("registered", "in_progress", "integration_requested", "integration_submitted", "suspended", "completed")
_SENT = ("submitted", *_TAKEN)


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for an application that is published now."""

    now: datetime
    card: Card | None = None
    draft_days: int = DRAFT_DAYS


def kept_until(item: Application, terms: Terms) -> datetime | None:
    """Until when a draft is kept (S18): the guarantee from its last edit, or longer where its source says so; None for
    what is no draft. The last edit is when the source says, else now.

    Raises:
        ContractViolation: the source wants to keep it less long than the guarantee.
    """
    if item.state != "draft":
        return None
    guarantee = timedelta(days=terms.draft_days)
    # Leniently by what the source says of the edit, for its version was on its way to us for a while.
    soonest = (item.last_edited_at or item.occurred_at) + guarantee
    detail = bilingual(
        f"Una bozza si conserva almeno {terms.draft_days} giorni dall'ultima modifica",
        f"a draft is kept at least {terms.draft_days} days from its last edit",
    )
    ends = {"/draft_expires_at": item.draft_expires_at, "/expires_at": item.expires_at}
    faults = [Fault(at, "draft.too_short", detail) for at, end in ends.items() if end is not None and end < soonest]
    if faults:
        raise ContractViolation(faults=tuple(faults))
    said = item.draft_expires_at
    least = max((item.last_edited_at or terms.now) + guarantee, terms.now + WARNED)
    return least if said is None else max(least, said)


def shortfalls(item: Application, card: Card | None) -> tuple[Finding, ...]:
    """In what the application, as its source told it, falls short of C.SE.1.9 and C.SE.1.10 (S24). It is accepted all
    the same: the citizen is to see what there is."""
    return tuple(_shortfalls(item, card))


def _shortfalls(item: Application, card: Card | None) -> Iterator[Finding]:
    if item.state in _SENT and not item.procedure_steps and not item.history:
        yield Finding("milestones.missing", MILESTONES)
    if item.state not in _TAKEN:
        return
    if item.taken_charge_at is None:
        yield Finding("taken_charge_at.missing", ANSWER)
    if item.protocol is None and item.reference_number is None:
        yield Finding("protocol.missing", ANSWER)
    if item.due_date is None:
        yield Finding("due_date.missing", ANSWER)
    elif card is not None and item.taken_charge_at is not None:
        latest = card.latest_answer(item.taken_charge_at.astimezone(ROME).date())
        if latest is not None and item.due_date > latest:
            yield Finding("due_date.late", ANSWER, (item.due_date - latest).days)
