"""A delivery as it enters the outbox."""

from datetime import datetime, timedelta
from typing import Any

from contracts.identifiers import new_uuid7

from .standing import NORMAL


def delivery_row(
    now: datetime,
    *,
    ente_id: str,
    citizen_id: str,
    message_id: str,
    connector_id: str,
    channel: str,
    due_at: datetime,
    max_age: timedelta,
    reason: str | None = None,
    priority: int = NORMAL,
    order_key: str | None = None,
    fallback: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """A row of `deliveries` that nobody has taken up; one with a `reason` is skipped from the start. `fallback` is
    what is begun in turn where it does not reach (`planning.fallback_of`)."""
    return {
        "ente_id": ente_id,
        "delivery_id": new_uuid7(),
        "citizen_id": citizen_id,
        "message_id": message_id,
        "connector_id": connector_id,
        "channel": channel,
        "state": "skipped" if reason else "queued",
        "reason": reason,
        "due_at": due_at,
        # Its age counts from when it may leave: a message for next week is not too old then.
        "expires_at": due_at + max_age,
        "attempts": 0,
        "claims": 0,
        "claim_id": None,
        "lease_until": None,
        "about_to_send_at": None,
        "maybe_sent": False,
        "unsafe": False,
        "memo": {},
        "provider_id": None,
        "created_at": now,
        "updated_at": now,
        "priority": priority,
        "order_key": order_key,
        "fallback": fallback,
        "follow_up_at": None,
    }
