"""What is said of the telling: in the timeline of items, and to their vendors."""

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from contracts.identifiers import new_uuid7

from .database import Tx, among, keys
from .tables import deliveries, items, timeline


def note_outcome(tx: Tx, ente_id: str, citizen_id: str, message_id: str, channel: str, state: str) -> None:
    """The timeline of the message, and of the item it tells about, says how the telling ended."""
    about = tx.connection.execute(
        select(items.c.about_item_id).where(
            items.c.ente_id == ente_id, items.c.citizen_id == citizen_id, items.c.item_id == message_id
        )
    ).scalar_one_or_none()
    tx.connection.execute(
        insert(timeline),
        [
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
        ],
    )


def notifications(connection: Connection, wanted: Sequence[tuple[str, str, str]]) -> dict[str, str]:
    """For each (ente, citizen, item): pending, sent or not_sent. It is all that a vendor learns (`settled` 8)."""
    if not wanted:
        return {}
    own = among("item", items.c.ente_id, items.c.citizen_id, items.c.item_id)
    about = among("item", items.c.ente_id, items.c.citizen_id, items.c.about_item_id)
    rows = connection.execute(
        select(items.c.item_id, items.c.about_item_id, deliveries.c.state)
        .join(deliveries, (deliveries.c.ente_id == items.c.ente_id) & (deliveries.c.message_id == items.c.item_id))
        .where(own | about),
        keys("item", wanted),
    )
    states: dict[str, set[str]] = {}
    for row in rows:
        states.setdefault(row.about_item_id or row.item_id, set()).add(row.state)
    return {
        item_id: "sent" if found & {"delivered", "waiting"} else "pending" if found & {"queued", "held"} else "not_sent"
        for item_id, found in states.items()
    }
