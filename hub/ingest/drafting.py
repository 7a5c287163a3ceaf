"""From a canonical item to the store's draft of it: its clear columns and states, with what follows from it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import get_args

from contracts.items import (
    Application,
    CitizenItem,
    Deadline,
    Document,
    Item,
    Link,
    Message,
    MessageKind,
    Payment,
    Receipt,
    Service,
    Subscription,
)
from contracts.items.subscription import RequestKind
from contracts.states import PAYABLE
from hub.registry import ALERTS, Vendor
from hub.store.citizens import Subject
from hub.store.drafts import Answer, Draft, Enclosure, Finding, Identity, PlannedDelivery, Told
from hub.store.notice_keys import notice_key

from . import practices, subscriptions
from .canonical import canonical_json, content_hash
from .deadlines import Due, dues_of
from .following import IN_TURN, Route, agenda_of, deadlines_of, deliveries_of, hub_draft, next_due, rule_for, told_by
from .practices import kept_until, shortfalls
from .rules import Rules
from .subscriptions import copies_of, in_force, state_at, told_as

SETTLES = "settles-notices"
"""The right of a vendor (a payment intermediary) whose receipts pay other vendors' notices too."""

KeyedHash = Callable[[str, str], str]


def draft_of(
    item: Item,
    vendor: Vendor,
    *,
    route: Route,
    keyed_hash: KeyedHash,
    rules: Rules,
    terms: practices.Terms | subscriptions.Terms | None = None,
) -> Draft:
    """The draft of an item as `vendor` published it; `terms` are needed for an application and for a subscription.
    Raises ContractViolation where an application breaks them."""
    payload = canonical_json(item)
    identity = _identity(item, vendor.ente_id, vendor.vendor_id)
    if isinstance(item, Service):
        return Draft(
            identity=identity,
            subject=Subject(vendor.ente_id, "ente", vendor.ente_id),
            version=item.version,
            content_hash=content_hash(payload),
            payload=payload,
            state=item.state,
            reported_state=item.state,
            turn="body",
            occurred_at=item.occurred_at,
            service_id=item.service_id,
        )
    if isinstance(item, Subscription) and isinstance(terms, subscriptions.Terms):
        return _subscription_draft(item, identity, payload, terms, route=route, keyed_hash=keyed_hash, rules=rules)
    if isinstance(item, Application) and isinstance(terms, practices.Terms):
        until, findings = kept_until(item, terms), shortfalls(item, terms.card)
        return _citizen_draft(
            item, identity, payload, route=route, keyed_hash=keyed_hash, rules=rules, until=until, findings=findings
        )
    draft = _citizen_draft(
        item, identity, payload, route=route, keyed_hash=keyed_hash, rules=rules, rights=vendor.rights
    )
    return replace(draft, on_trial=True) if vendor.stage == "sandbox" else draft


def drafted_again(
    item: Subscription,
    ente_id: str,
    vendor_id: str,
    terms: subscriptions.Terms,
    state: str,
    *,
    route: Route,
    keyed_hash: KeyedHash,
    rules: Rules,
) -> Draft:
    """What follows from a published subscription once it is in that state by the hub's own doing."""
    identity, payload = _identity(item, ente_id, vendor_id), canonical_json(item)
    draft = _subscription_draft(item, identity, payload, terms, state, route=route, keyed_hash=keyed_hash, rules=rules)
    occasion = f"v{item.version}.{state}"
    copies = tuple(replace(each, told=once(each.told, occasion)) for each in draft.copies)
    return replace(draft, told=once(draft.told, occasion), renews=None, answer=None, copies=copies)


def once(told: Told | None, occasion: str) -> Told | None:
    """The same message, told for that occasion alone."""
    return None if told is None else replace(told, again=False, occasion=occasion)


