"""Many deliveries at once, without the items that they are of: for what concerns the outbox alone."""

from datetime import timedelta

from sqlalchemy import insert

from contracts.identifiers import new_uuid7
from hub.store.tables import deliveries
from tests.unit.store.making import ENTE


def fill(store, connector_id, count, **fields):
    """`count` queued deliveries, due now."""
    now = store.clock.moment
    row = {
        "ente_id": ENTE,
        "connector_id": connector_id,
        "channel": "io",
        "state": "queued",
        "due_at": now,
        "expires_at": now + timedelta(days=3),
        "attempts": 0,
        "claims": 0,
        "maybe_sent": False,
        "unsafe": False,
        "memo": {},
        "created_at": now,
        "updated_at": now,
        "priority": 1,
    } | fields
    names = [new_uuid7() for _ in range(count)]
    rows = [{"citizen_id": name, "message_id": name, "delivery_id": name} | row for name in names]
    with store.database.write() as tx:
        tx.connection.execute(insert(deliveries), rows)
    return names
