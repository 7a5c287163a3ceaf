"""Ties between items of one vendor, kept so that they are found from both ends; and the document that takes another's
place: whichever of the two came first, the older one is superseded while the newer one is here (S48, B2 `replaces_id`).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, bindparam, delete, insert, select

from .agenda import keep_agenda
from .database import Tx, among, keys
from .deadlines import close_deadlines
from .drafts import Appointment, Draft, Identity
from .folding import FOLLOW
from .given import GIVEN, given, is_given
from .identities import load_by_identity
from .rows import Batch, ItemKey, item_key, items_at
from .tables import item_links

REPLACES = "replaces"
_ITS = item_links.c
_KEY = (_ITS.ente_id, _ITS.citizen_id, _ITS.from_item_id)
_OF_ONE = delete(item_links).where(*(its == bindparam(f"from_{n}") for n, its in enumerate(_KEY)))
_REPLACED = select(item_links).select_from(GIVEN.join(item_links, is_given(*_KEY))).where(_ITS.rel == REPLACES)


def keep_links(tx: Tx, changed: Sequence[tuple[Draft, dict[str, Any], bool]]) -> set[Identity]:
    """Keep the ties of items that are new or changed (draft, item, whether new); of messages those alone of legal
    notifications to what is to be paid.

    Returns the documents about which that may say something: the changed ones, and what they replace or replaced.
    """
    about = [
        (draft, item, new) for draft, item, new in changed if draft.identity.collection != "messages" or draft.encloses
    ]
    concerned = {draft.identity for draft, _, _ in about if draft.identity.collection == "documents"}
    before = {item_key(item) for _, item, new in about if not new}
    if before:
        concerned |= replaced_by(tx, before)
        tx.connection.execute(_OF_ONE, [{f"from_{n}": part for n, part in enumerate(key)} for key in sorted(before)])
    last = {item_key(item): (draft, item) for draft, item, _ in about}
    rows = [
        {
            "ente_id": item["ente_id"],
            "citizen_id": item["citizen_id"],
            "from_item_id": item["item_id"],
            "rel": rel,
            "external_id": external_id,
            "vendor_id": item["vendor_id"],
            "source": item["source"],
        }
        for draft, item in last.values()
        for rel, external_id in draft.links
    ]
    if rows:
        tx.connection.execute(insert(item_links), rows)
        concerned |= {_target(row) for row in rows if row["rel"] == REPLACES}
    return concerned


def replaced_by(tx: Tx, replacing: Collection[ItemKey]) -> set[Identity]:
    """The documents that these take the place of, here or not."""
    return {_target(row) for row in tx.connection.execute(_REPLACED, given(replacing)).mappings()}


def settle_replaced(
    tx: Tx, batch: Batch, concerned: Collection[Identity], known: Mapping[Identity, dict[str, Any]]
) -> None:
    """Each of these documents is superseded as long as another one that is here replaces it. `known` are those that
    this transaction has in its hands."""
    if not concerned:
        return
    missing = {identity for identity in concerned if identity not in known}
    documents = load_by_identity(tx, missing, lock=True) | {one: known[one] for one in concerned if one in known}
    replacing = _replacing(tx, batch, documents.keys())
    for identity, item in sorted(documents.items()):
        item = batch.changed_items.get(item["item_id"], item)
        by = [one for one in replacing.get(identity, ()) if one["citizen_id"] == item["citizen_id"]]
        state = _state(item, replaced=bool(by))
        if item["lifecycle"] != "active" or state == item["state"]:
            continue
        item |= {"state": state, "updated_at": tx.now}
        batch.change(item)
        if by:
            batch.event(item, tx.now, "replaced", by=by[0]["item_id"])
            close_deadlines(tx, batch, item, "cancelled")
            keep_agenda(tx, batch, item, (), first=False)
        else:
            batch.event(item, tx.now, "available")
            keep_agenda(tx, batch, item, (Appointment(FOLLOW, tx.now, late=True),), first=False)


def _state(item: Mapping[str, Any], *, replaced: bool) -> str:
    reported = str(item["reported_state"])
    if reported == "revoked":
        return reported
    if replaced:
        return "superseded"
    if item["state"] != "superseded" or reported == "superseded":
        return str(item["state"])
    return "available" if reported == "announced" and item["content_key"] is not None else reported


def _replacing(tx: Tx, batch: Batch, replaced: Collection[Identity]) -> dict[Identity, list[dict[str, Any]]]:
    """By the document they replace: those that are here, be they valid or revoked since."""
    if not replaced:
        return {}
    to = among("to", _ITS.ente_id, _ITS.vendor_id, _ITS.source, _ITS.external_id)
    names = {(one.ente_id, one.vendor_id, one.source, one.external_id) for one in replaced}
    ties = list(tx.connection.execute(select(item_links).where(to, _ITS.rel == REPLACES), keys("to", names)).mappings())
    wanted = {(tie["ente_id"], tie["citizen_id"], tie["from_item_id"]) for tie in ties}
    here = {item["item_id"]: item for item in (*items_at(tx, wanted).values(), *batch.touched())}
    found: dict[Identity, list[dict[str, Any]]] = {}
    for tie in ties:
        item = here.get(tie["from_item_id"])
        if item is not None and _is_here(item) and item["collection"] == "documents":
            found.setdefault(_target(tie), []).append(item)
    return found


def _is_here(item: Mapping[str, Any]) -> bool:
    """Whether there is a document, and not only its announcement: not by its state, as one that was announced and then
    superseded itself never was."""
    announced = item["reported_state"] == "announced" and item["content_key"] is None
    return item["lifecycle"] == "active" and not announced


def _target(row: Mapping[str, Any] | RowMapping) -> Identity:
    return Identity(row["ente_id"], row["vendor_id"], row["source"], row["external_id"], "documents")
