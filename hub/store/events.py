"""Reads of what vendors are told of their items, in commit order (`settled` 20)."""

from typing import Any

from sqlalchemy import Connection, false, select

from .tables import item_identities, vendor_events, vendors

_EVENT = select(
    vendor_events.c.number,
    vendor_events.c.event_id,
    vendor_events.c.at,
    vendor_events.c.item_id,
    vendor_events.c.event,
    vendor_events.c.data,
    vendor_events.c.detail,
    item_identities.c.collection,
    item_identities.c.source,
    item_identities.c.external_id,
).join(
    item_identities,
    (item_identities.c.ente_id == vendor_events.c.ente_id) & (item_identities.c.item_id == vendor_events.c.item_id),
)


def events_after(
    connection: Connection, *, ente_id: str, vendor_id: str, after: int, limit: int, detailed: bool
) -> list[dict[str, Any]]:
    """A vendor's events after a number; those that tell of channels only for whom is `detailed`."""
    its = vendor_events.c
    query = _EVENT.where(its.ente_id == ente_id, its.vendor_id == vendor_id, its.number > after)
    if not detailed:
        query = query.where(its.detail == false())
    return [dict(row) for row in connection.execute(query.order_by(its.number).limit(limit)).mappings()]


def one_event(connection: Connection, *, ente_id: str, vendor_id: str, number: int) -> dict[str, Any] | None:
    """The event of that number."""
    its = vendor_events.c
    one = (its.ente_id == ente_id) & (its.vendor_id == vendor_id) & (its.number == number)
    row = connection.execute(_EVENT.where(one)).mappings().one_or_none()
    return None if row is None else dict(row)


def event_of_ente(connection: Connection, *, ente_id: str, number: int) -> dict[str, Any] | None:
    """The event of that number, whichever vendor's it is, with `vendor_id` and the item's `citizen_id`."""
    # By the vendors, for the key leads with theirs; an index by number would be written with every event.
    own = select(vendors.c.vendor_id).where(vendors.c.ente_id == ente_id)
    its = vendor_events.c
    query = _EVENT.add_columns(its.vendor_id, item_identities.c.citizen_id).where(
        its.ente_id == ente_id, its.vendor_id.in_(own), its.number == number
    )
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)
