"""Who is subscribed to a service: those whose subscription says so, in whatever state is asked for."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from contracts.items import Subscription
from hub.store.database import Database
from hub.store.ports import Vault
from hub.store.subscribers import Found, subscriptions_of

from .canonical import read
from .wording import end_of

ENROLLED = ("active", "renewal_due", "renewed")
WAITING = ("waitlisted",)


class Subscriber(NamedTuple):
    """A subscription to the service, and its content."""

    found: Found
    content: Subscription


def children_of(item: Subscription) -> frozenset[str]:
    """The tax codes of the children that it is for."""
    return frozenset(one.tax_code for one in item.beneficiaries if one.role == "child")


def persons_of(item: Subscription) -> frozenset[str]:
    """The tax codes of those who are enrolled by it: its children, or its holder where it names none."""
    return children_of(item) or frozenset((item.recipient.tax_code,))


def subscriber(found: Found, code: str, now: datetime) -> Subscriber | None:
    """It, if it is one of the service `code`; one that was renewed counts until its last day is over."""
    content = read(found.payload)
    assert isinstance(content, Subscription)
    if content.subscription_service != code:
        return None
    if found.state == "renewed" and content.valid_to is not None and end_of(content.valid_to) <= now:
        return None
    return Subscriber(found, content)


def subscribers(
    database: Database, vault: Vault, ente_id: str, code: str, states: Sequence[str], now: datetime
) -> Iterator[Subscriber]:
    """All of them, in the order of citizens, in constant memory."""
    for found in subscriptions_of(database, vault, ente_id, states):
        one = subscriber(found, code, now)
        if one is not None:
            yield one
