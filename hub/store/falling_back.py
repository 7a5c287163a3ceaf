"""What follows where a delivery ended and did not reach the citizen: the next channel, or the feed alone."""

from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select, update

from contracts.connector import CALLBACK
from contracts.settling import UNTOLD
from hub.metrics import feed_only

from .database import Tx
from .queueing import delivery_row
from .tables import deliveries

_LEFT_UNSAID = frozenset({"item.withdrawn", "notice.moot", "citizen.erased"})
"""Nobody wants the citizen to be told any more, on whatever channel."""
_UNREACHED = frozenset({"skipped", "rejected", "expired"})
"""Ends after which it is known that nothing has come that way."""


def go_on(tx: Tx, *, ente_id: str, message_id: str, delivery_id: str, channel: str, reason: str | None) -> None:
    """A delivery of the message has ended otherwise than `delivered`: begin what it is to fall back to, if anything.

    A message that no channel is left for stays in the feed, and is counted. One that may have been sent
    (`unconfirmed`) falls back as well: that it has come is what nobody knows.
    """
    if reason in _LEFT_UNSAID or channel in (CALLBACK, *UNTOLD):
        return
    its = deliveries.c
    of_message = (its.ente_id == ente_id) & (its.message_id == message_id)
    query = select(its.delivery_id, its.citizen_id, its.state, its.fallback).where(of_message)
    found = {row.delivery_id: row for row in tx.connection.execute(query)}
    ended = found.get(delivery_id)
    if ended is None:
        return
    if ended.fallback:
        first, *later = ended.fallback
        tx.connection.execute(
            insert(deliveries), [_row(tx, ente_id, ended.citizen_id, message_id, first) | {"fallback": later or None}]
        )
        # A replay of the first must not begin the second once more.
        own = (its.ente_id == ente_id) & (its.delivery_id == delivery_id)
        tx.connection.execute(update(deliveries).where(own).values(fallback=None))
        tx.work_is_due = True
    elif {row.state for row in found.values()} <= _UNREACHED:
        tx.after_commit.append(feed_only.inc)


def _row(tx: Tx, ente_id: str, citizen_id: str, message_id: str, kept: dict[str, Any]) -> dict[str, Any]:
    return delivery_row(
        tx.now,
        ente_id=ente_id,
        citizen_id=citizen_id,
        message_id=message_id,
        connector_id=kept["connector_id"],
        channel=kept["channel"],
        due_at=tx.now,
        max_age=timedelta(seconds=kept["max_age_s"]),
        priority=kept["priority"],
        order_key=kept["order_key"],
    )
