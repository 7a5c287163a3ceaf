"""Deliveries as an operator sees and repairs them."""

from typing import Any

from sqlalchemy import Connection, insert, select, update

from contracts.identifiers import new_uuid7

from .database import Tx
from .directory import NotThere
from .tables import attempts, connectors, deliveries, timeline

REPLAYABLE = frozenset({"rejected", "skipped", "unconfirmed", "held", "expired", "parked"})


class NotReplayable(Exception):
    """The delivery is under way or done: a second sending could tell the citizen twice."""


def list_deliveries(
    connection: Connection, *, state: str | None = None, connector_id: str | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """The newest deliveries, without personal data."""
    query = select(deliveries).order_by(deliveries.c.created_at.desc(), deliveries.c.delivery_id.desc()).limit(limit)
    if state is not None:
        query = query.where(deliveries.c.state == state)
    if connector_id is not None:
        query = query.where(deliveries.c.connector_id == connector_id)
    return [dict(row) for row in connection.execute(query).mappings()]


def show_delivery(connection: Connection, delivery_id: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """One delivery and its attempts, oldest first. Raises NotThere."""
    row = connection.execute(select(deliveries).where(deliveries.c.delivery_id == delivery_id)).mappings().one_or_none()
    if row is None:
        raise NotThere(delivery_id)
    tries = connection.execute(
        select(attempts)
        .where(attempts.c.ente_id == row["ente_id"], attempts.c.delivery_id == delivery_id)
        .order_by(attempts.c.started_at, attempts.c.claim_id)
    ).mappings()
    return dict(row), [dict(each) for each in tries]


def paused_connectors(connection: Connection) -> dict[tuple[str, str], str]:
    """Why each paused connector is paused, by (ente_id, connector_id)."""
    rows = connection.execute(
        select(connectors.c.ente_id, connectors.c.connector_id, connectors.c.paused_reason).where(
            connectors.c.status == "paused"
        )
    )
    return {(row.ente_id, row.connector_id): row.paused_reason or "no reason given" for row in rows}


def replay_delivery(tx: Tx, delivery_id: str, *, expires_in_s: int, connector_id: str | None = None) -> None:
    """Queue an ended delivery again, from its first step; by another connector where one is given.

    Raises:
        NotThere: there is no such delivery.
        NotReplayable: it is under way or done.
    """
    row, _ = show_delivery(tx.connection, delivery_id)
    if row["state"] not in REPLAYABLE or row["claim_id"] is not None:
        raise NotReplayable(row["state"])
    expires_at = max(row["expires_at"], tx.now.fromtimestamp(tx.now.timestamp() + expires_in_s, tz=tx.now.tzinfo))
    tx.connection.execute(
        update(deliveries)
        .where(deliveries.c.ente_id == row["ente_id"], deliveries.c.delivery_id == delivery_id)
        .values(
            state="queued",
            connector_id=connector_id or row["connector_id"],
            reason=None,
            due_at=tx.now,
            expires_at=expires_at,
            attempts=0,
            claims=0,
            memo={},
            unsafe=False,
            maybe_sent=False,
            updated_at=tx.now,
        )
    )
    tx.connection.execute(
        insert(timeline),
        {
            "ente_id": row["ente_id"],
            "citizen_id": row["citizen_id"],
            "item_id": row["message_id"],
            "event_id": new_uuid7(),
            "at": tx.now,
            "event": "notice_replayed",
            "data": {"channel": row["channel"], "state": row["state"]},
        },
    )
