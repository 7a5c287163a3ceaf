"""Facts that several items share: a receipt pays the payment of the same notice (`settled` 14)."""

from sqlalchemy import select

from .database import Tx, among
from .rows import Batch
from .tables import items


def settle_paid(tx: Tx, batch: Batch) -> None:
    """A payment whose receipt is here is paid, whichever came first, and stays so (`settled` 14)."""
    touched = {
        (item["ente_id"], item["citizen_id"], item["notice_key"])
        for item in batch.touched()
        if item["notice_key"] is not None
    }
    if not touched:
        return
    key = (items.c.ente_id, items.c.citizen_id, items.c.notice_key)
    same_notice = {
        row["item_id"]: dict(row)
        for row in tx.connection.execute(select(items).where(among(key, touched))).mappings()
        if (row["ente_id"], row["citizen_id"], row["notice_key"]) in touched
    } | {item["item_id"]: item for item in batch.touched() if item["notice_key"] is not None}
    receipts = {
        (i["ente_id"], i["citizen_id"], i["notice_key"])
        for i in same_notice.values()
        if i["collection"] == "receipts" and i["lifecycle"] == "active"
    }
    for item in same_notice.values():
        owed = item["collection"] == "payments" and item["state"] not in ("paid", "refunded")
        if owed and (item["ente_id"], item["citizen_id"], item["notice_key"]) in receipts:
            item |= {"state": "paid", "turn": "none", "updated_at": tx.now}
            batch.event(item, tx.now, "paid")
            batch.change(item)
            batch.drop_deliveries_about(item["item_id"])
