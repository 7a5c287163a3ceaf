"""One citizen's notices of a vendor about a service, one at a time and in order, where a connector asks for it."""

import hashlib
from typing import Any

from sqlalchemy import ColumnElement, bindparam, exists, or_

from .tables import deliveries


def order_key(message: dict[str, Any]) -> str:
    """What the deliveries of a citizen that follow each other share. No vendor holds up another's."""
    return hashlib.sha256(f"{message['vendor_id']}\0{message['service_id'] or ''}".encode()).hexdigest()


def somebody_before() -> ColumnElement[bool]:
    """Whether a notice about the same service to the same citizen goes first, or is on its way; `now` is a parameter.

    What a provider accepted is no obstacle any more, nor what has ended. `unconfirmed` is an end, too: the person who
    decides about it may take days. Nor is one that nobody has touched before its time: a message for next year.
    """
    other, its = deliveries.alias("other"), deliveries.c
    return exists().where(
        other.c.ente_id == its.ente_id,
        other.c.connector_id == its.connector_id,
        other.c.citizen_id == its.citizen_id,
        other.c.order_key == its.order_key,
        other.c.state.in_(("queued", "held")),
        other.c.delivery_id != its.delivery_id,
        or_(
            other.c.due_at <= bindparam("now"),
            other.c.claim_id.is_not(None),
            other.c.attempts > 0,
            other.c.updated_at > other.c.created_at,
        ),
        # The second: one that was replayed, or whose connector became an ordered one, while a later one was on its way.
        or_(other.c.delivery_id < its.delivery_id, other.c.claim_id.is_not(None)),
    )
