"""The instalments of a payment as its citizen sees them: how each stands, and by which receipt it was paid."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.base import ROME
from contracts.items import Receipt
from hub.store.folding import settles
from hub.store.reading import Reading, Row

from .owing import Owed, Owing, kept_of


@dataclass(frozen=True, slots=True)
class Instalments:
    """Says so of one payment; what is owed of it is the rule of carts."""

    owing: Owing

    def views(self, reading: Reading, row: Row, content: Mapping[str, Any]) -> list[dict[str, Any]]:
        """contracts.paying.InstallmentView of each; nothing of what is no payment, or is paid as a whole alone."""
        if row.item["collection"] != "payments" or not (content.get("position") or {}).get("installments"):
            return []
        its = self.owing.standing(reading.connection, kept_of(reading, row.listed, content), reading.now)
        paid = {owed.key for owed, state in its if state == "paid" and owed.key is not None}
        receipts = [each for each in reading.receipts(paid) if settles(each.item, row.item)] if paid else []
        return [_view(owed, state, receipts) for owed, state in its]


def _view(owed: Owed, state: str, receipts: Iterable[Row]) -> dict[str, Any]:
    notice, cost = owed.notice, owed.cost
    bare = notice.amount_cents - (0 if cost is None else cost.cents)
    proofs = [
        (Receipt.model_validate_json(each.payload).paid_at, each.item["item_id"])
        for each in receipts
        if each.item["notice_key"] == owed.key
    ]
    paid_at, receipt = min(proofs, default=(None, None))
    return {
        "installment": owed.part,
        "plan": owed.plan,
        "notice_number": notice.notice_number,
        "amount_cents": bare,
        "notification_cost": cost.added_to(bare) if cost is not None and cost.cents else None,
        "due_date": notice.due_on,
        "state": state,
        "paid_on": None if paid_at is None else paid_at.astimezone(ROME).date().isoformat(),
        "receipt_item_id": receipt,
    }
