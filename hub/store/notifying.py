"""Legal notifications beyond their delivery: made again where a refused one was corrected, recalled where their message
was taken back (`contracts.items.legal`)."""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, select, update

from contracts.items import SEND

from .database import Tx
from .drafts import Draft
from .planning import planned_row
from .tables import deliveries, items

_UNTAKEN = frozenset({"rejected", "expired"})
"""Ends at which it is known that nobody was notified."""
_TO_RECALL = timedelta(days=30)
"""For as long a provider may be unable to take the wish for a cancellation."""


def corrected(tx: Tx, message: dict[str, Any], draft: Draft) -> list[dict[str, Any]]:
    """The delivery of a newer version, under an identifier of its own, where the provider accepted none of those
    before it. What is still under way takes the newer version along by itself."""
    planned = next((each for each in draft.deliveries if each.channel == SEND and each.reason is None), None)
    if planned is None:
        return []
    its = deliveries.c
    before = tx.connection.execute(select(its.state, its.provider_id).where(_of(message), its.channel == SEND)).all()
    # What a provider had accepted bears its name; that it reached nobody is then no fault of the words.
    open_ones = [row for row in before if row.state not in _UNTAKEN or row.provider_id is not None]
    # Of channels that are tried in turn another may have reached the citizen, or is about to.
    if open_ones or (draft.in_turn and not before):
        return []
    return [planned_row(tx, planned, message, max(tx.now, message["visible_from"] or tx.now))]


def recall(tx: Tx, message: dict[str, Any]) -> None:
    """Its notification is to be cancelled: what the provider has accepted is taken up once more. One in somebody's
    hands is recalled when it is settled (`is_taken_back`)."""
    if message["collection"] != "messages":
        return
    its = deliveries.c
    accepted = its.state.in_(("delivered", "waiting")) & its.claim_id.is_(None)
    again = {"state": "waiting", "due_at": tx.now, "expires_at": tx.now + _TO_RECALL, "updated_at": tx.now}
    where = (_of(message), its.channel == SEND, accepted)
    if tx.connection.execute(update(deliveries).where(*where).values(again)).rowcount:
        tx.work_is_due = True


def may_be_there() -> ColumnElement[bool]:
    """Deliveries of which nobody knows whether the provider has them: they are asked after, and cancelled."""
    return and_(deliveries.c.channel == SEND, deliveries.c.maybe_sent.is_(True))


def is_taken_back(tx: Tx, ente_id: str, citizen_id: str, message_id: str) -> bool:
    """Whether the message was withdrawn; it is held until the commit, so that it cannot be just now."""
    its = items.c
    mine = (its.ente_id == ente_id) & (its.citizen_id == citizen_id) & (its.item_id == message_id)
    found = tx.connection.execute(select(its.lifecycle).where(mine).with_for_update()).scalar_one_or_none()
    return bool(found == "withdrawn")


def _of(message: dict[str, Any]) -> ColumnElement[bool]:
    its = deliveries.c
    return and_(its.ente_id == message["ente_id"], its.message_id == message["item_id"])
