"""A tenant of OpenCity whose applications come with a message and a payment, and are lost with all that hangs on them.

It keeps what it has in memory: nobody kills it.
"""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx

from ...flows.making import notice_number
from ...harness import HubUnderTest, eventually
from .party import Party, Wish, person

_ITEMS = """SELECT s.name, s.item_id, i.lifecycle FROM source_records s
    JOIN items i USING (ente_id, item_id) WHERE s.connector_id = 'tenant'"""
_WITHDRAWN = "SELECT item_id, count(*) AS n FROM timeline WHERE event = 'withdrawn' GROUP BY item_id"
_LEFT = "SELECT count(*) AS n FROM missing_records WHERE connector_id = 'tenant' AND withdrawn_at IS NULL"
_AT = "2026-02-03T09:13:10+01:00"


class Tenant(Party):
    name = "tenant"

    def __init__(self, ground: Any) -> None:
        super().__init__(ground)
        self._step = 0
        self._applications: list[dict[str, Any]] = []

    def prepare(self, hub: HubUnderTest) -> None:
        """Two, of which one is paid; and one that stays, without which a tenant that denies all is not believed."""
        for is_paid in (False, True, False):
            self._give(is_paid=is_paid)
        self._applications.append(self._applications.pop(0))
        eventually(lambda: self._is_as_given(), bool, within_s=30)

    def wish(self, name: str) -> Wish:
        self._step += 1
        return {"change": "given" if self._step % 3 == 0 else "lost", "is_paid": self._step % 2 == 0}

    def ask(self, hub: HubUnderTest, name: str, wish: Wish) -> Mapping[str, Any]:
        if wish["change"] == "given" or len(self._applications) == 1:
            self._give(is_paid=wish["is_paid"])
        else:
            lost = self._applications.pop(0)["application"]
            self.ledger.append(event="lost", application=lost)
            self._tell(f"applications/{lost}", method="DELETE")
        return {}

    def _give(self, *, is_paid: bool) -> None:
        somebody = person()["tax_code"]
        applicant = {"applicant": {"fiscal_code": {"fiscal_code": somebody}}}
        own = {"data": applicant, "payment_type": "mypay"}
        application = self._tell("applications", own)["id"]
        message = self._tell(f"messages/{application}", {"message": "Ci serve l'ISEE", "visibility": "applicant"})["id"]
        payment = str(uuid4())
        self._tell("records", {"payments": [_payment(payment, application, is_paid=is_paid)]})
        names = {"application": application, "message": message, "payment": payment}
        self.ledger.append(event="given", tax_code=somebody, is_paid=is_paid, **names)
        self._applications.append(names)

    def _tell(self, what: str, content: Any = None, method: str = "POST") -> Any:
        url = f"{self.ground.url_of('tenant')}/_sim/{what}"
        answer = httpx.request(method, url, json=content, trust_env=False).raise_for_status()
        return answer.json() if answer.content else None

    def is_over(self) -> bool:
        return self._is_as_given()

    def _is_as_given(self) -> bool:
        """Whether what it has is here, with all that hangs on it, and nothing of what it lost is looked for."""
        active = {row["name"] for row in self.ground.rows(_ITEMS) if row["lifecycle"] == "active"}
        lines = self.ledger.read()
        lost = {line["application"] for line in lines if line["event"] == "lost"}
        given = [line for line in lines if line["event"] == "given"]
        there = {name for line in given if line["application"] not in lost for name in left_of(line, lost)}
        left = {name for line in given for name in left_of(line, lost)}
        return there <= active <= left and not self.ground.count(_LEFT)

    def found(self, hub: HubUnderTest) -> list[dict[str, Any]]:
        """Each record with whether it is in force, whether its citizen sees it, and how often it was withdrawn."""
        withdrawn = {row["item_id"]: row["n"] for row in self.ground.rows(_WITHDRAWN)}
        shown: set[str] = set()
        for line in self.ledger.read():
            if line["event"] == "given":
                items = hub.read("/items?limit=100", line["tax_code"]).raise_for_status().json()["items"]
                shown |= {each["item_id"] for each in items if each["lifecycle"] == "active"}
        return [
            {
                "name": row["name"],
                "is_there": row["lifecycle"] == "active",
                "is_shown": row["item_id"] in shown,
                "withdrawn": withdrawn.get(row["item_id"], 0),
            }
            for row in self.ground.rows(_ITEMS)
        ]


def left_of(given: Mapping[str, Any], lost: set[str]) -> set[str]:
    """The names of what is left of an application that was given, with what hangs on it: what was paid stays."""
    its = {f"{kind}/{given[kind]}" for kind in ("application", "message", "payment")}
    if given["application"] not in lost:
        return its
    return {f"payment/{given['payment']}"} if given["is_paid"] else set()


def _payment(name: str, application: str, *, is_paid: bool) -> dict[str, Any]:
    return {
        "id": name,
        "type": "PAGOPA",
        "remote_id": application,
        "status": "COMPLETE" if is_paid else "PAYMENT_PENDING",
        "reason": "Diritti di segreteria",
        "created_at": _AT,
        "updated_at": _AT,
        "payment": {
            "amount": 16.0,
            "notice_code": notice_number(),
            "receiver": {"tax_identification_number": "00301970190"},
        },
        "links": {},
    }
