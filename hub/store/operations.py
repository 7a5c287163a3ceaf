"""Deliveries as an operator sees and repairs them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, desc, func, insert, or_, select, update

from contracts.connector import CALLBACK
from contracts.identifiers import new_uuid7

from .database import Tx
from .directory import NotThere
from .drafts import UNSERVED
from .outbox import CLOSED, UNDECIDED
from .tables import attempts, clipped, connectors, deliveries, enti, timeline

CITIZENS_OWN = ("confirmed",)
DEAD = ("rejected", "expired", "parked", "unconfirmed")
"""The dead letters: ended without the citizen having been told, or without anybody knowing."""
REPLAYABLE = frozenset({"rejected", "skipped", "unconfirmed", "held", "expired", "parked", CLOSED})
CLOSABLE = frozenset({*UNDECIDED, "held"})
"""What waits for a person."""


class NotReplayable(Exception):
    """The delivery is under way or done: a second sending could tell the citizen twice."""


class NotClosable(Exception):
    """The delivery waits for nobody's decision; the text is its state."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries; None and () stand for all."""

    states: tuple[str, ...] = ()
    connector_id: str | None = None
    ente_id: str | None = None
    reason: str | None = None
    since: datetime | None = None
    unserved: bool = False
    """Those too that were skipped since no connector serves their channel."""
    before: tuple[datetime, str] | None = None
    """(created_at, delivery_id) of the last one that was seen: those that come after it in a list."""

    def conditions(self) -> list[ColumnElement[bool]]:
        its = deliveries.c
        equal = ((its.connector_id, self.connector_id), (its.ente_id, self.ente_id), (its.reason, self.reason))
        found = [column == value for column, value in equal if value is not None]
        if self.states:
            skipped = (its.state == "skipped") & (its.reason == UNSERVED)
            found.append(its.state.in_(self.states) | skipped if self.unserved else its.state.in_(self.states))
        if self.since is not None:
            found.append(its.created_at >= self.since)
        if self.before is not None:
            at, delivery_id = self.before
            found.append(or_(its.created_at < at, and_(its.created_at == at, its.delivery_id < delivery_id)))
        return found


def list_deliveries(connection: Connection, wanted: Wanted = Wanted(), *, limit: int = 100) -> list[dict[str, Any]]:
    """The newest deliveries, without personal data."""
    query = select(deliveries).order_by(deliveries.c.created_at.desc(), deliveries.c.delivery_id.desc()).limit(limit)
    return [dict(row) for row in connection.execute(query.where(*wanted.conditions())).mappings()]


def count_deliveries(connection: Connection, wanted: Wanted) -> int:
    """How many there are of them."""
    query = select(func.count()).select_from(deliveries).where(*wanted.conditions())
    return int(connection.execute(query).scalar_one())


def count_reasons(connection: Connection, wanted: Wanted) -> list[dict[str, Any]]:
    """How many deliveries ended why, the most frequent first."""
    what = (deliveries.c.ente_id, deliveries.c.connector_id, deliveries.c.state, deliveries.c.reason)
    query = select(*what, func.count().label("count"), func.max(deliveries.c.updated_at).label("latest"))
    query = query.where(*wanted.conditions()).group_by(*what).order_by(desc("count"), *what)
    return [_plain(row) for row in connection.execute(query).mappings()]


