"""Somebody asks for a payment at a counter, which pagoPA demands of the hub's station, and pays it there. The money has
gone once pagoPA has said so: the receipt is brought until it is taken.
"""

from collections.abc import Mapping
from itertools import count
from typing import Any

import httpx

from connectors.pagopa_node.sampling import meals

from ...harness import ENTE, HubUnderTest
from .party import NotYet, Party, Wish, person

_STATION = f"/callbacks/v1/{ENTE}/stazione/paForNode"
_ITEMS = """SELECT n.external_id AS name, n.item_id, i.state
    FROM item_identities n JOIN items i USING (ente_id, item_id)
    WHERE n.source = 'mense' AND n.collection = 'payments'"""


class Station(Party):
    name = "station"

    def __init__(self, ground: Any) -> None:
        super().__init__(ground)
        self._pupils = count(1)

    def wish(self, name: str) -> Wish:
        return {"pupil": str(next(self._pupils)), **person()}

    def ask(self, hub: HubUnderTest, name: str, wish: Wish) -> Mapping[str, Any]:
        demanded = self._do(
            "demand", hub, id_servizio="00006", document=meals(wish["pupil"], wish["tax_code"]), pay=False
        )
        if demanded["outcome"] != "OK" and demanded["code"] != "PAA_PAGAMENTO_DUPLICATO":
            raise NotYet
        notice = demanded.get("notice_number") or self._noticed(name)
        self.ledger.append(event="noticed", name=name, notice_number=notice)
        if notice not in self._paid():
            self._do("pay", hub, notice_number=notice)
        if notice not in self._paid() or self._do("receipts", hub)["left"]:
            raise NotYet
        return {"notice_number": notice}

    def _noticed(self, name: str) -> str:
        """As it was told before: what is paid is not to be had again."""
        told = [
            line["notice_number"] for line in self.ledger.read() if line["event"] == "noticed" and line["name"] == name
        ]
        assert told, "it is said to be paid, and nobody has its number"
        return str(told[-1])

    def _do(self, what: str, hub: HubUnderTest, **wish: Any) -> dict[str, Any]:
        url = f"{self.ground.url_of('stazione')}/_sim/{what}"
        told: dict[str, Any] = httpx.post(
            url, json=wish | {"station_url": hub.url + _STATION}, trust_env=False, timeout=60
        ).json()
        return told

    def _paid(self) -> list[str]:
        entries = httpx.get(f"{self.ground.url_of('stazione')}/_sim/ledger", trust_env=False).json()
        return [line["notice_number"] for line in entries if line["event"] == "paid"]

    def found(self, hub: HubUnderTest) -> list[dict[str, Any]]:
        """Each payment that was made on demand; each time that one was paid at pagoPA."""
        asked = {
            f"mensa-2026-{int(line['pupil']):06d}": line for line in self.ledger.read() if line["event"] == "asked"
        }
        shown: list[dict[str, Any]] = [{"what": "paid", "notice_number": each} for each in self._paid()]
        for row in self.ground.rows(_ITEMS):
            its = asked.get(row["name"])
            if its is None:  # nobody asked for it
                shown.append({"what": "payment", "name": "", "notice_number": "", "state": "", "receipts": 0})
                continue
            content = hub.read(f"/items/{row['item_id']}", its["tax_code"]).raise_for_status().json()["content"]
            receipts = hub.read("/receipts", its["tax_code"]).raise_for_status().json()["items"]
            shown.append(
                {
                    "what": "payment",
                    "name": its["name"],
                    "notice_number": content["notice_number"],
                    "state": row["state"],
                    "receipts": len(receipts),
                }
            )
        return shown
