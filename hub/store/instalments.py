"""The payments that the hub makes of a subscription's plan (S38). One whose source has a name for it is made under that
name, as version 0: the source's own publication is then the next version of the same item, and nothing is asked twice.
"""

from typing import Any

from .agenda import keep_agenda
from .database import Tx
from .deadlines import about_item, close_deadlines
from .directory import HUB_VENDOR
from .rows import Batch


def is_own(payment: dict[str, Any]) -> bool:
    """Whether the payment is the hub's still: its source has not spoken."""
    return bool(payment["vendor_id"] == HUB_VENDOR or payment["version"] == 0)


def cancel_what_is_to_come(tx: Tx, batch: Batch, item: dict[str, Any]) -> None:
    """The subscription was cancelled or taken back: what was due by now is owed all the same, the rest is not."""
    for payment in about_item(tx, batch, item, "payments").values():
        to_come = payment["due_at"] is not None and payment["due_at"] > tx.now
        if is_own(payment) and payment["state"] == "due" and to_come:
            payment.update(state="cancelled", turn="none", updated_at=tx.now)
            batch.event(payment, tx.now, "cancelled")
            batch.change(payment)
            close_deadlines(tx, batch, payment, "cancelled")
            keep_agenda(tx, batch, payment, (), first=False)
