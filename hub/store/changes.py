"""What a version makes of its item: its columns, the way between two states, and what the hub knows better."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson

from contracts.base import rfc3339
from contracts.faults import bilingual
from contracts.items.payment import bare_of
from contracts.states import MACHINES, OWED, Machine
from hub.errors import DraftGuaranteed, StateTerminal

from .costs import includes_cost, told_costs
from .database import Tx
from .drafts import Draft
from .notice_keys import leaves_trial


def must_not_be_guaranteed(item: dict[str, Any], now: datetime) -> None:
    """Raises DraftGuaranteed for a draft that is to be kept for longer (S18): `due_at` of a draft is how long."""
    is_draft = item["collection"] == "applications" and item["state"] == "draft"
    if is_draft and item["due_at"] is not None and now < item["due_at"]:
        until = rfc3339(item["due_at"])
        raise DraftGuaranteed(
            bilingual(
                f"La bozza si conserva fino al {until}: così è stato promesso al cittadino",
                f"the draft is kept until {until}: the citizen was promised so",
            )
        )


def must_be_reportable(draft: Draft, item: dict[str, Any], now: datetime) -> None:
    """Raises StateTerminal where a source cannot report that state after the one that it reported last, DraftGuaranteed
    as above. What it reported on trial binds nothing that is real."""
    machine = None if leaves_trial(draft, item) else MACHINES.get(item["collection"])
    if machine is not None and not machine.reportable(item["reported_state"], draft.reported_state):
        before, after = item["reported_state"], draft.reported_state
        raise StateTerminal(
            bilingual(f"Dallo stato {before} non si passa a {after}", f"the state {before} cannot be left for {after}")
        )
    if draft.reported_state == "expired":
        must_not_be_guaranteed(item, now)


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


_BARE = {"cost_cents": None, "cost_at": None}


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


Said = Callable[[], Mapping[str, Any]]
"""What the version before says."""


def facts_kept(tx: Tx, draft: Draft, item: dict[str, Any], said: Said) -> dict[str, Any]:
    """What the hub knows and a new version does not undo: a receipt, a file that is already here; and what is known of
    another notice than the one it has now. Raises AmountIncludesCost."""
    if draft.identity.collection == "payments":
        # What the payments of its notice say together is settled again after this.
        paid = (item["own_state"] or item["state"]) == "paid" and draft.state != "refunded"
        paid = paid and not leaves_trial(draft, item)  # what was paid on trial was no money
        facts = {"own_state": None} | ({"state": "paid", "turn": "none"} if paid else {})
        moved = draft.notice_key != item["notice_key"]
        return facts | (_BARE if moved or _is_raised(tx, draft, item, said, owed=not paid) else {})
    if draft.identity.collection == "documents":
        if draft.file_sha256 is not None and item["content_sha256"] == draft.file_sha256:
            return {"state": "available"} if draft.state == "announced" else {}
        return {"content_sha256": None, "content_key": None}
    return {}


def _is_raised(tx: Tx, draft: Draft, item: dict[str, Any], said: Said, *, owed: bool) -> bool:
    """Whether the amount of a payment grew by just what a notification was heard to add to it, and nothing says how
    much of it that is: it is what GPD answers, and would be added twice. Of one that is owed no more the amount is then
    what was paid; else raises AmountIncludesCost."""
    if not item["cost_cents"]:
        return False
    asked, before = orjson.loads(draft.payload), said()
    grown = asked["amount_cents"] - bare_of(before["amount_cents"], before.get("notification_fee_cents"))
    if "notification_fee_cents" in asked or grown <= 0 or grown not in told_costs(tx.connection, item):
        return False
    if owed and draft.state in OWED:
        raise includes_cost(f"È cresciuto di {grown} centesimi", f"it grew by {grown} cents")
    return True
