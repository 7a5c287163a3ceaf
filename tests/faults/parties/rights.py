"""Citizens who file a request about their data."""

from collections.abc import Mapping
from typing import Any

from ...harness import HubUnderTest
from .party import Party, Wish, accepted, person


class Rights(Party):
    name = "rights"

    def wish(self, name: str) -> Wish:
        return person()

    def ask(self, hub: HubUnderTest, name: str, wish: Wish) -> Mapping[str, Any]:
        filed = {"kind": "rectification", "text": f"Il numero civico è 12, non 21 ({name})."}
        return {"request_id": accepted(hub.write("/rights-requests", filed, wish["tax_code"]))["request_id"]}

    def found(self, hub: HubUnderTest) -> list[dict[str, Any]]:
        """What each of them sees of his requests."""
        asked = {line["name"]: line for line in self.ledger.read() if line["event"] == "asked"}
        return [
            {"name": name, "request_id": each["request_id"], "is_named": name in each["text"], "state": each["state"]}
            for name, its in asked.items()
            for each in hub.read("/rights-requests", its["tax_code"]).raise_for_status().json()["items"]
        ]
