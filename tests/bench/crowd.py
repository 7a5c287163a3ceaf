"""A store of many citizens, written in bulk: some hundred items each, of several kinds and sources, and one who has a
tenth of all. As items arrive, everybody's are mixed in time; they are written citizen by citizen, which is quicker."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Table

from contracts.identifiers import new_uuid7
from hub.bootstrap import Hub
from hub.store.chain import ChainWriter
from hub.store.citizens import Citizen, Subject
from hub.store.reading import Reading
from hub.store.rows import payload_place
from hub.store.tables import item_identities, item_versions, items, user_states

from ..harness import ENTE, make_home, make_message, make_payment
from .filling import Made, fill

SOURCES = [("anagrafe", "anpr"), ("tributi", "tari"), ("tributi", "imu"), ("scuola", "nidi"), ("sportello", "suap")]
_PAGOPA = {
    "gpd_url": "https://api.example.it/gpd",
    "api_key": "secret",
    "organization_tax_code": make_payment()["creditor_tax_code"],
    "segregation_code": 47,
    "vendor_id": "tributi",
}
"""The creditor has a connector, so that the feed works out what a cart may have."""
_TABLES = (item_identities, item_versions, items, user_states)
_TEXT = "Gentile cittadino, " * 60
_CONTENTS = {
    "messages": orjson.dumps(make_message(body_markdown=_TEXT)),
    "payments": orjson.dumps(make_payment(summary=_TEXT[:900])),
}


class Crowd:
    """The store, with the hub's feed over it. Of a citizen's items every fifth is a payment, of which every fourth
    waits for the citizen, and every third item was read."""

    def __init__(self, folder: Path, url: str | None, *, count: int, citizens: int) -> None:
        self.url = url
        connectors = {"gpd": ("pagopa", _PAGOPA)}
        self.home = make_home(folder, connectors=connectors, **({} if url is None else {"database_url": url}))
        self.database = self.home.database
        self.feed = Hub(self.home).feed
        self.key = self.home.vault.new_data_key()
        self.people = [Citizen(ENTE, new_uuid7(), self.key) for _ in range(citizens - 1)]
        self.heavy = Citizen(ENTE, new_uuid7(), self.key)
        self._chain = ChainWriter(new_uuid7())
        self._draw = random.Random(7)
        self._born = datetime.now(UTC).replace(microsecond=0) - timedelta(days=365)
        fill(self.database, _TABLES, self._shares(count), self._item, self._born)

    def _shares(self, count: int) -> Iterator[tuple[Citizen, int, int]]:
        """Whose items come when, and which of theirs each is: every tenth is the one's, between which the others take
        turns."""
        for n, number in enumerate(range(0, count, 10)):
            yield self.heavy, n, number
        for first, who in enumerate(self.people):
            for n, turn in enumerate(range(first, count * 9 // 10, len(self.people))):
                yield who, n, turn + turn // 9 + 1

    def _item(self, share: tuple[Citizen, int, int]) -> Made:
        who, n, number = share
        collection = "messages" if n % 5 else "payments"
        vendor_id, source = SOURCES[n % len(SOURCES)]
        at = self._born + timedelta(seconds=number * 30)
        # As the hub's own: in the order of time, so that those of all are mixed.
        item_id = f"{number:08x}-0000-7000-8000-{self._draw.getrandbits(48):012x}"
        named = {"ente_id": ENTE, "citizen_id": who.citizen_id, "item_id": item_id}
        own = named | {"vendor_id": vendor_id, "source": source, "collection": collection}
        is_due = collection == "payments" and n % 20 == 0
        columns = {
            "lifecycle": "active",
            "state": "due" if collection == "payments" else "published",
            "turn": "citizen" if is_due else "none",
            "due_at": self._born + timedelta(days=400 + n % 90) if is_due else None,
            "sensitivity": "normal",
            "occurred_at": at,
            "received_at": at,
            "updated_at": at,
            "sequence": number + 1,
        }
        place = payload_place(ENTE, item_id, 1)
        sealed = self.home.vault.seal_with(who.data_key, _CONTENTS[collection], place)
        rows: dict[Table, dict[str, Any]] = {
            item_identities: own | {"external_id": f"e-{number}"},
            item_versions: named | {"payload_sealed": sealed},
            items: own | columns,
        }
        return rows if n % 3 else rows | {user_states: named | {"read_at": at, "seen_version": 1}}

    def someone(self) -> Citizen:
        return self._draw.choice(self.people)

    @contextmanager
    def reading(self, citizen: Citizen) -> Iterator[Reading]:
        with self.feed.open() as look:
            yield self.feed.reading(look, Subject(ENTE, "person", "-"), citizen, 2)


@contextmanager
def crowd(folder: Path, url: str | None, *, items: int, citizens: int) -> Iterator[Crowd]:
    """A store with so many items, until the block ends."""
    one = Crowd(folder, url, count=items, citizens=citizens)
    try:
        yield one
    finally:
        one.database.close()
