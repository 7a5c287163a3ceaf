"""Restriction of processing (GDPR art. 18; P9): an item is hidden, not deleted, until an administrator undoes it.

Neither the feed nor its vendor sees it; what was still to be sent is held. Consumers of `changes` are told.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select, update

from .configuration import RESTRICTED
from .database import Tx
from .directory import NotThere
from .embargo import messages_about
from .rows import Batch, lock_items
from .tables import deliveries, item_identities, items

_MAX_AGE: Final = timedelta(days=3)


class NotPossible(Exception):
    """The item is in no state for that; the text says in which."""


def restrict(tx: Tx, item_id: str) -> dict[str, Any]:
    """Hide an item, and the messages about it. Raises NotThere, NotPossible."""
    return _move(tx, item_id, "active", "restricted", "restricted")


def release(tx: Tx, item_id: str) -> dict[str, Any]:
    """Show it again; what was held leaves now. Raises NotThere, NotPossible."""
    return _move(tx, item_id, "restricted", "active", "released")


def _move(tx: Tx, item_id: str, before: str, after: str, event: str) -> dict[str, Any]:
    item = _held(tx, item_id)
    if item["lifecycle"] != before:
        raise NotPossible(f"the item is {item['lifecycle']}, not {before}")
    batch = Batch()
    batch.event(item, tx.now, event)
    for changed in (item, *messages_about(tx, item)):
        if changed["lifecycle"] == before:
            batch.change(changed | {"lifecycle": after, "updated_at": tx.now})
            (_hold if after == "restricted" else _let_go)(tx, changed)
    batch.write(tx)
    return item


def _held(tx: Tx, item_id: str) -> dict[str, Any]:
    names = item_identities.c
    found = tx.connection.execute(
        select(names.ente_id, names.citizen_id, names.item_id).where(names.item_id == item_id)
    ).one_or_none()
    if found is None:
        raise NotThere(item_id)
    lock_items(tx, {(*found,)})
    its = items.c
    query = select(items).where(
        its.ente_id == found.ente_id, its.citizen_id == found.citizen_id, its.item_id == found.item_id
    )
    return dict(tx.connection.execute(query).mappings().one())


def _hold(tx: Tx, message: Mapping[str, Any]) -> None:
    its = deliveries.c
    waiting = its.state.in_(("queued", "held")) & its.claim_id.is_(None)
    tx.connection.execute(
        update(deliveries)
        .where(its.ente_id == message["ente_id"], its.message_id == message["item_id"], waiting)
        .values(state="held", reason=RESTRICTED, updated_at=tx.now)
    )


def _let_go(tx: Tx, message: Mapping[str, Any]) -> None:
    its = deliveries.c
    # What grew too old in the meantime did so for our reason, and nothing of it has left.
    was_held = its.state.in_(("held", "expired")) & (its.reason == RESTRICTED)
    values = {"state": "queued", "reason": None, "due_at": tx.now, "updated_at": tx.now}
    values |= {"expires_at": tx.now + _MAX_AGE}
    found = tx.connection.execute(
        update(deliveries)
        .where(its.ente_id == message["ente_id"], its.message_id == message["item_id"], was_held)
        .values(values)
    )
    tx.work_is_due = tx.work_is_due or found.rowcount > 0
