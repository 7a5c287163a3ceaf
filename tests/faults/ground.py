"""What every fault test stands on, whatever processes it has: a home, a vendor that keeps account, and the evidence."""

import json
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from hub.store.chain import verify_chain
from hub.store.configuration import set_status

from ..harness import ENTE, Caller, HubUnderTest, eventually, make_home
from . import history
from .accounts import feed, told
from .evidence import Account, Evidence, Shown
from .generator import Generator
from .lives import PLAIN, Life
from .parties.party import Party
from .trades import MESSAGES, Trade

# Nothing here waits for a provider's pace or for a human's patience.
FAST = {
    "retry_base_s": 0.05,
    "retry_cap_s": 0.2,
    "timeout_s": 20,
    "rate_per_s": 1000.0,
    "burst": 1000,
    "breaker_failures": 20,
    "breaker_open_s": 0.5,
    "breaker_max_open_s": 1.0,
}
CLAIMED_FOR_IO = "SELECT count(*) AS n FROM deliveries WHERE claim_id IS NOT NULL AND channel = 'io'"
_LOOK_S = 0.1
"""Twice what a look takes on a quiet machine."""
PENDING = "SELECT count(*) AS n FROM deliveries WHERE state IN ('queued', 'waiting', 'held') OR claim_id IS NOT NULL"


