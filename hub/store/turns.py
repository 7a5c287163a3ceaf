"""Places among those who share a rate: GCRA without a burst, where each call is sure of the place that it took.

Who has to wait knows until when and need not ask again: however many share a domain, each is looked at twice.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from .database import Tx, upsert
from .tables import turns

_FORGOTTEN_AFTER = timedelta(hours=1)


def take_turn(tx: Tx, ente_id: str, connector_id: str, name: str, per_s: float) -> timedelta:
    """How long until the place that is now taken; `name` is a keyed hash of what shares the rate."""
    its = turns.c
    lane = (its.ente_id == ente_id) & (its.connector_id == connector_id)
    first = upsert(turns).values(ente_id=ente_id, connector_id=connector_id, name=name, free_at=tx.now)
    tx.connection.execute(first.on_conflict_do_nothing())
    own = lane & (its.name == name)
    free_at: datetime = tx.connection.execute(select(its.free_at).where(own).with_for_update()).scalar_one()
    at = max(free_at, tx.now)
    tx.connection.execute(update(turns).where(own).values(free_at=at + timedelta(seconds=1 / per_s)))
    tx.connection.execute(delete(turns).where(lane, its.name != name, its.free_at < tx.now - _FORGOTTEN_AFTER))
    return at - tx.now
