"""Subscription services as an administrator changes them (`settled` 15)."""

from typing import Any

from sqlalchemy import Connection, insert, literal, select, update

from contracts.subscription_services import SubscriptionService

from .database import Tx, upsert
from .directory import AlreadyThere, NotThere, bump
from .tables import agenda, items, subscription_services

REVIEW = "review"
"""The occasion on which what follows from an item is worked out again: the rules have changed."""

_SETTLED = ("renewed", "cancelled", "ended")


def subscription_services_of(connection: Connection, ente_id: str) -> set[str]:
    """The codes of all that the ente has."""
    its = subscription_services.c
    return set(connection.execute(select(its.code).where(its.ente_id == ente_id)).scalars())


def add_subscription_service(tx: Tx, ente_id: str, service: SubscriptionService) -> None:
    """Raises AlreadyThere."""
    bump(tx, "trust")
    if tx.connection.execute(select(subscription_services.c.code).where(_named(ente_id, service.code))).first():
        raise AlreadyThere(service.code)
    row = {"ente_id": ente_id, "code": service.code, "record": _record(service)}
    tx.connection.execute(insert(subscription_services), row | {"created_at": tx.now, "updated_at": tx.now})


def set_subscription_service(tx: Tx, ente_id: str, service: SubscriptionService) -> None:
    """The rules from now on, for those too who are subscribed already: the agenda looks at each again.

    Raises:
        NotThere: there is no service of that code.
    """
    bump(tx, "trust")
    values = {"record": _record(service), "updated_at": tx.now}
    changed = update(subscription_services).where(_named(ente_id, service.code)).values(values)
    if tx.connection.execute(changed).rowcount == 0:
        raise NotThere(service.code)
    # Whose service it is stands in the sealed content alone: those of other services find nothing changed.
    its = items.c
    open_still = select(
        its.ente_id, its.citizen_id, its.item_id, literal(REVIEW), literal(tx.now, agenda.c.at.type)
    ).where(
        its.ente_id == ente_id,
        its.collection == "subscriptions",
        its.lifecycle == "active",
        its.state.not_in(_SETTLED),
    )
    names = ["ente_id", "citizen_id", "item_id", "occasion", "at"]
    tx.connection.execute(upsert(agenda).from_select(names, open_still).on_conflict_do_nothing())


def _named(ente_id: str, code: str) -> Any:
    return (subscription_services.c.ente_id == ente_id) & (subscription_services.c.code == code)


def _record(service: SubscriptionService) -> dict[str, Any]:
    return service.model_dump(mode="json", exclude_none=True)
