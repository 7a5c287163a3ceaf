"""What an item asks for by when (S6), as the deadlines that the hub makes of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from contracts.actions import actions_of
from contracts.items import Application, CitizenItem, Deadline, Document, Message, Payment, Subscription
from contracts.items.deadline import DeadlineKind, DeadlineState, Origin

from .likeness import shown_like
from .wording import end_of

_PAYMENT: dict[str, DeadlineState] = {
    "due": "open",
    "started": "open",
    "overdue": "missed",
    "paid": "met",
    "paid_elsewhere": "met",
    "refunded": "met",
    "expired": "missed",
}
_HANDOVER: dict[str, DeadlineState] = {"preparing": "open", "ready": "open", "collected": "met", "delivered": "met"}
_BODY_ACTS = ("submitted", "registered", "in_progress", "integration_requested", "integration_submitted", "suspended")


@dataclass(frozen=True, slots=True)
class Due:
    """Something is due by a moment, and how that stands."""

    kind: DeadlineKind
    at: datetime
    state: DeadlineState


def dues_of(item: CitizenItem, state: str, *, kept_until: datetime | None = None) -> tuple[Due, ...]:
    """All that is or was due of an item in that state, at most one of a kind. A draft is kept until then, where the hub
    knows better than its source."""
    return tuple(_dues(item, state, kept_until))


def _dues(item: CitizenItem, state: str, kept_until: datetime | None) -> Iterator[Due]:
    match item:
        case Payment() if item.due_date is not None and item.due_date < date.max:
            # 31 December 9999 is how some sources write "none".
            yield Due("citizen_duty", end_of(item.due_date), _PAYMENT.get(state, "cancelled"))
        case Document():
            yield from _of_document(item, state)
        case Message() if item.due_at is not None:
            yield Due("citizen_duty", item.due_at, "open")
        case Application():
            yield from _of_application(item, state, kept_until or item.draft_expires_at)
        case Subscription() if item.renewal == "auto":
            return  # there is nothing for the citizen to do
        case Subscription() if item.valid_to is not None and state in ("renewal_due", "renewed"):
            yield Due("renewal_window", end_of(item.valid_to), "open" if state == "renewal_due" else "met")
        case _:
            return


def _of_document(item: Document, state: str) -> Iterator[Due]:
    if item.delivery is not None and item.delivery.collect_by is not None:
        waits = state == "available"
        yield Due(
            "pick_up",
            item.delivery.collect_by,
            _HANDOVER.get(item.delivery.state, "cancelled") if waits else "cancelled",
        )
    if item.ends_at is not None and state not in ("superseded", "revoked"):
        yield Due("expiry", item.ends_at, "missed" if state == "expired" else "open")


def _of_application(item: Application, state: str, kept_until: datetime | None) -> Iterator[Due]:
    if state == "draft" and kept_until is not None:
        yield Due("expiry", kept_until, "open")
    elif state == "expired" and kept_until is not None:
        yield Due("expiry", kept_until, "missed")
    if item.integration is not None and item.integration.due_at is not None:
        asked = state == "integration_requested"
        yield Due("citizen_duty", item.integration.due_at, "open" if asked else "met")
    if item.due_date is not None:
        answered: DeadlineState = "met" if state == "completed" else "cancelled"
        yield Due("body_duty", end_of(item.due_date), "open" if state in _BODY_ACTS else answered)


def deadline_for(item: CitizenItem, due: Due) -> Deadline:
    """The deadline that tells of it, as it was made: how it stands is the store's. Its external_id is its kind until
    the store knows the item_id."""
    assert not isinstance(item, Deadline)
    return Deadline(
        external_id=due.kind,
        version=item.version,
        source="hub",
        **shown_like(item),
        title=item.title,
        occurred_at=item.occurred_at,
        language=item.language,
        actions=actions_of(item),
        due_at=due.at,
        kind=due.kind,
        origin=None
        if item.collection == "receipts"
        else Origin(collection=item.collection, external_id=item.external_id),
    )