class Ground(ABC):
    """Subclasses say how the hub comes to life on it."""

    drain_within_s = 15.0
    ends = frozenset({"delivered", "unconfirmed"})
    ordered = False
    left = 0
    """How many were pending when the last drain was over."""
    io_url: str
    """Where App IO, or whoever is in its place, is scripted."""

    def __init__(
        self,
        folder: Path,
        connectors: Mapping[str, tuple[str, Mapping[str, Any]]],
        *,
        trade: Trade = MESSAGES,
        limits: Mapping[str, Any] = FAST,
        migrated: bool = False,
        **settings: Any,
    ) -> None:
        self.folder = folder
        self.trade = trade
        self.vendor, self.other, self.portal = Caller("acme"), Caller("beta"), Caller("portale")
        self.home = make_home(
            folder / "home",
            vendors=(self.vendor, self.other),
            portals=(self.portal,),
            connectors=connectors,
            limits=limits,
            migrated=migrated,
            **settings,
        )
        history.install(self.home.database.engine)
        self.home.database.close()
        self.generator = Generator(folder / "generator.jsonl", trade)
        self.parties: list[Party] = [each(self) for each in trade.parties]
        self._found: dict[str, list[dict[str, Any]]] = {}

    @abstractmethod
    def rows(self, query: str) -> list[Any]:
        """Straight from the database, past the hub."""

    @abstractmethod
    def integrity(self) -> list[str]:
        """What the database says of its own files; empty when they are whole."""

    @abstractmethod
    def recover(self, life: Life = PLAIN, *, fresh: int = 4) -> Evidence:
        """Repair all; what had no answer is sent again, with some `fresh` messages, and old requests are replayed; all
        is drained, then looked at."""

    def close(self) -> None:
        self.home.database.close()

    def prepare(self, hub: HubUnderTest) -> None:
        """What has to be there before the first item and the first wish."""
        self.trade.prepare(hub)
        for party in self.parties:
            party.prepare(hub)

    def url_of(self, connector_id: str) -> str:
        """Where that provider is scripted."""
        given = json.loads((self.folder / "providers.json").read_text())[connector_id][1]
        return next(_origin(str(value)) for value in given.values() if str(value).startswith("http://"))

    def under_test(self, url: str, client: httpx.Client) -> HubUnderTest:
        return HubUnderTest(self.home, url, client, self.vendor, self.other, self.portal)

    def resume(self, connector_id: str) -> None:
        """As an operator does who has set right what had paused it."""
        with self.home.database.write() as tx:
            set_status(tx, ENTE, connector_id, status="active")
        self.home.database.close()

    def io_faults(self, *faults: dict[str, Any]) -> None:
        """Script App IO."""
        httpx.post(f"{self.io_url}/_sim/faults", json=list(faults)).raise_for_status()

    def drain(self, *, within_s: float | None = None) -> float:
        """Until nothing is queued, waiting or in somebody's hands, or for so long nothing more of it went away. How
        long it took. A hub that does not get there is the oracle's.

        The standstill is timed by looks, and a look that a busy machine makes slow counts as no more than `_LOOK_S`:
        the hub, of whose processes each look is a small copy, was as slow then."""
        started = time.monotonic()
        fewest, stood_s = self.pending(), 0.0
        while fewest and stood_s <= (within_s or self.drain_within_s):
            looked = time.monotonic()
            time.sleep(0.05)
            left = self.pending()
            stood_s += min(time.monotonic() - looked, _LOOK_S)
            if left < fewest:
                fewest, stood_s = left, 0.0
        return time.monotonic() - started

    def pending(self) -> int:
        return self.count(PENDING)

    def count(self, query: str) -> int:
        """What that query calls `n`."""
        found: int = self.rows(query)[0]["n"]
        return found

    def told_by(self, channel: str) -> int:
        """How many messages that channel's provider accepted."""
        return [one.channel for one in told(self.folder)].count(channel)

    def takes(self, more: int, *, within_s: float = 60) -> None:
        """Until so many more messages have been acknowledged: the load is under way, and the hub with it."""
        wanted = self.generator.acknowledged + more
        eventually(lambda: self.generator.acknowledged, lambda found: found >= wanted, within_s=within_s)

    def settle_up(self, hub: HubUnderTest, fresh: int) -> tuple[list[Shown], float]:
        """The end of a test, everything being well again: the feed, and the seconds that draining took."""
        self.generator.send_again(hub)
        self.generator.load(hub, fresh)
        self.generator.replay(hub)
        for party in self.parties:
            party.one(hub)
            party.ask_again(hub)
        drain_s = self.drain()
        if self.parties:
            # Later than any drain: a source is read round by round.
            self._await_parties()
            drain_s += self.drain()
        self.left = self.pending()
        self._found = {party.name: party.found(hub) for party in self.parties}
        return feed(hub, self.trade.collection), drain_s

    def _await_parties(self) -> None:
        """Until the hub has done what it does by itself, or has had time enough: what is wrong then is the oracle's."""
        deadline = time.monotonic() + 2 * self.drain_within_s
        while time.monotonic() < deadline and not all(party.is_over() for party in self.parties):
            time.sleep(0.2)

    def evidence(self, shown: list[Shown], drain_s: float) -> Evidence:
        """Everything the oracle needs, the hub being down."""
        rows = self.rows("SELECT * FROM deliveries")
        identities = self.rows("SELECT * FROM item_identities")
        names = {row["item_id"]: row["external_id"] for row in identities}
        attempts = self.rows("SELECT delivery_id, outcome FROM attempts")
        accounts = {party.name: Account(party.ledger.read(), self._found.get(party.name, [])) for party in self.parties}
        lines = [line for account in accounts.values() for line in account.said]
        ears = {line[how] for line in lines for how in ("tax_code", "email") if how in line}
        heard = told(self.folder)
        sent = {line["name"] for line in self.generator.ledger.read() if line["event"] == "sent"}
        citizens = {row["citizen_id"] for row in identities if row["external_id"] in sent}
        beside = [row for row in rows if accounts and row["citizen_id"] not in citizens]
        theirs = {row["delivery_id"] for row in beside}
        with self.home.database.read() as connection:
            chain = list(verify_chain(connection, self._anchors()))
        self.home.database.close()
        return Evidence(
            ledger=self.generator.ledger.read(),
            shown=shown,
            told=[one for one in heard if one.to not in ears],
            deliveries=[row for row in rows if row["delivery_id"] not in theirs],
            attempts=Counter(row["delivery_id"] for row in attempts),
            marked={row["delivery_id"] for row in self.rows(history.MARKED)},
            logs=self.logs(),
            chain=chain,
            integrity=self.integrity(),
            names={row["delivery_id"]: names.get(row["message_id"], "") for row in rows},
            doubts=Counter(row["delivery_id"] for row in attempts if row["outcome"] in history.DOUBTFUL),
            inbound=Counter(row["body_sha256"] for row in self.rows(history.INBOUND)),
            changes=[(row["delivery_id"], row["was"], row["became"]) for row in self.rows(history.CHANGES)],
            secrets=self.secrets(),
            ends=self.ends,
            ordered=self.ordered,
            channels=self.trade.channels,
            settles_later=self.trade.settles_later,
            drain_s=drain_s,
            pending=self.left,
            drain_within_s=self.drain_within_s,
            accounts=accounts,
            beside=beside,
            told_beside=[one for one in heard if one.to in ears],
        )

    def secrets(self) -> list[str]:
        """What no log may hold beside what is personal."""
        return ["simulated-io-key", (self.home.folder / "hub-key.pem").read_text().splitlines()[1]]

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("hub-*.log")))

    def _anchors(self) -> dict[str, tuple[int, str]]:
        newest: dict[str, tuple[int, str]] = {}
        for line in self.home.anchors.read_text().splitlines() if self.home.anchors.exists() else ():
            newest |= {writer: (number, root) for writer, (number, root) in json.loads(line)["tails"].items()}
        return newest


def _origin(address: str) -> str:
    """Scheme, host and port."""
    url = httpx.URL(address)
    return f"{url.scheme}://{url.host}:{url.port}"
