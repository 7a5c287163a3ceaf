"""What follows from an item: the message that tells of it and its way, its deadlines, when the hub looks again."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from contracts.items import Channel, CitizenItem, Deadline, Document, Message, MessageKind, Subscription
from hub.registry import Registry
from hub.store.citizens import Subject
from hub.store.directory import HUB_VENDOR
from hub.store.drafts import Appointment, Draft, Identity, PlannedDelivery, Told
from hub.store.references import CHECK

from .canonical import canonical_json, content_hash
from .deadlines import Due, deadline_for
from .notices import message_for
from .rules import Rule, Rules
from .subscriptions import appointments, told_as

Route = Callable[[str, tuple[Channel, ...], bool, MessageKind], tuple[PlannedDelivery, ...]]
"""Which connectors to try: (ente_id, channels wished for, whether an e-mail address is known, kind)."""


@dataclass(frozen=True, slots=True)
class StagedRoute:
    """The route of everybody, and that of vendors in their sandbox, whose items go to connectors for tests alone."""

    production: Route
    sandbox: Route
    registry: Callable[[], Registry]

    def __call__(
        self, ente_id: str, channels: tuple[Channel, ...], has_email: bool, kind: MessageKind
    ) -> tuple[PlannedDelivery, ...]:
        return self.production(ente_id, channels, has_email, kind)


def route_of(route: Route, ente_id: str, vendor_id: str) -> Route:
    """Which way the items of a vendor go."""
    if not isinstance(route, StagedRoute):
        return route
    return route.sandbox if is_on_trial(route, ente_id, vendor_id) else route.production


def is_on_trial(route: Route, ente_id: str, vendor_id: str) -> bool:
    """Whether a vendor is in its sandbox, where there are such."""
    vendor = route.registry().vendors.get((ente_id, vendor_id)) if isinstance(route, StagedRoute) else None
    return vendor is not None and vendor.stage == "sandbox"


IN_TURN = "first_that_reaches"
"""The mode in which a vendor's channels are tried one after the other."""

DUE = "due"
"""The occasion on which something should have been done."""


def rule_for(item: CitizenItem, state: str, rules: Rules) -> Rule | None:
    """The rule that tells of an item in that state: of a document on paper, where it is on its way."""
    if isinstance(item, Document) and item.delivery is not None and state == "available":
        return rules.on_state("documents", item.delivery.state)
    return rules.on_state(item.collection, told_as(item, state) if isinstance(item, Subscription) else state)


def told_by(
    rule: Rule, item: CitizenItem, state: str, ente_id: str, *, route: Route, due: datetime | None, occasion: str = ""
) -> Told:
    """The message by which a rule tells of an item, and where it goes."""

    def worded(language: str | None = None) -> Draft:
        spoken = item if language is None else item.model_copy(update={"language": language})
        return hub_draft(message_for(spoken, rule, state, due=due), "published", item, ente_id)

    # The vendor's own words are in the item's language, whatever the citizen's is.
    vendors_own = rule.on == "state" and (item.notify.subject or item.notify.body) is not None
    return Told(
        worded(),
        deliveries_of(item, rule.kind, ente_id, route),
        again=rule.again,
        instead_of=rule.instead_of,
        occasion=occasion,
        kind=rule.kind,
        in_turn=item.notify.mode == IN_TURN,
        worded=None if vendors_own else worded,
        fact=str(item.waiting_position or 0) if isinstance(item, Subscription) and state == "waitlisted" else "",
    )


def own_message(message: Message, about: CitizenItem, ente_id: str, *, route: Route) -> Draft:
    """A message that an administrator writes to the recipient of an item, by the channels wished for there."""
    draft = hub_draft(message, "published", about, ente_id)
    deliveries = deliveries_of(message, message.kind, ente_id, route)
    return replace(draft, deliveries=deliveries, in_turn=message.notify.mode == IN_TURN)


def deliveries_of(item: CitizenItem, kind: MessageKind, ente_id: str, route: Route) -> tuple[PlannedDelivery, ...]:
    """By which of the channels wished for in an item a message of that kind goes to its recipient."""
    channels = item.notify.channels
    return route(ente_id, channels, item.recipient.email is not None, kind) if channels else ()


def agenda_of(item: CitizenItem, state: str, dues: tuple[Due, ...], rules: Rules) -> tuple[Appointment, ...]:
    """When the hub looks at the item again by itself: reminders ahead of what is due, and the moment itself."""
    offsets = item.reminder_offsets if isinstance(item, Deadline) else None
    if isinstance(item, Deadline):
        dues = (Due(item.kind, item.due_at, "open"),) if state == "open" else ()
    found: list[Appointment] = []
    if isinstance(item, Subscription):
        found += appointments(item, state)
    if isinstance(item, Document) and item.content_url is not None and state == "available":
        found.append(Appointment(CHECK, item.occurred_at, late=True))
    for due in dues:
        if due.state != "open":
            continue
        rule = rules.reminding(item.collection, due.kind)
        found.append(Appointment(f"{DUE}.{due.kind}", due.at, late=True))
        if rule is not None and due.kind != "body_duty":
            days = rule.days if offsets is None else offsets
            found += [Appointment(f"remind.{due.kind}.{n}", due.at - timedelta(days=n)) for n in sorted(set(days))]
    return tuple(found)


def hub_draft(item: Message | Deadline | Subscription, state: str, about: CitizenItem, ente_id: str) -> Draft:
    """An item of the hub's own about another. Its version is the other's, which does not make it another content."""
    payload = canonical_json(item)
    same = payload if item.version == 1 else canonical_json(item.model_copy(update={"version": 1}))
    return Draft(
        identity=Identity(ente_id, HUB_VENDOR, "hub", item.external_id, item.collection),
        subject=Subject(ente_id, about.recipient.subject_kind, about.recipient.tax_code),
        version=item.version,
        content_hash=content_hash(same),
        payload=payload,
        state=state,
        reported_state=state,
        turn="none",
        occurred_at=item.occurred_at,
        service_id=item.service_id,
        sensitivity=item.sensitivity,
        min_loa=item.min_loa,
        visible_from=item.visible_from,
        due_at=None if isinstance(item, Subscription) else item.due_at,
    )


def deadlines_of(item: CitizenItem, dues: tuple[Due, ...], ente_id: str) -> tuple[Draft, ...]:
    """The drafts of the deadlines about an item."""
    return tuple(hub_draft(deadline_for(item, due), due.state, item, ente_id) for due in dues)


def next_due(dues: tuple[Due, ...]) -> datetime | None:
    """When something is next asked for that is not the body's own duty."""
    return min((due.at for due in dues if due.state == "open" and due.kind != "body_duty"), default=None)