def own_payment(
    item: Payment,
    ente_id: str,
    vendor_id: str,
    version: int,
    *,
    on_trial: bool,
    route: Route,
    keyed_hash: KeyedHash,
    rules: Rules,
) -> Draft:
    """The draft of a payment that the hub makes of a plan: under the source's name for it, as version 0, or its own.
    `on_trial`: the plan is a vendor's in its sandbox."""
    identity, payload = _identity(item, ente_id, vendor_id), canonical_json(item)
    draft = _citizen_draft(item, identity, payload, route=route, keyed_hash=keyed_hash, rules=rules)
    # Its deadlines are of its version: the source's own is to find none of that number.
    return replace(
        draft,
        version=version,
        on_trial=on_trial,
        deadlines=tuple(replace(due, version=version) for due in draft.deadlines),
    )


def _subscription_draft(
    item: Subscription,
    identity: Identity,
    payload: bytes,
    terms: subscriptions.Terms,
    state: str | None = None,
    *,
    route: Route,
    keyed_hash: KeyedHash,
    rules: Rules,
) -> Draft:
    known = in_force(item, terms.service)
    known = known.model_copy(update={"state": state or state_at(known, terms.now)})
    draft = _citizen_draft(known, identity, payload, route=route, keyed_hash=keyed_hash, rules=rules)
    ente_id = identity.ente_id
    return replace(
        draft,
        reported_state=item.state,
        renews=None if item.renewal_of is None else identity._replace(external_id=item.renewal_of),
        answer=_answer(item, ente_id, route, rules),
        copies=tuple(_copy_draft(each, known, ente_id, route, rules) for each in copies_of(item)),
    )


def _answer(item: Subscription, ente_id: str, route: Route, rules: Rules) -> Answer | None:
    if item.answers_request is None:
        return None
    request_id, outcome = item.answers_request.request_id, item.answers_request.outcome
    rule = rules.on_event(item.collection, f"request_{outcome}")
    if rule is None:
        return Answer(request_id, outcome, {})
    told = {
        kind: told_by(rule, item, kind, ente_id, route=route, due=None, occasion=request_id)
        for kind in get_args(RequestKind)
    }
    return Answer(request_id, outcome, told)


def _copy_draft(shown: Subscription, known: Subscription, ente_id: str, route: Route, rules: Rules) -> Draft:
    """A subscription as one sees it who holds it as well: it asks for nothing. Its state is that of the original."""
    state = known.state
    rule, told = rules.on_state(known.collection, told_as(known, state)), None
    if rule is not None:
        told = told_by(rule, shown, state, ente_id, route=route, due=next_due(dues_of(known, state)))
    return replace(hub_draft(shown, state, shown, ente_id), told=told, expires_at=known.expires_at, as_of=known.as_of)


def uploaded_draft(item: Document, vendor: Vendor, *, route: Route, keyed_hash: KeyedHash, rules: Rules) -> Draft:
    """The draft of a document whose file has just come: its notice, held back until now, is in it."""
    identity, payload = _identity(item, vendor.ente_id, vendor.vendor_id), canonical_json(item)
    return _citizen_draft(item, identity, payload, route=route, keyed_hash=keyed_hash, rules=rules, file_here=True)


def _identity(item: Item, ente_id: str, vendor_id: str) -> Identity:
    return Identity(ente_id, vendor_id, item.source, item.external_id, item.collection)


