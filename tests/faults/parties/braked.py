"""A source that lists fewer and fewer of its records, more than may be taken back in a day: first as many as that, and
once they are gone one after the other.
"""

import time
from collections.abc import Mapping
from typing import Any

import httpx

from connectors.mapped.simulator import sample_records

from ...harness import HubUnderTest, eventually
from ..files import Lines
from .party import NotYet, Party, Wish, person

AT_MOST = 3
SOURCE = "registro"
"""What its items name as theirs."""
_AT_FIRST = 12
_ROUNDS = 3
_ITEMS = """SELECT n.external_id AS name, i.lifecycle FROM item_identities n
    JOIN items i USING (ente_id, item_id) WHERE n.source = 'registro'"""
_HELD = "SELECT name FROM missing_records WHERE connector_id = 'braked' AND withdrawn_at IS NULL"


class Braked(Party):
    name = "braked"

    def __init__(self, ground: Any) -> None:
        super().__init__(ground)
        somebody = {"contribuente": {"cf": person()["tax_code"]}, "importo": "12,50"}
        self._records = [record | somebody for record in sample_records(_AT_FIRST)]
        self._dropped = 0

    def prepare(self, hub: HubUnderTest) -> None:
        self._give()
        eventually(lambda: len(self.ground.rows(_ITEMS)), lambda found: found == _AT_FIRST, within_s=30)

    def wish(self, name: str) -> Wish:
        return {}

    def ask(self, hub: HubUnderTest, name: str, wish: Wish) -> Mapping[str, Any]:
        """Drop the next, and at first as many as may go; those have to be gone before another one is."""
        if self._dropped and len(self._withdrawn()) < AT_MOST:
            self._give()
            raise NotYet
        for _ in range(1 if self._dropped else AT_MOST):
            if len(self._records) > 1:  # an empty list would deny nothing
                self._dropped += 1
                self.ledger.append(event="dropped", at=time.time(), record=_name(self._records.pop()["numero"]))
        self._give()
        return {}

    def _withdrawn(self) -> set[str]:
        return {row["name"] for row in self.ground.rows(_ITEMS) if row["lifecycle"] != "active"}

    def _give(self) -> None:
        """All that it has: it may have been killed, and have nothing any more."""
        url = f"{self.ground.url_of('braked')}/_sim/records"
        httpx.put(url, json=self._records, trust_env=False).raise_for_status()

    def is_over(self) -> bool:
        """As many as may go are gone, and the others are noted."""
        self._give()
        gone, held = len(self._withdrawn()), len(self.ground.rows(_HELD))
        return gone >= min(self._dropped, AT_MOST) and gone + held >= self._dropped and self._is_read()

    def _is_read(self) -> bool:
        """Whether what two rounds lacked would have gone by now: a third one came to its end."""
        last = max(line["at"] for line in self.ledger.read() if line["event"] == "dropped")
        pages = Lines(self.ground.folder / "braked" / "mapped.jsonl").read()
        return sum(not page["numbers"] and page["at"] > last for page in pages) >= _ROUNDS

    def found(self, hub: HubUnderTest) -> list[dict[str, Any]]:
        """Each item; and what an administrator is shown as missing."""
        items = [
            {"what": "item", "name": row["name"], "is_there": row["lifecycle"] == "active"}
            for row in self.ground.rows(_ITEMS)
        ]
        return items + [{"what": "held", "name": row["name"].partition("/")[2]} for row in self.ground.rows(_HELD)]


def _name(number: int) -> str:
    return f"AVV-2026-{number:06d}"
