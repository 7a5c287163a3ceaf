"""What is said of the telling: in the timeline of items, and to their vendors."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, insert, select

from contracts.connector import CALLBACK
from contracts.identifiers import new_uuid7
from contracts.positions import PAGOPA
from contracts.settling import SETTLED, UNTOLD

from .database import Tx, lock_names
from .directory import HUB_VENDOR
from .given import GIVEN, given, is_given
from .rows import tell_vendor, vendor_event
from .tables import deliveries, items, timeline


def note_outcome(tx: Tx, ente_id: str, citizen_id: str, message_id: str, channel: str, state: str) -> None:
    """The timeline of the message, and of the item it tells about, says how the telling ended; and so is the vendor of
    the item told."""
    if channel in (CALLBACK, SETTLED):
        return  # what a vendor was told is no event of an item, nor that its payment was told of
    if channel == PAGOPA:
        note_position(tx, ente_id, citizen_id, message_id, state)
        return
    its = items.c
    mine = (its.ente_id == ente_id) & (its.citizen_id == citizen_id)
    found = tx.connection.execute(
        select(its.item_id, its.about_item_id, its.vendor_id).where(mine, its.item_id == message_id)
    ).one_or_none()
    about = None if found is None else found.about_item_id
    rows = [
        {
            "ente_id": ente_id,
            "citizen_id": citizen_id,
            "item_id": item_id,
            "event_id": new_uuid7(),
            "at": tx.now,
            "event": "notified" if state == "delivered" else "notice_ended",
            "data": {"channel": channel, "state": state},
        }
        for item_id in (message_id, about)
        if item_id is not None
    ]
    tx.connection.execute(insert(timeline), rows)
    if about is not None:
        found = tx.connection.execute(select(its.vendor_id).where(mine, its.item_id == about)).one_or_none()
    if found is not None and found.vendor_id != HUB_VENDOR:
        told = [vendor_event(rows[-1], found.vendor_id, detail=True)]
        if state == "delivered" and not _told_before(tx, ente_id, message_id):
            # All that a vendor learns without the right, and once: a second time would say that there is a second way.
            once = rows[-1] | {"event_id": new_uuid7(), "event": "notification", "data": {"notification": "sent"}}
            told.append(vendor_event(once, found.vendor_id, detail=False))
        tell_vendor(tx, told)


def note_position(tx: Tx, ente_id: str, citizen_id: str, item_id: str, state: str) -> None:
    """How the registering of a payment's position ended: in its timeline, and to its vendor, whose business it is."""
    its = items.c
    mine = (its.ente_id == ente_id) & (its.citizen_id == citizen_id) & (its.item_id == item_id)
    row = {"ente_id": ente_id, "citizen_id": citizen_id, "item_id": item_id, "event_id": new_uuid7(), "at": tx.now}
    row |= {"event": "position", "data": {"state": state}}
    tx.connection.execute(insert(timeline), row)
    vendor_id = tx.connection.execute(select(its.vendor_id).where(mine)).scalar_one_or_none()
    if vendor_id is not None and vendor_id != HUB_VENDOR:
        tell_vendor(tx, [vendor_event(row, vendor_id, detail=False)])


def _told_before(tx: Tx, ente_id: str, message_id: str) -> bool:
    """Whether another delivery of the message has arrived; this one is among those that have."""
    lock_names(tx, {f"told|{ente_id}|{message_id}"})  # two that arrive at one moment would both be the first
    delivered = (deliveries.c.message_id == message_id) & (deliveries.c.state == "delivered")
    query = select(deliveries.c.delivery_id).where(deliveries.c.ente_id == ente_id, delivered).limit(2)
    return len(tx.connection.execute(query).all()) > 1


def _states(of: ColumnElement[Any]) -> Select[Any]:
    """The deliveries of the messages whose `of` is a given item."""
    its = GIVEN.join(items, is_given(items.c.ente_id, items.c.citizen_id, of)).join(
        deliveries, (deliveries.c.ente_id == items.c.ente_id) & (deliveries.c.message_id == items.c.item_id)
    )
    return (
        select(items.c.item_id, items.c.about_item_id, deliveries.c.state)
        .select_from(its)
        .where(of.is_not(None), deliveries.c.channel.not_in(UNTOLD))
    )


_STATES = _states(items.c.item_id).union_all(_states(items.c.about_item_id))


def notifications(connection: Connection, wanted: Sequence[tuple[str, str, str]]) -> dict[str, str]:
    """For each (ente, citizen, item): pending, sent or not_sent. It is all that a vendor learns (`settled` 8)."""
    if not wanted:
        return {}
    states: dict[str, set[str]] = {}
    for row in connection.execute(_STATES, given(wanted)):
        states.setdefault(row.about_item_id or row.item_id, set()).add(row.state)
    return {
        item_id: "sent" if found & {"delivered", "waiting"} else "pending" if found & {"queued", "held"} else "not_sent"
        for item_id, found in states.items()
    }
