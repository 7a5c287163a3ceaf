"""Who is subscribed to a service: those whose subscription says so, in whatever state is asked for."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import NamedTuple

import orjson

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


def subscribed(found: Found, code: str, now: datetime) -> bool:
    """Whether it is one of the service `code`; one that was renewed counts until its last day is over. Of all an ente's
    subscriptions most may be of others: what is asked is read of their content, and no more."""
    said = orjson.loads(found.payload)
    if said["subscription_service"] != code:
        return False
    last_day = said.get("valid_to")
    return found.state != "renewed" or last_day is None or end_of(date.fromisoformat(last_day)) > now


def subscriber(found: Found, code: str, now: datetime) -> Subscriber | None:
    """It with its content, if it is one of the service `code`."""
    if not subscribed(found, code, now):
        return None
    content = read(found.payload)
    assert isinstance(content, Subscription)
    return Subscriber(found, content)


def subscribers(
    database: Database, vault: Vault, ente_id: str, code: str, states: Sequence[str], now: datetime
) -> Iterator[Subscriber]:
    """All of them, in the order of citizens, in constant memory."""
    for found in subscriptions_of(database, vault, ente_id, states):
        one = subscriber(found, code, now)
        if one is not None:
            yield one
