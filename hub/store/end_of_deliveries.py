"""Ending deliveries for good: nothing more is sent, and nobody is asked to decide about them."""

from sqlalchemy import ColumnElement, or_, update

from .database import Tx
from .outbox import CLOSED, UNCLAIMED, UNDECIDED
from .tables import deliveries

OPEN = ("queued", "waiting", "held", *UNDECIDED)
"""States in which something may still be done about a delivery, by the hub or by a person."""


def end_deliveries(tx: Tx, which: ColumnElement[bool], reason: str) -> int:
    """End those that are open; what may have arrived is not called unsent. Nothing is asked any more about those that
    were delivered. How many were ended.
    """
    its, count = deliveries.c, 0
    reached = or_(its.state.in_(("waiting", *UNDECIDED)), its.maybe_sent, its.about_to_send_at.is_not(None))
    ended = UNCLAIMED | {"reason": reason, "memo": {}, "updated_at": tx.now}
    for of_these, state in ((reached, CLOSED), (~reached, "skipped")):
        where = (which, its.state.in_(OPEN), of_these)
        count += tx.connection.execute(update(deliveries).where(*where).values(ended | {"state": state})).rowcount
    asked = which & its.follow_up_at.is_not(None)
    tx.connection.execute(update(deliveries).where(asked).values(follow_up_at=None, memo={}))
    return count
