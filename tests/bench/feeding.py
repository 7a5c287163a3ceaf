"""What the feed costs where it holds much: first page, summary and changes, against bare indexed queries.

The bare way is what nobody can do without: the query by the index, opening the contents, a durable line in the access
log, the answer's JSON. Both ways read the same rows of the same store, turn by turn.
"""

import random
import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

from contracts.base import rfc3339
from contracts.identifiers import new_uuid7
from hub.bootstrap import Hub
from hub.feed.parameters import list_wish
from hub.home import Home
from hub.settings import Settings
from hub.store.chain import ChainWriter
from hub.store.citizens import Citizen, Subject
from hub.store.readers import Access, record_access
from hub.store.rows import payload_place
from hub.store.tables.columns import EPOCH

from ..harness import ENTE, make_message
from .raw import per_second
from .store import by_hub, rows_of

FILLING = 256
_PAGE = """
SELECT i.item_id, i.collection, i.state, i.version, i.service_id, i.source, i.vendor_id, i.turn, i.occurred_at,
       i.received_at, i.updated_at, i.due_at, u.read_at, u.archived_at, v.payload_sealed
FROM items i JOIN item_versions v ON v.ente_id = i.ente_id AND v.item_id = i.item_id AND v.version = i.version
  AND v.citizen_id = i.citizen_id
LEFT JOIN user_states u ON u.ente_id = i.ente_id AND u.citizen_id = i.citizen_id AND u.item_id = i.item_id
WHERE i.ente_id = ? AND i.citizen_id = ? AND i.lifecycle = 'active' AND NOT i.hidden AND i.min_loa <= 2
  AND u.archived_at IS NULL
ORDER BY i.occurred_at DESC, i.item_id DESC LIMIT 51
"""
_NAMES = (
    "item_id",
    "collection",
    "state",
    "version",
    "service_id",
    "source",
    "vendor_id",
    "turn",
    "occurred_at",
    "received_at",
    "updated_at",
    "due_at",
)
_COUNTS = """
SELECT i.collection, i.state, count(*), sum(CASE WHEN u.read_at IS NULL THEN 1 ELSE 0 END),
       sum(CASE WHEN i.turn = 'citizen' THEN 1 ELSE 0 END)
FROM items i LEFT JOIN user_states u ON u.ente_id = i.ente_id AND u.citizen_id = i.citizen_id AND u.item_id = i.item_id
WHERE i.ente_id = ? AND i.citizen_id = ? AND i.lifecycle = 'active' AND NOT i.hidden AND i.min_loa <= 2
  AND u.archived_at IS NULL
GROUP BY i.collection, i.state
"""
_NEXT = """
SELECT i.item_id, i.due_at FROM items i
WHERE i.ente_id = ? AND i.citizen_id = ? AND i.lifecycle = 'active' AND NOT i.hidden AND i.min_loa <= 2
  AND i.turn = 'citizen' AND i.due_at >= 0 ORDER BY i.due_at LIMIT 10
"""
_FRESH = """
SELECT i.vendor_id, i.source, max(i.updated_at) FROM items i
WHERE i.ente_id = ? AND i.citizen_id = ? AND NOT i.hidden AND i.min_loa <= 2 GROUP BY i.vendor_id, i.source
"""
_LOG = """
INSERT INTO access_log (ente_id, access_id, at, request_id, portal_id, citizen_id, pseudonym, acr, operation, outcome,
  row_hash, writer_id, root_number)
VALUES (?, ?, 0, 'r', 'portale', ?, 's', 'a', 'list_items', 'ok', '', '', 0)
"""


