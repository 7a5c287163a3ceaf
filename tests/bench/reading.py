"""A citizen's first page of 50 among many: through the hub's feed, and by a bare query with opening and writing."""

import sqlite3
from collections.abc import Callable
from itertools import cycle
from typing import Any

import orjson

from hub.bootstrap import Hub
from hub.feed.answers import as_json
from hub.feed.parameters import list_wish
from hub.home import Home
from hub.store.citizens import Citizen, Subject

from ..harness import ENTE

_PAGE = """
SELECT i.item_id, i.collection, i.state, i.version, i.service_id, i.source, i.vendor_id, i.turn, i.occurred_at,
       i.received_at, i.updated_at, i.due_at, v.payload_sealed
FROM items i JOIN item_versions v USING (ente_id, citizen_id, item_id, version)
WHERE i.ente_id = ? AND i.citizen_id = ? AND i.lifecycle = 'active' AND NOT i.hidden AND i.min_loa <= 2
ORDER BY i.occurred_at DESC, i.item_id DESC LIMIT 51
"""


def pages(home: Home, codes: list[str]) -> tuple[Callable[[], bytes], Callable[[], bytes], int]:
    """(the hub's way, the bare way, items on the page): each call is another citizen's first page, as JSON bytes."""
    hub = Hub(home)
    with hub.feed.open() as look:
        people = [(who, hub.feed.citizen(look, who)) for who in (Subject(ENTE, "person", c) for c in codes)]
    citizens = [(who, citizen) for who, citizen in people if citizen is not None]
    wish = list_wish([], collection=None)
    ours, theirs = cycle(citizens), cycle(citizens)
    raw = sqlite3.connect(home.folder / "raccordo.db")

    def by_hub() -> bytes:
        subject, citizen = next(ours)
        with hub.feed.open() as look:
            return as_json(hub.feed.page(hub.feed.reading(look, subject, citizen, 2), wish))

    def bare() -> bytes:
        _, citizen = next(theirs)
        rows = raw.execute(_PAGE, (citizen.ente_id, citizen.citizen_id)).fetchall()
        return orjson.dumps([_row(hub, citizen, row) for row in rows[:50]])

    return by_hub, bare, len(orjson.loads(bare()))


def _row(hub: Hub, citizen: Citizen, row: tuple[Any, ...]) -> tuple[Any, ...]:
    place = f"item_versions|payload|{citizen.ente_id}|{row[0]}|{row[3]}"
    content = orjson.loads(hub.home.vault.open_with(citizen.data_key, row[-1], place))
    return (*row[:-1], content["title"], content.get("summary"))
