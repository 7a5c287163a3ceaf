"""A new version may move the moment from which its item is shown: what tells of it moves along."""

from typing import Any

from sqlalchemy import BigInteger, or_, select, type_coerce, update

from .database import Tx
from .rows import IN_ORDER, Batch
from .tables import Instant, deliveries, items


def move(tx: Tx, batch: Batch, item: dict[str, Any], before: dict[str, Any]) -> None:
    """Messages about the item are hidden as long as it is, and what was never tried is sent no earlier."""
    if item["visible_from"] == before["visible_from"]:
        return
    told = [*messages_about(tx, item), *batch.new_items.values()]
    for message in told:
        if message["about_item_id"] == item["item_id"]:
            batch.change(message | {name: item[name] for name in ("visible_from", "hidden", "updated_at")})
    due_at = max(tx.now, item["visible_from"] or tx.now)
    its = deliveries.c
    # Its age counts from when it may leave.
    later = Instant.bound(due_at) - type_coerce(its.due_at, BigInteger)
    tx.connection.execute(
        update(deliveries)
        .where(
            its.ente_id == item["ente_id"],
            its.message_id.in_(
                select(items.c.item_id).where(
                    items.c.ente_id == item["ente_id"],
                    items.c.citizen_id == item["citizen_id"],
                    or_(items.c.item_id == item["item_id"], items.c.about_item_id == item["item_id"]),
                )
            ),
            its.state.in_(("queued", "held")),
            its.claim_id.is_(None),
            its.attempts == 0,
        )
        .values(due_at=due_at, expires_at=type_coerce(its.expires_at, BigInteger) + later)
    )
    tx.work_is_due = True


def messages_about(tx: Tx, item: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages and deadlines that rules made about an item, held until the commit. Payments of a plan are no such:
    they are owed on their own."""
    rows = tx.connection.execute(
        select(items)
        .where(
            items.c.ente_id == item["ente_id"],
            items.c.citizen_id == item["citizen_id"],
            items.c.about_item_id == item["item_id"],
            items.c.collection != "payments",
        )
        .order_by(*IN_ORDER)
        .with_for_update()
    ).mappings()
    return [dict(row) for row in rows]
