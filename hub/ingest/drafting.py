"""From a canonical item to the store's draft of it: clear columns, states, and the message it will give."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from contracts.items import Channel, CitizenItem, Document, Item, Message, MessageKind, Payment, Receipt, Service
from hub.registry import Vendor
from hub.store.citizens import Subject
from hub.store.directory import HUB_VENDOR
from hub.store.drafts import Draft, Identity, PlannedDelivery

from .canonical import canonical_json, content_hash
from .notices import message_for, rule_for

SETTLES = "settles-notices"
"""The right of a vendor (a payment intermediary) whose receipts pay other vendors' notices too."""

ALERTS = "alerts"
"""The right of a vendor (civil protection) whose messages of kind `alert` go before all others."""

ROME = ZoneInfo("Europe/Rome")

Route = Callable[[str, tuple[Channel, ...], bool, MessageKind], tuple[PlannedDelivery, ...]]
"""Which connectors to try: (ente_id, channels wished for, whether an e-mail address is known, kind)."""

KeyedHash = Callable[[str, str], str]


def draft_of(item: Item, vendor: Vendor, *, route: Route, keyed_hash: KeyedHash) -> Draft:
    """The draft of an item as `vendor` published it."""
    payload = canonical_json(item)
    identity = Identity(vendor.ente_id, vendor.vendor_id, item.source, item.external_id, item.collection)
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
    return _citizen_draft(item, vendor, identity, payload, route=route, keyed_hash=keyed_hash, file_here=False)


def uploaded_draft(item: Document, vendor: Vendor, *, route: Route, keyed_hash: KeyedHash) -> Draft:
    """The draft of a document whose file has just come: its notice, held back until now, is in it."""
    identity = Identity(vendor.ente_id, vendor.vendor_id, item.source, item.external_id, item.collection)
    payload = canonical_json(item)
    return _citizen_draft(item, vendor, identity, payload, route=route, keyed_hash=keyed_hash, file_here=True)


def _citizen_draft(
    item: CitizenItem,
    vendor: Vendor,
    identity: Identity,
    payload: bytes,
    *,
    route: Route,
    keyed_hash: KeyedHash,
    file_here: bool,
) -> Draft:
    subject = Subject(vendor.ente_id, item.recipient.subject_kind, item.recipient.tax_code)
    state = _state(item, file_here=file_here)
    rule = rule_for(item, state)
    message = None
    if rule is not None:
        told = message_for(item, rule)
        text = canonical_json(told)
        message = Draft(
            identity=Identity(vendor.ente_id, HUB_VENDOR, "hub", rule.name, "messages"),
            subject=subject,
            version=1,
            content_hash=content_hash(text),
            payload=text,
            state="published",
            reported_state="published",
            turn="none",
            occurred_at=item.occurred_at,
            service_id=item.service_id,
            sensitivity=item.sensitivity,
            min_loa=item.min_loa,
            visible_from=item.visible_from,
        )
    kind = rule.kind if rule is not None else item.kind if isinstance(item, Message) else None
    deliveries: tuple[PlannedDelivery, ...] = ()
    if kind is not None and item.notify.channels:
        urgency: MessageKind = "info" if kind == "alert" and ALERTS not in vendor.rights else kind
        deliveries = route(vendor.ente_id, item.notify.channels, item.recipient.email is not None, urgency)
    return Draft(
        identity=identity,
        subject=subject,
        version=item.version,
        content_hash=content_hash(payload),
        payload=payload,
        state=state,
        reported_state=state,
        turn=_turn(item, state),
        occurred_at=item.occurred_at,
        service_id=item.service_id,
        sensitivity=item.sensitivity,
        min_loa=item.min_loa,
        visible_from=item.visible_from,
        expires_at=item.expires_at,
        due_at=_due_at(item),
        as_of=item.as_of,
        notice_key=_notice_key(item, keyed_hash),
        settles=isinstance(item, Receipt) and SETTLES in vendor.rights,
        file_sha256=item.sha256 if isinstance(item, Document) else None,
        message=message,
        deliveries=deliveries,
    )


def _state(item: CitizenItem, *, file_here: bool) -> str:
    match item:
        case Message():
            return "published"
        case Payment():
            return item.state
        case Document():
            awaited = item.has_file and item.content_url is None and not file_here
            return item.state or ("announced" if awaited else "available")
        case Receipt():
            return "available"


def _turn(item: CitizenItem, state: str) -> str:
    match item:
        case Payment():
            return "citizen" if state in ("due", "started", "overdue") else "none"
        case Message():
            return "citizen" if item.requires_confirmation or item.kind == "integration_request" else "none"
        case _:
            return "none"


def _due_at(item: CitizenItem) -> datetime | None:
    match item:
        case Payment() if item.due_date is not None and item.due_date < date.max:
            # A due date ends at midnight in Italy; 31 December 9999 is how some sources write "none".
            return (datetime.combine(item.due_date, time(), ROME) + timedelta(days=1)).astimezone(UTC)
        case Message():
            return item.due_at
        case _:
            return None


def _notice_key(item: CitizenItem, keyed_hash: KeyedHash) -> str | None:
    match item:
        case Payment() if item.notice_number is not None:
            return keyed_hash("notice", f"{item.creditor_tax_code}\0{item.notice_number}")
        case Receipt():
            return keyed_hash("notice", f"{item.payment.creditor_tax_code}\0{item.payment.notice_number}")
        case _:
            return None