class Crowd:
    """A store of many citizens with as many items each, and one who has a tenth of all."""

    def __init__(self, folder: Path, *, items: int, citizens: int) -> None:
        self._home = Home(Settings(home=folder))
        self._home.create()
        self._hub = Hub(self._home)
        self._key = self._home.vault.new_data_key()
        self._people = [Citizen(ENTE, new_uuid7(), self._key) for _ in range(citizens)]
        self.heavy = Citizen(ENTE, new_uuid7(), self._key)
        self._chain = ChainWriter(new_uuid7())
        self._draw = random.Random(7)
        self._fill(items)
        self._raw = sqlite3.connect(folder / "raccordo.db", isolation_level=None)
        self._raw.execute("PRAGMA synchronous=FULL")

    def close(self) -> None:
        self._raw.close()
        self._home.database.close()

    def _fill(self, count: int) -> None:
        content = orjson.dumps(make_message(body_markdown="Gentile cittadino, " * 60))
        for start in range(0, count, FILLING):
            rows = rows_of(min(FILLING, count - start))
            for n, item in enumerate(rows["items"]):
                number = start + n
                who = self.heavy if number % 10 == 0 else self._people[number % len(self._people)]
                for name in ("item_identities", "item_versions", "timeline", "deliveries", "items"):
                    rows[name][n] |= {"citizen_id": who.citizen_id, "ente_id": ENTE}
                item |= {"lifecycle": "active", "collection": "messages", "state": "published", "turn": "none"}
                item["sequence"] = number + 1
                version = rows["item_versions"][n]
                place = payload_place(ENTE, item["item_id"], item["version"])
                version["payload_sealed"] = self._home.vault.seal_with(self._key, content, place)
            with self._home.database.write() as tx:
                by_hub(tx, rows)

    def ways(self) -> dict[str, Callable[[], object]]:
        """What is measured, by name: the hub's and the bare way of a page and of a summary."""
        return {
            "page/hub": lambda: self._logged(self._page),
            "page/bare": lambda: self._bare(self._bare_page),
            "summary/hub": lambda: self._logged(self._summary),
            "summary/bare": lambda: self._bare(self._bare_summary),
        }

    def _logged(self, answer: Callable[[Citizen], Any]) -> bytes:
        citizen = self._draw.choice(self._people)
        content = orjson.dumps(answer(citizen))
        access = Access("r", ENTE, "portale", "s", "a", "list_items", "ok", citizen.citizen_id)
        with self._home.database.write() as tx:
            record_access(tx, [access])
            self._chain.extend(tx)
        self._chain.committed()
        return content

    def _page(self, citizen: Citizen) -> dict[str, Any]:
        feed, subject = self._hub.feed, Subject(ENTE, "person", "-")
        with feed.open() as connection:
            return feed.page(feed.reading(connection, subject, citizen, 2), list_wish([], collection=None))

    def _summary(self, citizen: Citizen) -> dict[str, Any]:
        feed, subject = self._hub.feed, Subject(ENTE, "person", "-")
        with feed.open() as connection:
            return feed.summary(feed.reading(connection, subject, citizen, 2))

    def _bare(self, answer: Callable[[Citizen], Any]) -> bytes:
        citizen = self._draw.choice(self._people)
        content = orjson.dumps(answer(citizen))
        self._raw.execute("BEGIN IMMEDIATE")
        self._raw.execute(_LOG, (ENTE, new_uuid7(), citizen.citizen_id))
        self._raw.execute("COMMIT")
        return content

    def _bare_page(self, citizen: Citizen) -> list[Any]:
        rows = self._raw.execute(_PAGE, (ENTE, citizen.citizen_id)).fetchall()
        return [self._opened(citizen, row) for row in rows[:50]]

    def _opened(self, citizen: Citizen, row: tuple[Any, ...]) -> dict[str, Any]:
        place = payload_place(ENTE, row[0], row[3])
        content = orjson.loads(self._home.vault.open_with(citizen.data_key, row[-1], place))
        told = dict(zip(_NAMES, row, strict=False)) | {"title": content["title"], "summary": content.get("summary")}
        for name in ("occurred_at", "received_at", "updated_at"):
            told[name] = rfc3339(EPOCH + timedelta(microseconds=told[name]))
        return told

    def _bare_summary(self, citizen: Citizen) -> list[Any]:
        return [self._raw.execute(sql, (ENTE, citizen.citizen_id)).fetchall() for sql in (_COUNTS, _NEXT, _FRESH)]

    def changes_kb(self, most: int) -> float:
        """The most memory, in KB, that reading so many changes of one citizen needs at once."""
        feed, subject = self._hub.feed, Subject(ENTE, "person", "-")
        after, seen, more = None, 0, True
        tracemalloc.start()
        try:
            while more and seen < most:
                with feed.open() as connection:
                    page = feed.changes(feed.reading(connection, subject, self.heavy, 2), after, 100)
                after, more = page["next_cursor"], page["more"]
                seen += len(page["items"])
            return tracemalloc.get_traced_memory()[1] / 1024
        finally:
            tracemalloc.stop()


@contextmanager
def crowd(folder: Path, *, items: int, citizens: int) -> Iterator[Crowd]:
    """A store with so many items, until the block ends."""
    one = Crowd(folder, items=items, citizens=citizens)
    try:
        yield one
    finally:
        one.close()


def measured(one: Crowd, *, rounds: int, seconds: float) -> Iterator[tuple[str, float]]:
    """(name, answers in a second) of each way in each round, the ways turn by turn."""
    for _ in range(rounds):
        for name, way in one.ways().items():
            yield name, per_second(way, seconds=seconds)
