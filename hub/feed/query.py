"""The feed of one citizen: what is there, what changed, what waits. Whose rows they are, the store decides."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from threading import BoundedSemaphore
from typing import Any

import orjson
from pydantic import TypeAdapter
from sqlalchemy import Connection

from contracts.base import rfc3339
from contracts.items import Item
from hub.clock import Clock
from hub.errors import ItemUnknown
from hub.store.citizens import Citizen, Citizens, Subject
from hub.store.database import Database
from hub.store.files import Files, StoredFile
from hub.store.ports import Vault
from hub.store.preferences import Wishes, wishes_of
from hub.store.readers import user_state_tag
from hub.store.reading import Reading, Row

from . import cursor
from .actions import action_views
from .history import history_view
from .parameters import ListWish
from .views import delivery_view, link_view, request_view, row_view, shown_state, timeline_view

SEARCH_DEPTH = 2000
"""A search opens the citizen's newest items, this many at most, and says when it stopped (`settled` 23)."""

_SEARCHES = 3
"""Searches at once: each decrypts much, and the writer must not starve beside them."""

_SEARCHED = ("title", "summary", "body_markdown", "reason", "notice_number", "receipt_number", "filename")
_ITEM: TypeAdapter[Item] = TypeAdapter(Item)
Offered = Callable[[Mapping[str, Any], bytes, datetime], Sequence[str]]
"""(the columns of a subscription, its canonical JSON, now) -> what its citizen may ask of its source."""

_NOBODY = Citizen("", "", b"")


@dataclass(frozen=True, slots=True)
class File:
    """A document's file, with what its headers say."""

    stored: StoredFile
    media_type: str
    filename: str
    sha256: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Whole:
    """One item whole, with its ETag."""

    view: dict[str, Any]
    tag: str


