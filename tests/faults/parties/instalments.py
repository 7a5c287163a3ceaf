"""A vendor that asks for payments in two instalments, and has the receipt of each."""

from collections.abc import Mapping
from typing import Any

from ...flows.instalments import IBAN, TOWN
from ...flows.making import notice_number
from ...harness import HubUnderTest, make_payment, make_receipt
from .party import Party, Wish, accepted, person, recipient

_PAID = "SELECT item_id, count(*) AS n FROM timeline WHERE event = 'paid' GROUP BY item_id"
_DUE, _PART_CENTS = "2199-12-16", 5_000


class Instalments(Party):
    name = "instalments"

    def wish(self, name: str) -> Wish:
        return {"notices": [f"347{notice_number()[3:]}" for _ in range(3)], **person()}

    def ask(self, hub: HubUnderTest, name: str, wish: Wish) -> Mapping[str, Any]:
        whole, *parts = wish["notices"]
        plan = [{"amount_cents": _PART_CENTS, "due_date": _DUE, "notice_number": each} for each in parts]
        payment = make_payment(
            name,
            recipient=recipient(wish),
            notice_number=whole,
            amount_cents=_PART_CENTS * len(parts),
            reason=f"TARI {name}",
            due_date=_DUE,
            creditor_tax_code=TOWN,
            position={
                "debtor_name": "Maria Rossi",
                "iban": IBAN,
                "category": "9/0301105TS/",
                "installments": plan,
            },
            notify={"channels": []},
        )
        item_id = accepted(hub.publish("payments", payment))["item_id"]
        for each in parts:
            proof = {"notice_number": each, "creditor_tax_code": TOWN}
            receipt = make_receipt(
                f"{name}-{each}", recipient=recipient(wish), payment=proof, receipt_number=f"RT-{each}"
            )
            accepted(hub.publish("receipts", receipt))
        return {"item_id": item_id}

    def found(self, hub: HubUnderTest) -> list[dict[str, Any]]:
        """Of each payment its state in the feed, how often it became paid, and what the citizen reads of it."""
        asked = {line["name"]: line for line in self.ledger.read() if line["event"] == "asked"}
        paid = {row["item_id"]: row["n"] for row in self.ground.rows(_PAID)}
        shown = []
        for name, its in asked.items():
            read = hub.read("/payments", its["tax_code"]).raise_for_status().json()["items"]
            told = hub.read("/messages", its["tax_code"]).raise_for_status().json()["items"]
            shown += [
                {
                    "name": name,
                    "item_id": each["item_id"],
                    "state": each["state"],
                    "paid": paid.get(each["item_id"], 0),
                    "titles": sorted(one["title"].partition(":")[0] for one in told),
                }
                for each in read
            ]
        return shown
