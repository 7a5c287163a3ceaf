"""Debt positions of payments, as deliveries of the one outbox: registered, updated with each version, taken back.

A delivery says no more than that the position is to be as the payment is when it leaves (`hub.dispatch.positions`);
those of one payment go one after the other.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from contracts.positions import PAGOPA

from .database import Tx
from .drafts import Draft
from .queueing import delivery_row
from .rows import Batch
from .tables import deliveries


def register(tx: Tx, batch: Batch, draft: Draft, item: dict[str, Any], *, first: bool) -> None:
    """After a new payment, or a new version of one: its position is to follow; one that is no longer asked for, too."""
    if item["collection"] != "payments" or item["lifecycle"] == "restricted":
        return
    if draft.registration is not None:
        batch.deliveries.append(_row(tx, item, draft.registration.connector_id, draft.registration.max_age))
    elif not first:
        unregister(tx, batch, item)


def unregister(tx: Tx, batch: Batch, item: dict[str, Any]) -> None:
    """The payment was taken back, or asks for no position any more: whoever was to register it hears of it."""
    its = deliveries.c
    of_item = (its.ente_id == item["ente_id"]) & (its.message_id == item["item_id"]) & (its.channel == PAGOPA)
    query = select(its.connector_id, its.created_at, its.expires_at, its.due_at).where(of_item)
    last = tx.connection.execute(query.order_by(its.delivery_id.desc()).limit(1)).one_or_none()
    queued = [row for row in batch.deliveries if (row["message_id"], row["channel"]) == (item["item_id"], PAGOPA)]
    if queued:
        batch.deliveries.append(_row(tx, item, queued[-1]["connector_id"], queued[-1]["expires_at"] - tx.now))
    elif last is not None:
        batch.deliveries.append(_row(tx, item, last.connector_id, last.expires_at - last.created_at))


def _row(tx: Tx, item: dict[str, Any], connector_id: str, max_age: timedelta) -> dict[str, Any]:
    return delivery_row(
        tx.now,
        ente_id=item["ente_id"],
        citizen_id=item["citizen_id"],
        message_id=item["item_id"],
        connector_id=connector_id,
        channel=PAGOPA,
        due_at=tx.now,
        max_age=max_age,
        order_key=item["item_id"],
    )
