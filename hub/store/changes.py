"""What a version makes of its item: its columns, the way between two states, and what the hub knows better."""

from datetime import datetime
from typing import Any

from contracts.base import rfc3339
from contracts.states import MACHINES, Machine
from hub.errors import DraftGuaranteed

from .database import Tx
from .drafts import Draft


def must_not_be_guaranteed(item: dict[str, Any], now: datetime) -> None:
    """Raises DraftGuaranteed for a draft that is to be kept for longer (S18): `due_at` of a draft is how long."""
    is_draft = item["collection"] == "applications" and item["state"] == "draft"
    if is_draft and item["due_at"] is not None and now < item["due_at"]:
        raise DraftGuaranteed(f"the draft is kept until {rfc3339(item['due_at'])}: the citizen was promised so")


def columns(tx: Tx, draft: Draft) -> dict[str, Any]:
    """The clear columns of an item as its draft has them."""
    return {
        "vendor_id": draft.identity.vendor_id,
        "source": draft.identity.source,
        "collection": draft.identity.collection,
        "version": draft.version,
        "content_hash": draft.content_hash,
        "state": draft.state,
        "reported_state": draft.reported_state,
        "turn": draft.turn,
        "service_id": draft.service_id,
        "sensitivity": draft.sensitivity,
        "min_loa": draft.min_loa,
        "hidden": draft.visible_from is not None and draft.visible_from > tx.now,
        "visible_from": draft.visible_from,
        "expires_at": draft.expires_at,
        "due_at": draft.due_at,
        "occurred_at": draft.occurred_at,
        "as_of": draft.as_of,
        "updated_at": tx.now,
        "notice_key": draft.notice_key,
        "settles": draft.settles,
    }


def way(item: dict[str, Any], changed: dict[str, Any]) -> dict[str, str]:
    """What a source left out between two states; a way that the machine does not know is told as `unforeseen`."""
    machine = MACHINES.get(item["collection"])
    if machine is None or changed["state"] == item["state"]:
        return {}
    return between(machine, item["state"], changed["state"])


def between(machine: Machine, before: str, after: str | None) -> dict[str, str]:
    """What was left out between two states of a machine."""
    skipped = machine.skipped(before, str(after))
    if skipped is None:
        return {"unforeseen": before}
    return {"skipped": ",".join(skipped)} if skipped else {}


def facts_kept(draft: Draft, item: dict[str, Any]) -> dict[str, Any]:
    """What the hub knows and a new version does not undo: a receipt, a file that is already here."""
    if draft.identity.collection == "payments":
        # What the payments of its notice say together is settled again after this.
        paid = (item["own_state"] or item["state"]) == "paid" and draft.state != "refunded"
        return {"own_state": None} | ({"state": "paid", "turn": "none"} if paid else {})
    if draft.identity.collection == "documents":
        if draft.file_sha256 is not None and item["content_sha256"] == draft.file_sha256:
            return {"state": "available"} if draft.state == "announced" else {}
        return {"content_sha256": None, "content_key": None}
    return {}
