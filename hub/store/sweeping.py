"""Upkeep of what stands: leases that ran out, deliveries too old, items that become visible, tokens long expired.

Each function is a Committer handler over one wish, safe to run by several at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select, update

from hub.metrics import swept

from .batches import forget_batches
from .database import Tx
from .falling_back import go_on
from .outbox import ENDED, UNCLAIMED, close_attempt
from .receiving import forget_messages
from .replay import forget_tokens
from .requests import forget_requests
from .rows import Batch
from .tables import deliveries, enti, expirable, items
from .telling import note_outcome

MAX_CLAIMS = 5
"""Claims in a row without a result after which a delivery is parked: it may be what kills its workers."""

_LIMIT = 500
_MOST_APART_S = 30
_ALL = select(enti.c.ente_id)
"""Every index leads with the ente: a condition without it would read whole tables, with all publishing waiting."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """`resending` names the (ente, connector) pairs whose deliveries go on by themselves after an unknown outcome.

    `everyone` takes every claim as abandoned: said by the embedded dispatcher at its start, when it alone can hold one.
    """

    resending: frozenset[tuple[str, str]]
    everyone: bool = False


@dataclass(frozen=True, slots=True)
class Swept:
    requeued: int = 0
    unconfirmed: int = 0
    parked: int = 0
    expired: int = 0
    shown: int = 0


def sweep(tx: Tx, wishes: Sequence[Sweep]) -> list[Swept]:
    """A Committer handler."""
    return [_sweep(tx, wish) for wish in wishes]


def _sweep(tx: Tx, wish: Sweep) -> Swept:
    counts = {"requeued": 0, "unconfirmed": 0, "parked": 0}
    ran_out = deliveries.c.lease_until.is_not(None) if wish.everyone else deliveries.c.lease_until < tx.now
    lost = and_(deliveries.c.ente_id.in_(_ALL), deliveries.c.claim_id.is_not(None), ran_out)
    for place, row in enumerate(tx.connection.execute(_some(lost)).mappings().all()):
        counts[_take_back(tx, dict(row), wish, place)] += 1
    forget_tokens(tx)
    forget_messages(tx)
    forget_requests(tx)
    forget_batches(tx)
    return Swept(**counts, expired=_expire(tx), shown=_show(tx))


def _take_back(tx: Tx, row: dict[str, Any], wish: Sweep, place: int) -> str:
    values = UNCLAIMED | {"updated_at": tx.now}
    resends = (row["ente_id"], row["connector_id"]) in wish.resending
    if row["about_to_send_at"] is not None and not resends:
        kind, values = "unconfirmed", values | {"state": "unconfirmed", "reason": "lease.lost_while_sending"}
        values["maybe_sent"] = True
    elif row["claims"] >= MAX_CLAIMS:
        kind, values = "parked", values | {"state": "parked", "reason": "claims.without_result"}
        sent = row["about_to_send_at"] is not None or row["state"] == "waiting"
        values["maybe_sent"] = row["maybe_sent"] or sent
    else:
        values["maybe_sent"] = row["maybe_sent"] or row["about_to_send_at"] is not None
        # The state stays (queued or waiting); a little later each time, so that poison does not spin. What was lost
        # again goes on apart from the others: one of them kills its worker, and must not take them along until all are
        # parked.
        apart_s = min(place, _MOST_APART_S) if row["claims"] > 1 else 0
        kind, values = "requeued", values | {"due_at": tx.now + timedelta(seconds=2 ** row["claims"] - 2 + apart_s)}
    _write(tx, row, values)
    name = {column: row[column] for column in ("ente_id", "delivery_id", "claim_id")}
    close_attempt(tx, **name, outcome="lost", reason=values.get("reason"))
    return kind


def _expire(tx: Tx) -> int:
    old = deliveries.c.ente_id.in_(_ALL) & expirable & (deliveries.c.expires_at <= tx.now)
    rows = tx.connection.execute(_some(old)).mappings().all()
    for row in rows:
        state = "unconfirmed" if row["maybe_sent"] else "expired"
        _write(tx, dict(row), {"state": state, "reason": row["reason"] or "age.exceeded", "updated_at": tx.now})
    return len(rows)


def _some(where: ColumnElement[bool]) -> Select[Any]:
    """Deliveries that no other sweeper, and no worker at its end, is about to change."""
    return select(deliveries).where(where).limit(_LIMIT).with_for_update(skip_locked=True)


def _write(tx: Tx, row: dict[str, Any], values: dict[str, Any]) -> None:
    tx.connection.execute(
        update(deliveries)
        .where(deliveries.c.ente_id == row["ente_id"], deliveries.c.delivery_id == row["delivery_id"])
        .values(values)
    )
    state = values.get("state", row["state"])
    if state in ("expired", "unconfirmed", "parked"):
        tx.after_commit.append(swept.labels(state).inc)
    if state in ENDED:
        note_outcome(tx, row["ente_id"], row["citizen_id"], row["message_id"], row["channel"], state)
        its = {name: row[name] for name in ("ente_id", "message_id", "delivery_id", "channel")}
        go_on(tx, **its, reason=values.get("reason"))


def _show(tx: Tx) -> int:
    """Items whose time has come get a new sequence number, so that `changes` tells of them."""
    rows = tx.connection.execute(
        select(items)
        .where(items.c.ente_id.in_(_ALL), items.c.hidden.is_(True), items.c.visible_from <= tx.now)
        .order_by(items.c.visible_from)
        .limit(_LIMIT)
        # Whole rows are written back: what a publisher changes meanwhile must not be among them.
        .with_for_update(skip_locked=True)
    ).mappings()
    batch = Batch()
    for row in rows:
        batch.change(dict(row) | {"hidden": False, "updated_at": tx.now})
    batch.write(tx)
    return len(batch.changed_items)
