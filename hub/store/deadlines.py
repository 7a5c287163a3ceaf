"""What the hub made of an item, found again: its deadlines, which close when the thing is done (S6)."""

from typing import Any

from sqlalchemy import select

from .database import Tx
from .rows import IN_ORDER, Batch
from .tables import item_identities, items


def about_item(tx: Tx, batch: Batch, item: dict[str, Any], collection: str) -> dict[str, dict[str, Any]]:
    """The items of that collection which rules made about it, by external_id, held until the commit."""
    names = item_identities.c
    rows = tx.connection.execute(
        select(items, names.external_id)
        .join(item_identities, (names.ente_id == items.c.ente_id) & (names.item_id == items.c.item_id))
        .where(
            items.c.ente_id == item["ente_id"],
            items.c.citizen_id == item["citizen_id"],
            items.c.about_item_id == item["item_id"],
            items.c.collection == collection,
            items.c.lifecycle == "active",
        )
        .order_by(*IN_ORDER)
        .with_for_update(of=items)
    ).mappings()
    found = {row["external_id"]: {k: v for k, v in row.items() if k != "external_id"} for row in rows}
    # What this batch has made or changed stands as it will be written.
    ours = {changed["item_id"]: changed for changed in batch.changed_items.values()}
    found = {name: ours.get(row["item_id"], row) for name, row in found.items()}
    new = {row["item_id"]: row["external_id"] for row in batch.identities}
    for made in batch.new_items.values():
        if made["about_item_id"] == item["item_id"] and made["collection"] == collection:
            found[new[made["item_id"]]] = made
    return found


def close_deadlines(tx: Tx, batch: Batch, item: dict[str, Any], state: str, *, kind: str | None = None) -> None:
    """What was due of the item is met, missed or cancelled; `kind` alone, where one is named."""
    for name, deadline in about_item(tx, batch, item, "deadlines").items():
        named = kind is None or name.endswith(f".{kind}")
        if named and deadline["state"] in ("open", "missed") and deadline["state"] != state:
            batch.event(deadline, tx.now, "updated", state=state)
            batch.change(deadline | {"state": state, "turn": "none", "updated_at": tx.now})
