"""A source that the hub reads and that lists all it has: records come, change and go, and now and then a page of it
breaks. What is new comes first and what is oldest goes, so that no record moves to a page before the one it stood on:
a round that misses a record misses one that is gone.
"""

import time
from collections.abc import Mapping
from typing import Any

import httpx

from connectors.mapped.simulator import sample_records

from ...harness import HubUnderTest, eventually
from ..files import Lines
from .party import Party, Wish, person

AT_FIRST = 24
_BROKEN = (4, 5)
"""Of each ten steps, those at which a page breaks and is mended."""
_ITEMS = """SELECT n.external_id AS name, n.item_id, i.lifecycle, i.version FROM item_identities n
    JOIN items i USING (ente_id, item_id) WHERE n.vendor_id = 'beta'"""
_WITHDRAWN = "SELECT item_id, at FROM timeline WHERE event = 'withdrawn'"
_WAITING = "SELECT name FROM quarantine WHERE connector_id = 'source' AND decided IS NULL"
_LEFT = "SELECT count(*) AS n FROM missing_records WHERE connector_id = 'source' AND withdrawn_at IS NULL"


class Source(Party):
    name = "source"

    def __init__(self, ground: Any) -> None:
        super().__init__(ground)
        self._somebody = person()["tax_code"]
        self._step, self._last = 0, 0
        self._records: list[dict[str, Any]] = []
        for _ in range(AT_FIRST):
            self._note("listed", self._add())

    def wish(self, name: str) -> Wish:
        self._step += 1
        match self._step % 10:
            case 2 | 6 | 8:
                change, record = "dropped", self._records.pop()
            case 3 | 7:
                at = self._step % len(self._records)
                change, record = "changed", self._records[at] | {"importo": f"{self._step},99"}
                self._records[at] = record
            case 4:
                change, record = "broken", self._records[len(self._records) // 2]
            case 5:
                change, record = "mended", self._records[0]
            case _:
                change, record = "listed", self._add()
        return {"change": change, "record": _name(record["numero"]), "amount_cents": _cents(record)}

    def prepare(self, hub: HubUnderTest) -> None:
        """What is oldest was read: what is dropped before it came leaves no trace."""
        self._give()
        eventually(lambda: {row["name"] for row in self.ground.rows(_ITEMS)}, lambda found: _name(1) in found)

    def ask(self, hub: HubUnderTest, name: str, wish: Wish) -> Mapping[str, Any]:
        broken = [int(wish["record"][-6:])] if wish["change"] == "broken" else []
        self._give(broken)
        return {}

    def _give(self, broken: list[int] | None = None) -> None:
        """All that it has: it may have been killed, and have nothing any more."""
        url = f"{self.ground.url_of('source')}/_sim"
        httpx.put(f"{url}/broken", json=broken or [], trust_env=False).raise_for_status()
        httpx.put(f"{url}/records", json=self._records, trust_env=False).raise_for_status()

    def _add(self) -> dict[str, Any]:
        self._last += 1
        record = sample_records(1)[0] | {"numero": self._last, "contribuente": {"cf": self._somebody}}
        self._records.insert(0, record | {"importo": f"{self._last},50"})
        return self._records[0]

    def _note(self, change: str, record: dict[str, Any]) -> None:
        name = _name(record["numero"])
        self.ledger.append(
            event="asked", at=time.time(), name="", change=change, record=name, amount_cents=_cents(record)
        )

    def is_over(self) -> bool:
        """What it lists is here as it is, and nothing else, as far as can be seen."""
        self._give()
        rows = self.ground.rows(_ITEMS)
        active = {row["name"] for row in rows if row["lifecycle"] == "active"}
        there = {_name(record["numero"]) for record in self._records}
        left = self.ground.count(_LEFT) + len(self.ground.rows(_WAITING))
        return active == there and not left and self._is_read()

    def _is_read(self) -> bool:
        """Whether two rounds came to their end since the last wish."""
        last = max(line["at"] for line in self.ledger.read() if "at" in line)
        return sum(at > last for at, _ in self._rounds()) >= 2

    def _rounds(self) -> list[tuple[float, set[str]]]:
        """When the source gave the last page of each round, and which records it gave in it, by its own ledger."""
        rounds, given = [], set[str]()
        for line in self._pages():
            if line["query"].endswith("pagina=1"):
                given = set()
            given |= {_name(number) for number in line["numbers"]}
            if not line["numbers"]:
                rounds.append((line["at"], given))
        return rounds

    def _pages(self) -> list[dict[str, Any]]:
        return Lines(self.ground.folder / "source" / "mapped.jsonl").read()

    def found(self, hub: HubUnderTest) -> list[dict[str, Any]]:
        """Each item with what the feed shows of it, its versions and withdrawals, and when rounds ended that gave it no
        more; what waits. Rounds may be older than the wish to drop it: a source that was killed has nothing for long.
        """
        given = {_name(number): line["at"] for line in self._pages() for number in line["numbers"]}
        rounds = self._rounds()
        withdrawn: dict[str, list[float]] = {}
        for row in self.ground.rows(_WITHDRAWN):
            withdrawn.setdefault(row["item_id"], []).append(row["at"] / 1e6)
        shown: list[dict[str, Any]] = [{"what": "waiting", "name": row["name"]} for row in self.ground.rows(_WAITING)]
        for row in self.ground.rows(_ITEMS):
            answer = hub.read(f"/items/{row['item_id']}", self._somebody)
            content = answer.json()["content"] if answer.is_success else {}
            shown.append(
                {
                    "what": "item",
                    "name": row["name"],
                    "amount_cents": content.get("amount_cents"),
                    "versions": row["version"],
                    "withdrawn_at": withdrawn.get(row["item_id"], []),
                    "missed_at": [at for at, its in rounds if at > given[row["name"]] and row["name"] not in its],
                }
            )
        return shown


def _name(number: int) -> str:
    return f"AVV-2026-{number:06d}"


def _cents(record: Mapping[str, Any]) -> int:
    return int(str(record["importo"]).replace(",", ""))
