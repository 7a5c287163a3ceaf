"""Batches of items: accepted whole and durable, worked off piece by piece, their outcomes kept for a while.

An item's outcome is written in the transaction that applies the item, so that after a crash the batch goes on with the
first item that has none. The primary key of the outcome is the guard: nothing is decided twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, select, update

from contracts.faults import bilingual
from hub.errors import HubError, QuotaExceeded

from .bulk import insert_rows
from .database import Tx
from .intake import Done, Kept, Place, Result, Signed
from .pushing import connector_of, push
from .tables import RUNNING, batch_items, batches, enti

MOST_RUNNING = 20
"""Batches of one vendor that may wait at once: what is accepted is kept, so there must be an end to it."""

KEPT = timedelta(days=30)
"""How long a finished batch can be asked for."""

_FORGOTTEN_AT_ONCE = 20
REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class AcceptBatch:
    """The act of a vendor that hands over a batch, of which only the shape was looked at."""

    batch_id: str
    size: int
    body_digest: str
    body_sealed: bytes = field(repr=False)
    correlation_id: str
    reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class AcceptedBatch:
    batch_id: str
    size: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it stands; `decided` of its items have an outcome."""

    ente_id: str
    batch_id: str
    vendor_id: str
    request_id: str
    signer: str
    state: str
    size: int
    body_digest: str
    correlation_id: str
    reply_to: str | None
    received_at: datetime
    finished_at: datetime | None
    decided: int


def accept_batches(tx: Tx, acts: Sequence[tuple[Signed, AcceptBatch]]) -> list[Kept | HubError]:
    """An `ApplyActs` of the Intake."""
    return [_accept(tx, signed, act) for signed, act in acts]


def _accept(tx: Tx, signed: Signed, act: AcceptBatch) -> Kept | HubError:
    mine = (batches.c.ente_id == signed.ente_id) & (batches.c.vendor_id == signed.vendor_id)
    running = select(func.count()).select_from(batches).where(mine, batches.c.state == RUNNING)
    if tx.connection.execute(running).scalar_one() >= MOST_RUNNING:
        return QuotaExceeded(
            bilingual(
                f"{MOST_RUNNING} lotti sono ancora in lavorazione", f"{MOST_RUNNING} batches are still being worked off"
            ),
            headers={"Retry-After": "5"},
        )
    row = {
        "ente_id": signed.ente_id,
        "batch_id": act.batch_id,
        "vendor_id": signed.vendor_id,
        "request_id": signed.request_id,
        "signer": signed.signer,
        "state": "running",
        "size": act.size,
        "body_digest": act.body_digest,
        "body_sealed": act.body_sealed,
        "correlation_id": act.correlation_id,
        "reply_to": act.reply_to,
        "received_at": tx.now,
    }
    tx.connection.execute(insert(batches), row)
    return Kept(AcceptedBatch(act.batch_id, act.size, tx.now), "batch.accepted")


def note_outcomes(tx: Tx, placed: Sequence[tuple[Signed, Place, Result]]) -> None:
    """Write down what became of items. A `NoteOutcomes` of the Intake."""
    insert_rows(tx.connection, batch_items, [_outcome(signed, place, result) for signed, place, result in placed])


def _outcome(signed: Signed, place: Place, result: Result) -> dict[str, Any]:
    row = {
        "ente_id": signed.ente_id,
        "batch_id": place.batch_id,
        "position": place.position,
        "collection": place.collection,
        "external_id": place.external_id,
        "outcome": REFUSED,
        "item_id": None,
        "version": None,
        "code": None,
        "faults": [],
    }
    if isinstance(result, Done):
        return row | {"outcome": result.answer.outcome, "item_id": result.item_id, "version": result.version}
    assert isinstance(result, HubError)
    faults = [{"pointer": each.pointer, "code": each.code, "detail": each.detail} for each in result.faults]
    return row | {"code": result.code, "faults": faults}


