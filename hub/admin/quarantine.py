"""What stands in quarantine, as operators decide about it."""

from typing import Any

from contracts.base import rfc3339
from hub.store.database import Tx
from hub.store.quarantine import Entry, NotInQuarantine, discard
from hub.store.tables import clipped

from .acting import Acted, Actor, Order
from .errors import QuarantineUnknown


def view(each: Entry) -> dict[str, Any]:
    """contracts.work_administration.QuarantineEntry."""
    return {
        "quarantine_id": each.quarantine_id,
        "connector_id": each.connector_id,
        "record_name": each.name,
        "collection": each.collection,
        "wrong": [dict(one) for one in each.wrong],
        "decided": each.decided,
        "times": each.times,
        "first_at": rfc3339(each.first_at),
        "last_at": rfc3339(each.last_at),
    }


def discarded(actor: Actor, quarantine_id: str) -> Order:
    """Decide that nothing will become of an entry. The order raises QuarantineUnknown."""
    target = target_of(quarantine_id)

    def do(tx: Tx) -> Acted:
        try:
            was = discard(tx, actor.ente_id, quarantine_id)
        except NotInQuarantine:
            raise QuarantineUnknown from None
        return Acted(None, target, {"connector_id": was.connector_id}, {"decided": "discarded"})

    return Order("discard_quarantine", actor, do, target)


def retried(actor: Actor, before: Entry, after: Entry) -> Order:
    """Put on record that an entry was read anew, and what came of it."""
    target = target_of(before.quarantine_id)

    def do(_tx: Tx) -> Acted:
        return Acted(view(after), target, _told(before), _told(after))

    return Order("retry_quarantine", actor, do, target)


def target_of(quarantine_id: str) -> str:
    """What stands in the record for the entry."""
    return f"quarantine/{clipped(quarantine_id, 36)}"


def _told(each: Entry) -> dict[str, Any]:
    return {"decided": each.decided, "wrong": [one["code"] for one in each.wrong]}
