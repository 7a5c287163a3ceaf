"""The rules of subscriptions (S31-S38): functions of an item, its service's rules and the moment. Nothing is written.

A source says `active` until it says otherwise; that the renewal window is open follows from its days and the rules, and
so holds again with each version. What `end` does is done once: a source that spoke after the last day knows better.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from contracts.base import rfc3339
from contracts.faults import bilingual
from contracts.items import Payment, Subscription
from contracts.items.payment import Installment
from contracts.items.subscription import PlannedInstallment, RequestKind
from contracts.party import Recipient
from contracts.states import MACHINES
from contracts.subscription_services import SubscriptionService
from hub.reading_errors import RequestNotOffered, RequestStateConflict
from hub.store.drafts import Appointment

from .likeness import shown_like
from .wording import end_of

RENEWAL, END, INSTALLMENT, ANSWER = "renewal", "end", "instalment", "answer"
"""Occasions: the window opens; the last day is over; a payment is to be asked for; a source owed an answer."""

RENEWING = "renewing"
"""How rules name `renewal_due` where nobody but the source has to do anything."""

_RUNNING = frozenset({"active", "renewal_due"})
_PAYING = frozenset({"active", "renewal_due", "renewed"})
_MACHINE = MACHINES["subscriptions"]


class Terms(NamedTuple):
    """What decides about a subscription besides itself."""

    service: SubscriptionService | None
    now: datetime


def in_force(item: Subscription, service: SubscriptionService | None) -> Subscription:
    """The subscription with what its service says where the source says nothing."""
    plan, days_ahead = item.payment_plan, None
    found: dict[str, object] = {"renewal": item.renewal or "none", "cancellation": item.cancellation or "none"}
    if service is not None:
        days_ahead = service.days_ahead
        found |= {
            "renewal": item.renewal or service.renewal,
            "cancellation": item.cancellation or service.cancellation,
            "notice_days": service.notice_days if item.notice_days is None else item.notice_days,
            "creditor_tax_code": item.creditor_tax_code or service.creditor_tax_code,
        }
        plan = plan or service.payment_plan
    found["payment_plan"] = tuple(
        part if part.days_ahead is not None else part.model_copy(update={"days_ahead": days_ahead or 0})
        for part in plan
    )
    return item.model_copy(update=found)


def window_of(item: Subscription) -> tuple[datetime, datetime] | None:
    """From when until when one in force can be renewed; None where it has no end."""
    if item.valid_to is None:
        return None
    end = end_of(item.valid_to)
    return end - timedelta(days=item.notice_days or 0), end


def state_at(item: Subscription, now: datetime) -> str:
    """The state of one in force: what its source says, and that its renewal window is open (S36)."""
    window = window_of(item)
    if item.state == "active" and item.renewal != "none" and window is not None and window[0] <= now < window[1]:
        return "renewal_due"
    return item.state


def told_as(item: Subscription, state: str) -> str:
    """The state as rules name it."""
    return RENEWING if state == "renewal_due" and item.renewal == "auto" else state


def appointments(item: Subscription, state: str) -> Iterator[Appointment]:
    """When one in force is looked at again."""
    window = window_of(item)
    if window is not None and state in _RUNNING:
        # The automatic one is due also where a version came within the window; it is asked for once.
        if item.renewal == "auto" or (item.renewal == "manual" and state == "active"):
            yield Appointment(RENEWAL, window[0], late=True)
        if item.cancellation == "auto":
            yield Appointment(END, window[1], late=True)
    if state in _PAYING and item.creditor_tax_code is not None:
        for part in item.payment_plan:
            ahead = timedelta(days=part.days_ahead or 0)
            yield Appointment(f"{INSTALLMENT}.{part.n}", end_of(part.due_date) - ahead, late=True)


def payment_of(item: Subscription, part: PlannedInstallment, external_id: str, source: str) -> Payment:
    """The payment by which an instalment of one in force is asked for (S38)."""
    assert item.creditor_tax_code is not None
    return Payment(
        external_id=external_id,
        version=1,
        source=source,
        **shown_like(item),
        title=part.reason,
        summary=item.title,
        occurred_at=item.occurred_at,
        language=item.language,
        notify=item.notify.wordless(),
        notice_number=part.notice_number,
        creditor_tax_code=item.creditor_tax_code,
        amount_cents=part.amount_cents,
        reason=part.reason,
        due_date=part.due_date,
        installment=Installment(n=part.n, of=len(item.payment_plan)),
    )


def copies_of(item: Subscription) -> Iterator[Subscription]:
    """What each co-holder sees of it: no word about the holder or other co-holders, nothing to be done."""
    about = tuple(one for one in item.beneficiaries if one.role == "child")
    for tax_code in sorted({one.tax_code for one in item.beneficiaries if one.role == "co_holder"}):
        if tax_code == item.recipient.tax_code:
            continue
        yield item.model_copy(
            update={
                "recipient": Recipient(tax_code=tax_code),
                "beneficiaries": about,
                "actions": (),
                "links": (),
                "attributes": (),
                "renewal_of": None,
                "answers_request": None,
                "notify": item.notify.wordless(),
            }
        )


def must_be_offered(kind: RequestKind, item: Subscription, state: str, now: datetime) -> None:
    """Whether the citizen may ask for that of one in force which is in that state.

    Raises:
        RequestStateConflict: the state leads to no such thing.
        RequestNotOffered: the rules do not offer it to the citizen, or its window is over.
    """
    window = window_of(item)
    if kind == "cancel":
        if item.cancellation != "manual":
            raise RequestNotOffered(
                bilingual(
                    f"L'iscrizione è {state}; il cittadino non può annullarla ({item.cancellation})",
                    f"the subscription is {state}; the citizen cannot cancel it ({item.cancellation})",
                )
            )
        if not any(_MACHINE.leads(state, after) for after in ("cancelled", "ended")):
            raise RequestStateConflict(
                bilingual(
                    f"L'iscrizione è {state}: non si può annullare",
                    f"the subscription is {state}: it cannot be cancelled",
                )
            )
        return
    if item.renewal != "manual":
        raise RequestNotOffered(
            bilingual(
                f"L'iscrizione è {state}; il cittadino non può rinnovarla ({item.renewal})",
                f"the subscription is {state}; the citizen cannot renew it ({item.renewal})",
            )
        )
    if not _MACHINE.leads(state, "renewed"):
        before_it, before = "", ""
        if window is not None and now < window[0]:
            before_it, before = f" prima del {rfc3339(window[0])}", f" before {rfc3339(window[0])}"
        raise RequestStateConflict(
            bilingual(
                f"L'iscrizione è {state}: non si può rinnovare{before_it}",
                f"the subscription is {state}: it cannot be renewed{before}",
            )
        )
    if window is not None and now >= window[1]:
        raise RequestNotOffered(
            bilingual(
                f"L'iscrizione è {state}; si poteva rinnovare fino al {rfc3339(window[1])}",
                f"the subscription is {state}; it could be renewed until {rfc3339(window[1])}",
            )
        )


def is_offered(kind: RequestKind, item: Subscription, state: str, now: datetime) -> bool:
    """Whether the citizen may ask for that now."""
    try:
        must_be_offered(kind, item, state, now)
    except (RequestNotOffered, RequestStateConflict):
        return False
    return True
