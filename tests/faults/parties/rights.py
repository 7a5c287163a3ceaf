"""Citizens who file a request about their data, and an administrator who answers two of three."""

from collections.abc import Mapping
from typing import Any

from ...flows.administering import Admin, admin_of
from ...harness import HubUnderTest
from .party import Party, Wish, accepted, person

TOLD = "Risposta alla tua richiesta sui tuoi dati"
_CLOSED_BEFORE = 409


class Rights(Party):
    name = "rights"

    def __init__(self, ground: Any) -> None:
        super().__init__(ground)
        self._number = 0
        self._filed: dict[str, str] = {}
        self._session = ""

    def prepare(self, hub: HubUnderTest) -> None:
        self._session = admin_of(hub, "privacy", "data-protection").token
        self.ground.home.database.close()

    def wish(self, name: str) -> Wish:
        self._number += 1
        return {"is_answered": self._number % 3 != 0, **person()}

    def ask(self, hub: HubUnderTest, name: str, wish: Wish) -> Mapping[str, Any]:
        filed = {"kind": "rectification", "text": f"Il numero civico è 12, non 21 ({name})."}
        if name not in self._filed:
            answer = accepted(hub.write("/rights-requests", filed, wish["tax_code"]))
            self._filed[name] = answer["request_id"]
        request_id = self._filed[name]
        if wish["is_answered"]:
            closure = {"outcome": "done", "answer": f"Corretto ({name})."}
            answer = Admin(hub, self._session).post(f"/rights-requests/{request_id}/closures", closure)
            if answer.status_code != _CLOSED_BEFORE:  # its answer was lost
                accepted(answer)
        return {"request_id": request_id}

    def found(self, hub: HubUnderTest) -> list[dict[str, Any]]:
        """What each of them sees of his requests, and how often he reads that one was answered."""
        asked = {line["name"]: line for line in self.ledger.read() if line["event"] == "asked"}
        shown = []
        for name, its in asked.items():
            read = hub.read("/rights-requests", its["tax_code"]).raise_for_status().json()["items"]
            told = hub.read("/messages", its["tax_code"]).raise_for_status().json()["items"]
            shown += [
                {
                    "name": name,
                    "request_id": each["request_id"],
                    "is_named": name in each["text"],
                    "is_answered": each["state"] == "done" and name in (each["answer"] or ""),
                    "told": sum(one["title"].startswith(TOLD) for one in told),
                }
                for each in read
            ]
        return shown