def _citizen_draft(
    item: CitizenItem,
    identity: Identity,
    payload: bytes,
    *,
    route: Route,
    keyed_hash: KeyedHash,
    rules: Rules,
    rights: frozenset[str] = frozenset(),
    file_here: bool = False,
    until: datetime | None = None,
    findings: tuple[Finding, ...] = (),
) -> Draft:
    ente_id = identity.ente_id
    subject = Subject(ente_id, item.recipient.subject_kind, item.recipient.tax_code)
    state = _state(item, file_here=file_here)
    dues = dues_of(item, state, kept_until=until)
    rule = rule_for(item, state, rules)
    told: Told | None = None
    deliveries: tuple[PlannedDelivery, ...] = ()
    if rule is not None:
        told = told_by(rule, item, state, ente_id, route=route, due=next_due(dues))
    elif isinstance(item, Message):
        deliveries = _deliveries(item, ente_id, rights, route)
    return Draft(
        identity=identity,
        subject=subject,
        version=item.version,
        content_hash=content_hash(payload),
        payload=payload,
        state=state,
        reported_state=state,
        turn=turn_of(item, state),
        occurred_at=item.occurred_at,
        service_id=item.service_id,
        sensitivity=item.sensitivity,
        min_loa=item.min_loa,
        visible_from=item.visible_from,
        expires_at=item.expires_at,
        due_at=_due_at(item, dues),
        as_of=item.as_of,
        notice_key=_notice_key(item, keyed_hash),
        settles=isinstance(item, Receipt) and SETTLES in rights,
        file_sha256=item.sha256 if isinstance(item, Document) else None,
        told=told,
        deliveries=deliveries,
        in_turn=item.notify.mode == IN_TURN,
        encloses=_enclosed(item, identity) if isinstance(item, Message) and item.notify.legal is not None else (),
        deadlines=deadlines_of(item, dues, ente_id),
        agenda=agenda_of(item, state, dues, rules),
        links=tuple(sorted({(link.rel, link.external_id) for link in item.links if _is_kept(link, item)})),
        handover=item.delivery.state if isinstance(item, Document) and item.delivery is not None else None,
        findings=findings,
    )


def _deliveries(item: Message, ente_id: str, rights: frozenset[str], route: Route) -> tuple[PlannedDelivery, ...]:
    urgency: MessageKind = "info" if item.kind == "alert" and ALERTS not in rights else item.kind
    return deliveries_of(item, urgency, ente_id, route)


def _is_kept(link: Link, item: Item) -> bool:
    return not isinstance(item, Message) or (link.rel == "payment" and item.notify.legal is not None)


def _enclosed(item: Message, identity: Identity) -> tuple[Enclosure, ...]:
    return tuple(
        Enclosure(
            f"/links/{place}/external_id",
            identity._replace(external_id=link.external_id, collection=f"{link.rel}s"),
        )
        for place, link in enumerate(item.links)
        if link.rel in ("document", "payment")
    )


def _state(item: CitizenItem, *, file_here: bool) -> str:
    match item:
        case Message():
            return "published"
        case Document():
            awaited = item.has_file and item.content_url is None and not file_here
            return item.state or ("announced" if awaited else "available")
        case Receipt():
            return "available"
        case _:
            return item.state


_APPLICATIONS = {
    "draft": "citizen",
    "awaiting_payment": "citizen",
    "integration_requested": "citizen",
    "submitted": "body",
    "registered": "body",
    "in_progress": "body",
    "integration_submitted": "body",
    "suspended": "body",
}


def turn_of(item: CitizenItem, state: str) -> str:
    """Whose turn it is: citizen, body or none."""
    match item:
        case Payment():
            return "citizen" if state in PAYABLE else "none"
        case Message():
            return "citizen" if item.requires_confirmation or item.kind == "integration_request" else "none"
        case Application():
            return item.turn or _APPLICATIONS.get(state, "none")
        case Subscription():
            if state == "renewal_due":
                return "body" if item.renewal == "auto" else "citizen"
            return "body" if state in ("requested", "waitlisted") else "none"
        case Deadline():
            open_duty = state == "open" and item.kind != "body_duty"
            return "citizen" if open_duty else "none"
        case Document():
            ready = item.delivery is not None and item.delivery.state == "ready" and state == "available"
            return "citizen" if ready else "none"
        case _:
            return "none"


def _due_at(item: CitizenItem, dues: tuple[Due, ...]) -> datetime | None:
    match item:
        case Payment():
            return dues[0].at if dues else None
        case Deadline():
            return item.due_at
        case _:
            pending = [due for due in dues if due.state == "open"]
            return next((due.at for due in pending if due.kind != "body_duty"), pending[0].at if pending else None)


def _notice_key(item: CitizenItem, keyed_hash: KeyedHash) -> str | None:
    match item:
        case Payment() if item.notice_number is not None:
            return notice_key(keyed_hash, item.creditor_tax_code, item.notice_number)
        case Receipt():
            return notice_key(keyed_hash, item.payment.creditor_tax_code, item.payment.notice_number)
        case _:
            return None
