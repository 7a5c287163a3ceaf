"""Delegations: one person acts for another in the feed, while it holds (`settled` 6)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from contracts.identifiers import new_uuid7

from .database import Tx
from .directory import NotThere
from .tables import delegations


def add_delegation(
    tx: Tx, ente_id: str, *, principal: str, delegate: str, valid_from: datetime, valid_to: datetime
) -> dict[str, Any]:
    """Let `delegate` act for `principal` (citizen_ids) from the one moment up to the other, not included."""
    row = {
        "ente_id": ente_id,
        "delegation_id": new_uuid7(),
        "citizen_id": principal,
        "delegate_id": delegate,
        "valid_from": valid_from,
        "valid_to": valid_to,
    }
    tx.connection.execute(insert(delegations), row)
    return row


def end_delegation(tx: Tx, ente_id: str, delegation_id: str) -> RowMapping:
    """It holds no longer, from now on; the end of one that has ended stays. Raises NotThere."""
    its = delegations.c
    where = (its.ente_id == ente_id) & (its.delegation_id == delegation_id)
    tx.connection.execute(update(delegations).where(where, its.ended_at.is_(None)).values(ended_at=tx.now))
    row = tx.connection.execute(select(delegations).where(where)).mappings().one_or_none()
    if row is None:
        raise NotThere(delegation_id)
    return row


def list_delegations(connection: Connection, ente_id: str) -> Sequence[RowMapping]:
    """All of an ente, oldest first."""
    its = delegations.c
    query = select(delegations).where(its.ente_id == ente_id).order_by(its.delegation_id)
    return connection.execute(query).mappings().all()


def active_delegation(
    connection: Connection, ente_id: str, *, principal: str, delegate: str, now: datetime
) -> str | None:
    """The id of one that holds at `now`; None where there is none."""
    its = delegations.c
    query = select(its.delegation_id).where(
        its.ente_id == ente_id,
        its.citizen_id == principal,
        its.delegate_id == delegate,
        its.valid_from <= now,
        its.valid_to > now,
        its.ended_at.is_(None),
    )
    return connection.execute(query.order_by(its.delegation_id).limit(1)).scalar_one_or_none()
