"""Enrolment opens (S10): which openings are news, whom they concern, and what these read.

Whoever is subscribed to another period of the service, for somebody who is not in this one yet, is told once for each
opening: it is a broadcast that the hub begins by itself, in the words of the rule `enrolment_opens`.
"""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from contracts.broadcasts import Opening
from contracts.items import Action, Message, Subscription
from contracts.subscription_services import SubscriptionService
from hub.catalogue import Card
from hub.registry import Registry
from hub.store.broadcasts import Begun, opening_id
from hub.store.directory import HUB_VENDOR
from hub.store.ports import Vault
from hub.store.subscribers import Found, subscriptions_held

from .canonical import read
from .notices import message_for
from .rules import Rule
from .subscribers import Subscriber, children_of, persons_of
from .wording import end_of

log = logging.getLogger(__name__)

CONCERNED = ("waitlisted", "active", "renewal_due", "suspended", "ended")
"""States in another period; whoever has renewed has the new one already."""
_THERE = ("requested", "waitlisted", "active", "renewal_due", "renewed", "suspended")
"""States in this period of whoever need not enrol; what was cancelled or has ended may be asked for again."""

_NEWS = timedelta(days=7)
"""An opening of longer ago is told to nobody: the hub, or the service, came later."""
_RECENT = timedelta(days=365)
"""What ended longer ago concerns nobody."""
_LABELS = {"complete": ("Iscriviti", "Enrol"), "inform": ("Leggi la scheda del servizio", "Read about the service")}


def openings(registry: Registry, now: datetime) -> Iterator[Begun]:
    """The openings that are news now, whether or not they have been told. A service outside the catalogue has no other
    periods."""
    services = registry.subscription_services
    left = registry.left
    for (ente_id, code), service in sorted(services.items()):
        window = service.enrol_window
        if ente_id in left:
            continue
        if window is None or not window.opens_at <= now < min(window.closes_at, window.opens_at + _NEWS):
            continue
        others = tuple(
            sorted(
                other
                for (owner, other), each in services.items()
                if owner == ente_id
                and other != code
                and each.service_id is not None
                and each.service_id == service.service_id
            )
        )
        if others:
            content = Opening(code=code, other_periods=others, closes_at=window.closes_at)
            yield Begun(ente_id, opening_id(ente_id, code, window.opens_at), content)


def enrolled(
    connection: Connection, vault: Vault, ente_id: str, content: Opening, page: Sequence[Found]
) -> Mapping[str, Collection[str]]:
    """Who is in the new period already, whichever parent's subscription it is: by the citizens of these subscriptions,
    the tax codes of those whose subscriptions they hold, or hold as well."""
    citizen_ids = {found.key[1] for found in page}
    there: dict[str, set[str]] = {citizen_id: set() for citizen_id in citizen_ids}
    for found in subscriptions_held(connection, vault, ente_id, citizen_ids, _THERE):
        try:
            item = read(found.payload)
        except ValueError:
            log.exception("opening.unreadable item=%s", found.key[2])
            continue
        assert isinstance(item, Subscription)
        if item.subscription_service == content.code:
            # What a co-holder has is a copy: whom it is for is no longer its recipient.
            there[found.key[1]] |= children_of(item) if found.vendor_id == HUB_VENDOR else persons_of(item)
    return there


def concerned(found: Found, content: Opening, now: datetime, there: Collection[str]) -> Subscriber | None:
    """The subscription, if its holder is to be told of the opening: it is for somebody who is not `there` yet."""
    item = read(found.payload)
    assert isinstance(item, Subscription)
    if item.subscription_service not in content.other_periods or persons_of(item) <= set(there):
        return None
    if item.valid_to is None:
        return Subscriber(found, item) if found.state != "ended" else None
    return Subscriber(found, item) if end_of(item.valid_to) + _RECENT > now else None


def opening_message(
    item: Subscription, rule: Rule, content: Opening, service: SubscriptionService, card: Card | None, now: datetime
) -> Message:
    """The message to the holder of a subscription to another period, in its language, by its channels."""
    about = {"title": service.name, "summary": None, "service_id": service.service_id, "actions": ()}
    changed = item.model_copy(
        update=about | {"notify": item.notify.wordless(), "occurred_at": now.replace(microsecond=0)}
    )
    message = message_for(changed, rule, item.state, due=content.closes_at)
    return message.model_copy(update={"actions": _actions(card, content, message.language)})


def _actions(card: Card | None, content: Opening, language: str) -> tuple[Action, ...]:
    if card is None or card.state != "published":
        return ()
    kind, url = ("complete", card.start_url) if card.start_url is not None else ("inform", card.card_url)
    if url is None:
        return ()
    made = {"kind": kind, "label": _LABELS[kind][language[:2] == "en"], "url": url, "primary": True}
    return (Action.model_validate(made | {"valid_to": content.closes_at}),)
