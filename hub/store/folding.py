"""Facts that several items share: a receipt pays the payment of the same notice (`settled` 14)."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from .agenda import keep_agenda
from .database import Tx, among, keys, lock_names
from .deadlines import close_deadlines
from .rows import IN_ORDER, Batch
from .tables import items


def meet(tx: Tx, notices: Iterable[tuple[str, str | None]]) -> None:
    """Whoever writes about one of these (ente, notice) waits for whoever does already: a payment and its receipt, both
    new, would not see each other, and the payment would stay unpaid. Before any item is locked."""
    lock_names(tx, {f"notice|{ente_id}|{notice}" for ente_id, notice in notices if notice is not None})


def settle_paid(tx: Tx, batch: Batch) -> None:
    """A payment whose receipt is here is paid, whichever came first, and stays so (`settled` 14)."""
    touched = {
        (item["ente_id"], item["citizen_id"], item["notice_key"])
        for item in batch.touched()
        if item["notice_key"] is not None
    }
    if not touched:
        return
    same = (
        select(items)
        .where(among("notice", items.c.ente_id, items.c.citizen_id, items.c.notice_key))
        .order_by(*IN_ORDER)
        .with_for_update()
    )
    same_notice = {
        row["item_id"]: dict(row)
        for row in tx.connection.execute(same, keys("notice", touched)).mappings()
        if (row["ente_id"], row["citizen_id"], row["notice_key"]) in touched
    } | {item["item_id"]: item for item in batch.touched() if item["notice_key"] is not None}
    receipts = [i for i in same_notice.values() if i["collection"] == "receipts" and i["lifecycle"] == "active"]
    for item in same_notice.values():
        owed = item["collection"] == "payments" and item["state"] not in ("paid", "refunded")
        if owed and any(_settles(receipt, item) for receipt in receipts):
            item |= {"state": "paid", "turn": "none", "updated_at": tx.now}
            batch.event(item, tx.now, "paid")
            batch.change(item)
            close_deadlines(tx, batch, item, "met")
            keep_agenda(tx, batch, item, (), first=False)


def _settles(receipt: dict[str, Any], payment: dict[str, Any]) -> bool:
    """The same notice of the same citizen, and of the same vendor: another's receipt counts only by right."""
    same = all(receipt[name] == payment[name] for name in ("ente_id", "citizen_id", "notice_key"))
    return same and (receipt["settles"] or receipt["vendor_id"] == payment["vendor_id"])