def next_batches(connection: Connection) -> list[Batch]:
    """The oldest running batch of each vendor: batches of one vendor follow each other, vendors take turns."""
    oldest = (
        select(func.min(batches.c.batch_id))
        .where(batches.c.ente_id.in_(select(enti.c.ente_id)), batches.c.state == RUNNING)
        .group_by(batches.c.ente_id, batches.c.vendor_id)
    )
    query = _BATCH.where(batches.c.ente_id.in_(select(enti.c.ente_id)), batches.c.batch_id.in_(oldest))
    return [Batch(**row) for row in connection.execute(query.order_by(batches.c.batch_id)).mappings()]


def find_batch(connection: Connection, *, ente_id: str, vendor_id: str, batch_id: str) -> Batch | None:
    """The vendor's own batch; None for another's."""
    mine = and_(batches.c.ente_id == ente_id, batches.c.vendor_id == vendor_id, batches.c.batch_id == batch_id)
    row = connection.execute(_BATCH.where(mine)).mappings().one_or_none()
    return None if row is None else Batch(**row)


def sealed_body(connection: Connection, batch: Batch) -> bytes | None:
    """The body of a running batch; None once it is finished."""
    its = batches.c
    query = select(its.body_sealed).where(its.ente_id == batch.ente_id, its.batch_id == batch.batch_id)
    found: bytes | None = connection.execute(query).scalar_one_or_none()
    return found


def decided_positions(connection: Connection, batch: Batch) -> set[int]:
    """The items that have an outcome."""
    its = batch_items.c
    query = select(its.position).where(its.ente_id == batch.ente_id, its.batch_id == batch.batch_id)
    return set(connection.execute(query).scalars())


def outcomes(connection: Connection, batch: Batch) -> list[dict[str, Any]]:
    """What became of each item, in the order of the batch."""
    its = batch_items.c
    query = (
        select(its.position, its.collection, its.external_id, its.outcome, its.item_id, its.version, its.code)
        .add_columns(its.faults)
        .where(its.ente_id == batch.ente_id, its.batch_id == batch.batch_id)
        .order_by(its.position)
    )
    return [row._asdict() for row in connection.execute(query)]


def finish(tx: Tx, done: Sequence[Batch]) -> list[bool]:
    """A Committer handler: every item of these is decided. Their bodies go. False where somebody finished it before."""
    return [_finish(tx, batch) for batch in done]


def _finish(tx: Tx, batch: Batch) -> bool:
    one = (batches.c.ente_id == batch.ente_id) & (batches.c.batch_id == batch.batch_id) & (batches.c.state == RUNNING)
    values = {"state": "done", "finished_at": tx.now, "body_sealed": None}
    if tx.connection.execute(update(batches).where(one).values(values)).rowcount == 0:
        return False
    if batch.reply_to is not None:
        push(tx, [(batch.ente_id, connector_of("replies", batch.vendor_id), batch.batch_id)])
    return True


def forget_batches(tx: Tx) -> None:
    """Drop the outcomes of batches that were finished long ago. What the items became stays with the items."""
    its = batches.c
    old = its.ente_id.in_(select(enti.c.ente_id)) & (its.finished_at < tx.now - KEPT)
    found = tx.connection.execute(select(its.ente_id, its.batch_id).where(old).limit(_FORGOTTEN_AT_ONCE)).all()
    for row in found:
        for table in (batch_items, batches):
            tx.connection.execute(delete(table).where(table.c.ente_id == row.ente_id, table.c.batch_id == row.batch_id))


_DECIDED = (
    select(func.count())
    .select_from(batch_items)
    .where(batch_items.c.ente_id == batches.c.ente_id, batch_items.c.batch_id == batches.c.batch_id)
    .correlate(batches)
    .scalar_subquery()
)
_BATCH = select(
    *(batches.c[name] for name in Batch.__dataclass_fields__ if name != "decided"), _DECIDED.label("decided")
)


def body_place(ente_id: str, batch_id: str) -> str:
    """Where a batch's body is sealed: its associated data."""
    return f"batches|body|{ente_id}|{batch_id}"
