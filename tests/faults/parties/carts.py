"""Citizens who pay through pagoPA's Checkout: each time that a cart is asked for, it bears an address of its own, by
which Checkout's ledger says of which request it is.
"""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from ...flows.making import notice_number
from ...harness import HubUnderTest, make_payment
from ..files import Lines
from .party import Party, Wish, accepted, person

_HOME = "https://servizi.comune.example.it/pagamenti"
_BACK = {"ok": _HOME, "cancel": _HOME, "error": _HOME}
_RECORDED = (
    "SELECT item_id, count(*) AS n FROM access_log WHERE operation = 'make_cart' AND outcome = 'ok' GROUP BY item_id"
)


class Carts(Party):
    name = "carts"

    def wish(self, name: str) -> Wish:
        return {"notices": [notice_number(), notice_number()], **person()}

    def ask(self, hub: HubUnderTest, name: str, wish: Wish) -> Mapping[str, Any]:
        own = {"notify": {"channels": []}, "recipient": {"tax_code": wish["tax_code"]}}
        item_ids = [
            accepted(hub.publish("payments", make_payment(f"{name}-{n}", notice_number=notice, **own)))["item_id"]
            for n, notice in enumerate(wish["notices"])
        ]
        address = f"{uuid4()}@carrello.example"
        self.ledger.append(event="cart", name=name, address=address, item_ids=item_ids)
        asked = {"payments": [{"item_id": each} for each in item_ids], "return_urls": _BACK, "email": address}
        tokens = hub.reader(wish["tax_code"])
        url = accepted(hub.write("/carts", asked, wish["tax_code"], headers=tokens))["url"]
        self.ledger.append(event="made", name=name, address=address, url=url)
        replayed = hub.write("/carts", asked, wish["tax_code"], headers=tokens)
        self.ledger.append(event="replayed", name=name, status=replayed.status_code)
        return {"url": url}

    def found(self, hub: HubUnderTest) -> list[dict[str, Any]]:
        """Each cart that Checkout made; and how often each payment was recorded as handed over for one."""
        made = [
            {
                "what": "cart",
                "url": line["url"],
                "address": line["cart"].get("emailNotice"),
                "notices": sorted(each["noticeNumber"] for each in line["cart"]["paymentNotices"]),
            }
            for line in Lines(self.ground.folder / "pagopa" / "carts.jsonl").read()
        ]
        recorded = self.ground.rows(_RECORDED)
        return made + [{"what": "recorded", "item_id": row["item_id"], "times": row["n"]} for row in recorded]