class Feed:
    """Answers about one citizen. Someone unknown has an empty feed of the same shape (citizen-identity 6.7)."""

    def __init__(self, *, database: Database, vault: Vault, citizens: Citizens, files: Files, clock: Clock) -> None:
        self.offered: Offered = lambda *_: ()
        self._database = database
        self._vault = vault
        self._citizens = citizens
        self._files = files
        self._clock = clock
        self._searching = BoundedSemaphore(_SEARCHES)

    def open(self) -> AbstractContextManager[Connection]:
        """A consistent picture, for one answer."""
        return self._database.read()

    def citizen(self, connection: Connection, subject: Subject) -> Citizen | None:
        """The citizen behind a verified subject, None when nothing was ever published for that code."""
        return self._citizens.find(connection, subject)

    def reading(self, connection: Connection, subject: Subject, citizen: Citizen | None, level: int) -> Reading:
        owner = self._vault.keyed_hash("cursor", "\0".join(subject))
        return Reading(connection, self._vault, citizen or _NOBODY, owner, level, self._clock.now())

    def page(self, reading: Reading, wish: ListWish) -> dict[str, Any]:
        """contracts.feed.FeedPage."""
        after = None
        if wish.cursor is not None:
            moment, item_id = cursor.read(self._vault, reading.owner, wish.purpose, wish.cursor)
            after = (datetime.fromisoformat(moment), item_id)
        if wish.q is None:
            rows = reading.page(wish.filters, sort=wish.sort, after=after, limit=wish.limit + 1)
            more, cut = len(rows) > wish.limit, False
            rows = rows[: wish.limit]
        else:
            with self._searching:
                rows, more, cut = _search(reading, wish, after)
        column = wish.sort.removeprefix("-")
        last = rows[-1].item if rows and more else None
        position = [rfc3339(last[column]), last["item_id"]] if last else None
        return {
            "items": [row_view(row, reading.now) for row in rows],
            "next_cursor": cursor.write(self._vault, reading.owner, wish.purpose, position) if position else None,
            "truncated": cut,
        }

    def whole(self, reading: Reading, item_id: str) -> Whole:
        """contracts.feed.FeedItemDetail. Raises ItemUnknown, also for anybody else's item."""
        row = reading.one(item_id)
        if row is None:
            raise ItemUnknown
        content = orjson.loads(row.payload)
        wanted = [link["external_id"] for link in content.get("links", ())]
        wanted += [content["renewal_of"]] if "renewal_of" in content else []
        deliveries, linked = reading.deliveries(row.item), reading.linked(row.item, wanted)
        timeline, about = reading.timeline(row.item), _ITEM.validate_json(row.payload)
        assert about.collection != "services"
        is_practice = row.item["collection"] == "applications"
        columns = [(rel, other.item) for rel, other in linked]
        requests = reading.requests(row.item)
        view = row_view(row, reading.now) | {
            "content": content,
            "content_available": row.item["content_key"] is not None,
            "linked": [link_view(rel, other) for rel, other in linked],
            "actions": action_views(row.item, about, columns, reading.now),
            "history": history_view(reading.versions(row.item), timeline) if is_practice else [],
            "timeline": timeline_view(timeline),
            "deliveries": [delivery_view(d) for d in deliveries],
            "requests": [request_view(each) for each in requests],
            "offered_requests": self._offered_of(row, requests, reading.now),
            "ranked_lists": reading.ranked_places(row.item, content),
        }
        return Whole(view, user_state_tag(row.item))

    def preferences(self, reading: Reading) -> Wishes:
        """How the citizen wishes to be told."""
        return wishes_of(reading.connection, self._vault, reading.citizen)

    def _offered_of(self, row: Row, requests: Sequence[Mapping[str, Any]], now: datetime) -> list[str]:
        waiting = any(request["state"] == "pending" for request in requests)
        if row.item["collection"] != "subscriptions" or waiting:
            return []
        return [*self.offered(row.item, row.payload, now)]

    def summary(self, reading: Reading) -> dict[str, Any]:
        """contracts.feed.FeedSummary."""
        counts = reading.counts()
        return {
            "sections": [{name: c[name] for name in ("collection", "state", "count", "unread")} for c in counts],
            "unread": sum(c["unread"] for c in counts),
            "waiting_for_citizen": sum(c["waiting"] for c in counts),
            "next_deadlines": [
                {
                    "item_id": row.item["item_id"],
                    "collection": row.item["collection"],
                    "title": orjson.loads(row.payload)["title"],
                    "due_at": rfc3339(row.item["due_at"]),
                }
                for row in reading.next_deadlines(10)
            ],
            "sources": [
                {
                    "vendor_id": f["vendor_id"],
                    "source": f["source"],
                    "as_of": rfc3339(f["as_of"]),
                    "stale": f["stale"],
                    "silent_since": rfc3339(f["heard_at"]) if f["stale"] else None,
                }
                for f in reading.freshness()
            ],
        }

    def changes(self, reading: Reading, after: str | None, limit: int) -> dict[str, Any]:
        """contracts.feed.ChangesPage: in commit order, nothing missed, each item as it is now."""
        number = 0 if after is None else cursor.read(self._vault, reading.owner, "changes", after)[0]
        rows = reading.changes(number, limit + 1)
        shown = rows[:limit]
        last = shown[-1].item["sequence"] if shown else number
        return {
            "items": [
                {
                    "item_id": row.item["item_id"],
                    "collection": row.item["collection"],
                    "lifecycle": row.item["lifecycle"],
                    "item": row_view(row, reading.now) if row.item["lifecycle"] == "active" else None,
                }
                for row in shown
            ],
            "next_cursor": cursor.write(self._vault, reading.owner, "changes", [last]),
            "more": len(rows) > limit,
        }

    def file(self, reading: Reading, item_id: str) -> File:
        """A document's file. Raises ItemUnknown, also while the file is still to come."""
        row = reading.one(item_id)
        if row is None or row.item["content_key"] is None or shown_state(row.item, reading.now) == "revoked":
            raise ItemUnknown
        content = orjson.loads(row.payload)
        return File(
            stored=self._files.open(reading.citizen, row.item["content_key"]),
            media_type=content["media_type"],
            filename=content["filename"],
            sha256=row.item["content_sha256"],
            updated_at=row.item["updated_at"],
        )


def _search(reading: Reading, wish: ListWish, after: tuple[datetime, str] | None) -> tuple[list[Row], bool, bool]:
    """(hits, whether there may be more, whether it stopped at the depth)."""
    assert wish.q is not None
    words = wish.q.casefold().split()
    column = wish.sort.removeprefix("-")
    hits: list[Row] = []
    seen = 0
    while seen < SEARCH_DEPTH:
        rows = reading.page(wish.filters, sort=wish.sort, after=after, limit=min(200, SEARCH_DEPTH - seen))
        for row in rows:
            if _matches(row, words):
                if len(hits) == wish.limit:
                    return hits, True, False
                hits.append(row)
        if not rows:
            return hits, False, False
        seen += len(rows)
        after = (rows[-1].item[column], rows[-1].item["item_id"])
    return hits, False, True


def _matches(row: Row, words: list[str]) -> bool:
    content = orjson.loads(row.payload)
    text = " ".join(str(content[name]) for name in _SEARCHED if content.get(name)).casefold()
    return all(word in text for word in words)