def delivery_timeline(connection: Connection, delivery: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What happened to the message of a delivery, oldest first; the citizen's own acts are not among it."""
    query = (
        select(timeline.c.at, timeline.c.event, timeline.c.data)
        .where(
            timeline.c.ente_id == delivery["ente_id"],
            timeline.c.item_id == delivery["message_id"],
            timeline.c.event.not_in(CITIZENS_OWN),
        )
        .order_by(timeline.c.at, timeline.c.event_id)
    )
    return [_plain(row) for row in connection.execute(query).mappings()]


def _plain(row: RowMapping) -> dict[str, Any]:
    # A column's name is a subclass of str, and no key of JSON.
    return {str(name): value for name, value in row.items()}


def show_delivery(connection: Connection, delivery_id: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """One delivery and its attempts, oldest first. Raises NotThere."""
    row = connection.execute(select(deliveries).where(_named(delivery_id))).mappings().one_or_none()
    if row is None:
        raise NotThere(delivery_id)
    tries = connection.execute(
        select(attempts)
        .where(attempts.c.ente_id == row["ente_id"], attempts.c.delivery_id == delivery_id)
        .order_by(attempts.c.started_at, attempts.c.claim_id)
    ).mappings()
    return dict(row), [dict(each) for each in tries]


def _named(delivery_id: str) -> ColumnElement[bool]:
    # Its key leads with the ente, which the operator does not give: without it the whole table would be read.
    return deliveries.c.ente_id.in_(select(enti.c.ente_id)) & (deliveries.c.delivery_id == delivery_id)


def paused_connectors(connection: Connection) -> dict[tuple[str, str], str]:
    """Why each paused connector is paused, by (ente_id, connector_id)."""
    rows = connection.execute(
        select(connectors.c.ente_id, connectors.c.connector_id, connectors.c.paused_reason).where(
            connectors.c.status == "paused"
        )
    )
    return {(row.ente_id, row.connector_id): row.paused_reason or "no reason given" for row in rows}


def replay_delivery(tx: Tx, delivery_id: str, *, expires_in_s: int, connector_id: str | None = None) -> None:
    """Queue an ended delivery again, from its first step; by another connector where one is given. That bytes may have
    left is not forgotten: who can be asked is asked first, and it never ends as unsent (DECISIONS 15, 20).

    Raises:
        NotThere: there is no such delivery.
        NotReplayable: it is under way or done.
    """
    row = _locked(tx, delivery_id)
    if row["state"] not in REPLAYABLE or row["claim_id"] is not None:
        raise NotReplayable(row["state"])
    expires_at = max(row["expires_at"], tx.now.fromtimestamp(tx.now.timestamp() + expires_in_s, tz=tx.now.tzinfo))
    tx.work_is_due = True
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
            updated_at=tx.now,
        )
    )
    _note(tx, row, "notice_replayed")


def close_delivery(tx: Tx, delivery_id: str, *, who: str, note: str) -> dict[str, Any]:
    """End, by a person's decision, a delivery that waits for one; the row as it was. It may be replayed all the same.

    Its attempts say who decided and why; the caller leaves the record that proves it.

    Raises:
        NotThere: there is no such delivery.
        NotClosable: nobody has to decide about it.
    """
    row = _locked(tx, delivery_id)
    if row["state"] not in CLOSABLE or row["claim_id"] is not None:
        raise NotClosable(row["state"])
    its = (deliveries.c.ente_id == row["ente_id"]) & (deliveries.c.delivery_id == delivery_id)
    reason = row["reason"] or row["state"]
    values = {"state": CLOSED, "reason": reason, "updated_at": tx.now}
    tx.connection.execute(update(deliveries).where(its).values(values))
    decision = {"started_at": tx.now, "ended_at": tx.now, "outcome": CLOSED, "reason": row["state"]}
    detail = clipped(f"{who}: {note}", 500)
    names = {"ente_id": row["ente_id"], "delivery_id": delivery_id, "claim_id": new_uuid7()}
    tx.connection.execute(insert(attempts), names | decision | {"detail": detail})
    _note(tx, row, "notice_closed")
    return row


def _locked(tx: Tx, delivery_id: str) -> dict[str, Any]:
    held = select(deliveries.c.delivery_id).where(_named(delivery_id)).with_for_update()
    tx.connection.execute(held)
    return show_delivery(tx.connection, delivery_id)[0]


def _note(tx: Tx, delivery: Mapping[str, Any], event: str) -> None:
    """On the timeline of the message; `state` is what the delivery was."""
    if delivery["channel"] == CALLBACK:
        return  # what a vendor is told is no event of an item
    tx.connection.execute(
        insert(timeline),
        {
            "ente_id": delivery["ente_id"],
            "citizen_id": delivery["citizen_id"],
            "item_id": delivery["message_id"],
            "event_id": new_uuid7(),
            "at": tx.now,
            "event": event,
            "data": {"channel": delivery["channel"], "state": delivery["state"]},
        },
    )
