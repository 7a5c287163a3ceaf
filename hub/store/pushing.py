"""What vendors are told at their own addresses, as deliveries of the one outbox.

Each vendor has up to two lanes: `replies.<vendor>` for results that it asked for with X-ReplyTo, `events.<vendor>` for
events of its items. A lane is a connector as any other, so that a vendor whose address is down harms neither its own
other lane nor anybody else. A delivery's `message_id` names what is told: a batch, or the number of an event.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import literal, select

from contracts.connector import CALLBACK

from .bulk import insert_rows
from .configuration import REMOVED
from .database import Tx
from .queueing import delivery_row
from .tables import connectors, deliveries, vendors

Lane = Literal["replies", "events"]
TYPE = "vendor_callback"
NOBODY = "-"
"""Stands for the citizen: what vendors are told is about items, and names no person."""

DETAIL = "delivery-detail"
"""The right of a vendor to know by which channel a citizen was told (`settled` 8)."""

_PUSHED = frozenset(
    {
        "paid",
        "withdrawn",
        "available",
        "notification",
        "notified",
        "notice_ended",
        "renewal_due",
        "ended",
        "requested",
        "request_unanswered",
        "numbered",
        "position",
    }
)
"""Events worth a call; the others are the vendor's own requests, which a receipt has answered."""

GONE = "callback.removed"
"""Why a delivery is skipped whose lane was taken away."""

_MAX_AGE = timedelta(days=3)


def connector_of(lane: Lane, vendor_id: str) -> str:
    """The connector of a vendor's lane."""
    return f"{lane}.{vendor_id}"


def vendor_of(connector_id: str) -> tuple[str, str]:
    """The lane and vendor of a connector."""
    lane, _, vendor_id = connector_id.partition(".")
    return lane, vendor_id


def push(tx: Tx, told: Sequence[tuple[str, str, str]]) -> None:
    """Queue deliveries: (ente_id, connector_id, what)."""
    push_at(tx, [(*each, tx.now) for each in told])


def push_at(tx: Tx, told: Sequence[tuple[str, str, str, datetime]]) -> None:
    """Queue deliveries for later: (ente_id, connector_id, what, when). Their age counts from then."""
    rows = [
        delivery_row(
            tx.now,
            ente_id=ente_id,
            citizen_id=NOBODY,
            message_id=what,
            connector_id=connector_id,
            channel=CALLBACK,
            due_at=due_at,
            max_age=_MAX_AGE,
        )
        for ente_id, connector_id, what, due_at in told
    ]
    if rows:
        insert_rows(tx.connection, deliveries, rows)
        tx.work_is_due = True


def push_events(tx: Tx, events: Sequence[Mapping[str, Any]]) -> None:
    """Queue those events for which their vendor registered an address, and which it may know."""
    worth = [event for event in events if event["event"] in _PUSHED]
    if not worth:
        return
    lane = connectors.c.connector_id == literal("events.").concat(vendors.c.vendor_id)
    there = (connectors.c.type == TYPE) & (connectors.c.status != REMOVED)
    query = (
        select(vendors.c.ente_id, vendors.c.vendor_id, vendors.c.rights)
        .join(connectors, (connectors.c.ente_id == vendors.c.ente_id) & lane & there)
        .where(vendors.c.ente_id.in_(sorted({event["ente_id"] for event in worth})), vendors.c.active)
    )
    rights = {(row.ente_id, row.vendor_id): row.rights for row in tx.connection.execute(query)}
    told = []
    for event in worth:
        its = rights.get((event["ente_id"], event["vendor_id"]))
        if its is not None and (DETAIL in its or not event["detail"]):
            told.append((event["ente_id"], connector_of("events", event["vendor_id"]), str(event["number"])))
    push(tx, told)
