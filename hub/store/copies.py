"""Copies of a subscription for those who hold it as well (S31): each in its own citizen's store, under that citizen's
key, kept in step with the original. A copy is the hub's own item: no vendor sees or changes it, and its reader asks for
nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, delete, insert, select

from .citizens import Citizens
from .database import Tx
from .drafts import Draft
from .embargo import messages_about
from .rows import Batch, ItemKey, item_key, items_at
from .tables import item_copies

if TYPE_CHECKING:
    from .publications import Publications

_GONE = {"lifecycle": "withdrawn", "turn": "none"}


class Copies:
    """Keeps copies in step. What it writes goes into the original's batch, and so into its commit."""

    def __init__(self, citizens: Citizens, publications: "Publications") -> None:
        self._citizens = citizens
        self._publications = publications

    def follow(self, tx: Tx, batch: Batch, draft: Draft, item: Mapping[str, Any]) -> None:
        """One copy for each co-holder, in the original's state; who holds it no longer has one no longer."""
        known = _copies_of(tx, batch, item)
        citizens = self._citizens.resolve(tx, {copy.subject for copy in draft.copies})
        for copy in draft.copies:
            citizen = citizens[copy.subject]
            if citizen.citizen_id == item["citizen_id"]:
                continue
            wanted = copy.renamed(f"{item['item_id']}.{citizen.citizen_id}")
            kept = known.pop(citizen.citizen_id, None)
            if kept is None:
                made = self._publications.versions.create(tx, batch, wanted, citizen)
                _remember(tx, item, made)
                before = None
            else:
                before = kept["state"] if kept["lifecycle"] == "active" else None
                made = self._publications.versions.revise(tx, batch, wanted, citizen, kept)
            if made["lifecycle"] == "restricted":
                continue  # nobody is told
            if wanted.told is not None and self._publications.is_news(tx, batch, wanted.told, made, before):
                # Of the original's version: the copy has one more only where its own content is another.
                told = replace(wanted.told, again=False, occasion=wanted.told.occasion or f"v{wanted.version}")
                self._publications.tell(tx, batch, told, citizen, made, before=before or "")
        for kept in known.values():
            _withdraw(tx, batch, kept)


def set_copies(tx: Tx, batch: Batch, item: Mapping[str, Any]) -> None:
    """The state that the hub gave to the original, without another word."""
    for copy in _copies_of(tx, batch, item).values():
        if copy["lifecycle"] == "active" and copy["state"] != item["state"]:
            copy.update(state=item["state"], updated_at=tx.now)
            batch.event(copy, tx.now, "updated", state=item["state"])
            batch.change(copy)


def withdraw_copies(tx: Tx, batch: Batch, item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The original was taken back: so is every copy, and what told of it. Gives all that is gone."""
    gone: list[dict[str, Any]] = []
    for copy in _copies_of(tx, batch, item).values():
        gone += _withdraw(tx, batch, copy)
    return gone


def forget_copies(tx: Tx, ente_id: str, citizen_id: str) -> None:
    """The citizen is erased: copies of what was his are taken back, and nobody knows any more which were his own."""
    its = item_copies.c
    batch = Batch()
    mine = (its.ente_id == ente_id) & (its.citizen_id == citizen_id)
    for copy in _rows(tx, batch, mine):
        _withdraw(tx, batch, copy)
    batch.write(tx)
    tx.connection.execute(
        delete(item_copies).where(
            its.ente_id == ente_id, (its.citizen_id == citizen_id) | (its.copy_citizen_id == citizen_id)
        )
    )


def _copies_of(tx: Tx, batch: Batch, item: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The copies of an item by the citizen who has each, held until the commit."""
    its = item_copies.c
    ente_id, citizen_id, item_id = item_key(item)
    found = _rows(tx, batch, (its.ente_id == ente_id) & (its.citizen_id == citizen_id) & (its.item_id == item_id))
    return {row["citizen_id"]: row for row in found}


def _rows(tx: Tx, batch: Batch, which: ColumnElement[bool]) -> list[dict[str, Any]]:
    its = item_copies.c
    places = select(its.ente_id, its.copy_citizen_id, its.copy_item_id).where(which)
    wanted: set[ItemKey] = {(*row,) for row in tx.connection.execute(places)}
    if not wanted:
        return []
    found = {item["item_id"]: item for item in items_at(tx, wanted, lock=True).values()}
    # What is new comes into the table last of all; what this batch has changed stands as it will be written.
    ours = {made["item_id"]: made for made in (*tx.new_items, *batch.touched()) if item_key(made) in wanted}
    return [*(found | ours).values()]


def _remember(tx: Tx, item: Mapping[str, Any], copy: Mapping[str, Any]) -> None:
    row = {name: item[name] for name in ("ente_id", "citizen_id", "item_id")}
    copied = {"copy_citizen_id": copy["citizen_id"], "copy_item_id": copy["item_id"]}
    tx.connection.execute(insert(item_copies), row | copied)


def _withdraw(tx: Tx, batch: Batch, copy: dict[str, Any]) -> list[dict[str, Any]]:
    if copy["lifecycle"] != "active":
        return []
    batch.event(copy, tx.now, "withdrawn")
    made = [one for one in (*tx.new_items, *batch.new_items.values()) if one["about_item_id"] == copy["item_id"]]
    gone = [copy, *messages_about(tx, copy), *made]
    for changed in gone:
        changed.update(_GONE, updated_at=tx.now)
        batch.change(changed)
    return gone
