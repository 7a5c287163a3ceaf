"""The feed of one citizen: what is there, what changed, what waits. Whose rows they are, the store decides."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from threading import BoundedSemaphore
from typing import Any

import orjson
from pydantic import TypeAdapter

from contracts.base import rfc3339
from contracts.feed import View
from contracts.items import Document, Item
from hub.catalogue import Card
from hub.clock import Clock
from hub.errors import ItemUnknown
from hub.reading_errors import DelegationInactive
from hub.registry import Registry
from hub.store.citizens import Citizen, Citizens, Subject
from hub.store.database import Database
from hub.store.delegations import active_delegation
from hub.store.files import Files
from hub.store.filters import Filters
from hub.store.glances import Look
from hub.store.ports import Vault
from hub.store.preferences import Wishes, wishes_of
from hub.store.profile_contacts import HeldProfile, profile_of
from hub.store.readers import user_state_tag
from hub.store.reading import Reading, Row, marks_of
from hub.store.tables import from_micros, to_micros

from . import cursor
from .actions import action_views
from .answers import File, Picture, Whole
from .card_picture import picture
from .cards import Cards as DocumentCards
from .cards import card_state
from .catalogue import CatalogueWish, card_view
from .export import Exports
from .history import history_view
from .parameters import ListWish
from .rows import Rows
from .searching import search
from .sections import VIEWS, Section, by_state
from .views import (
    change_view,
    deadline_view,
    delivery_view,
    link_view,
    request_view,
    seen_as,
    shown_state,
    source_view,
    timeline_view,
    user_state_view,
)
from .words import plain

_SEARCHES = 3
"""Searches at once: each decrypts much, and the writer must not starve beside them."""

_NEXT = 10
"""Deadlines that the summary shows."""
_LATEST = 5
"""Items that a section of a view shows."""
_ITEM: TypeAdapter[Item] = TypeAdapter(Item)
Instalments = Callable[[Reading, Row, Mapping[str, Any]], Sequence[Mapping[str, Any]]]
"""(who reads, an item, what it says) -> contracts.paying.InstallmentView of each of its instalments."""
Offered = Callable[[Mapping[str, Any], bytes, datetime], Sequence[str]]
"""(the columns of a subscription, its canonical JSON, now) -> what its citizen may ask of its source."""


class Feed:
    """Answers about one citizen. Someone unknown has an empty feed of the same shape (citizen-identity 6.7)."""

    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        citizens: Citizens,
        files: Files,
        clock: Clock,
        registry: Callable[[], Registry],
        document_cards: DocumentCards,
    ) -> None:
        self._document_cards = document_cards
        self.offered: Offered = lambda *_: ()
        self.instalments: Instalments = lambda *_: ()
        self.rows = Rows(registry)
        self._database = database
        self._vault = vault
        self._citizens = citizens
        self._files = files
        self._clock = clock
        self._registry = registry
        self._exports = Exports(database, vault, citizens, files)
        self._searching = BoundedSemaphore(_SEARCHES)

    def open(self) -> AbstractContextManager[Look]:
        """A consistent picture, for one answer."""
        return self._database.look()

    def citizen(self, look: Look, subject: Subject) -> Citizen | None:
        """The citizen behind a verified subject, None when nothing was ever published for that code."""
        return self._citizens.known(subject) or self._citizens.find(look.hold(), subject)

    def delegation(self, look: Look, principal: Subject, delegate: Subject) -> str:
        """The id of the delegation under which the one acts for the other now. Raises DelegationInactive."""
        of, by = self.citizen(look, principal), self.citizen(look, delegate)
        found = None
        if of is not None and by is not None:
            ids = {"principal": of.citizen_id, "delegate": by.citizen_id}
            found = active_delegation(look.hold(), principal.ente_id, **ids, now=self._clock.now())
        if found is None:
            raise DelegationInactive
        return found

    def reading(self, look: Look, subject: Subject, citizen: Citizen | None, level: int) -> Reading:
        who = citizen or Citizen(subject.ente_id, "", b"")  # somebody with nothing
        return Reading(look, self._vault, who, subject, level, self._clock.now())

    def page(self, reading: Reading, wish: ListWish) -> dict[str, Any]:
        """contracts.feed.FeedPage."""
        after = None
        if wish.cursor is not None:
            moment, item_id = cursor.read(self._vault, reading.owner, wish.purpose, wish.cursor)
            after = (to_micros(datetime.fromisoformat(moment)), item_id)
        filters, cards = self._resolved(reading, wish), self.rows.cards(reading)
        if not wish.scans:
            rows, more = reading.page(filters, sort=wish.sort, after=after, limit=wish.limit)
            cut = False
        else:
            with self._searching:
                reading.look.hold()  # it reads page after page
                rows, more, cut = search(reading, wish, filters, after, cards)
        column = wish.sort.removeprefix("-")
        last = rows[-1] if rows and more else None
        position = [rfc3339(from_micros(getattr(last, column))), last.item_id] if last else None
        return {
            "items": self.rows.views(reading, rows),
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
        (listed,) = self.rows.views(reading, [row.listed])
        view = listed | {
            "content": content,
            "content_available": row.item["content_key"] is not None,
            "installments": [*self.instalments(reading, row, content)],
            "verify_url": self._document_cards.address(row.item["ente_id"], item_id) if content.get("card") else None,
            "linked": [link_view(rel, other) for rel, other in linked],
            "actions": action_views(row.item, about, columns, reading.now),
            "history": history_view(reading.versions(row.item), timeline) if is_practice else [],
            "timeline": timeline_view(timeline),
            "deliveries": [delivery_view(d, timeline) for d in deliveries],
            "requests": [request_view(each) for each in requests],
            "offered_requests": self._offered_of(row, requests, reading.now),
            "ranked_lists": reading.ranked_places(row.item, content),
        }
        return Whole(view, user_state_tag(row.item))

    def profile(self, reading: Reading) -> HeldProfile:
        """Where the citizen can be reached, and what registers say."""
        if not reading.citizen.citizen_id:
            return HeldProfile((), ())
        return profile_of(reading.connection, self._vault, reading.citizen)

    def preferences(self, reading: Reading) -> Wishes:
        """How the citizen wishes to be told."""
        return wishes_of(reading.connection, self._vault, reading.citizen)

    def _offered_of(self, row: Row, requests: Sequence[Mapping[str, Any]], now: datetime) -> list[str]:
        waiting = any(request["state"] == "pending" for request in requests)
        if row.item["collection"] != "subscriptions" or waiting:
            return []
        return [*self.offered(row.item, row.payload, now)]

    def _resolved(self, reading: Reading, wish: ListWish) -> Filters:
        """The filters with the services of the category in its place."""
        if wish.category is None:
            return wish.filters
        catalogue, category = self._registry().catalogue(reading.citizen.ente_id), plain(wish.category)
        services = tuple(card.service_id for card in catalogue if plain(card.category or "") == category)
        return replace(wish.filters, services=services)

    def _section(self, reading: Reading, section: Section, counts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """contracts.feed.SummarySection."""
        its = section.counted(counts)
        newest, _ = reading.page(section.filters, sort="-occurred_at", after=None, limit=_LATEST)
        return {
            "code": section.code,
            "title": section.title,
            "collections": list(section.collections),
            "notices": section.notices,
            "count": sum(c["count"] for c in its),
            "unread": sum(c["unread"] for c in its),
            "waiting_for_citizen": sum(c["waiting"] for c in its),
            "states": by_state(its),
            "latest": self.rows.views(reading, newest),
        }

    def summary(self, reading: Reading, view: View | None = None) -> dict[str, Any]:
        """contracts.feed.FeedSummary, with the sections of a view."""
        sections = VIEWS[view] if view is not None else ()
        if sections:
            reading.look.hold()  # their newest items are read after the counts
        counts, heard, due = reading.overview(_NEXT)
        return {
            "sections": by_state(counts),
            "view": view,
            "view_sections": [self._section(reading, section, counts) for section in sections],
            "unread": sum(c["unread"] for c in counts),
            "waiting_for_citizen": sum(c["waiting"] for c in counts),
            "waiting_for_body": sum(c["with_body"] for c in counts),
            "next_deadlines": [deadline_view(row) for row in due],
            "sources": [source_view(each) for each in heard],
        }

    def changes(self, reading: Reading, after: str | None, limit: int) -> dict[str, Any]:
        """contracts.feed.ChangesPage: in commit order, nothing missed, each item as it is now."""
        number = self.position(reading, after)
        told, more = self._changed(reading, number, limit)
        last = told[-1][0] if told else number
        return {
            "items": [view for _, view in told],
            "next_cursor": self._position_cursor(reading.owner, last),
            "more": more,
        }

    def card(self, reading: Reading, item_id: str) -> Picture | None:
        """The picture of a document that is a card; None for any other. Raises ItemUnknown, also for a revoked one."""
        row = reading.one(item_id)
        if row is None or (state := _state_of(row, reading.now)) == "revoked":
            raise ItemUnknown
        if row.item["collection"] != "documents" or orjson.loads(row.payload).get("card") is None:
            return None
        card = Document.model_validate_json(row.payload)
        svg = _picture(card, self._document_cards, row.item, reading.now)
        return Picture(svg, state, row.item["content_key"] is not None, row.item["updated_at"])

    def position(self, reading: Reading, after: str | None) -> int:
        """The sequence number that a cursor of `changes` stands for. Raises RequestInvalid."""
        if after is None:
            return 0
        number: int = cursor.read(self._vault, reading.owner, "changes", after, parameter="after")[0]
        return number

    def events(self, reading: Reading, number: int, limit: int) -> tuple[list[tuple[str, dict[str, Any]]], int, bool]:
        """The same as `changes`, each with the cursor after it; the position after them, and whether there is more."""
        told, more = self._changed(reading, number, limit)
        last = told[-1][0] if told else number
        owner = reading.owner
        return [(self._position_cursor(owner, each), view) for each, view in told], last, more

    def _changed(self, reading: Reading, number: int, limit: int) -> tuple[list[tuple[int, dict[str, Any]]], bool]:
        """contracts.feed.Change of each item after a position, with its own; and whether there is more."""
        rows, more = reading.changes(number, limit)
        there = [row for row in rows if seen_as(row) == "active"]
        shown = {each["item_id"]: each for each in self.rows.views(reading, there)}
        return [(row.sequence, change_view(row, shown.get(row.item_id))) for row in rows], more

    def _position_cursor(self, owner: str, number: int) -> str:
        return cursor.write(self._vault, owner, "changes", [number])

    def services(self, reading: Reading, cards: Sequence[Card], wish: CatalogueWish) -> tuple[dict[str, Any], str]:
        """contracts.catalogue.CataloguePage; and what it says whatever its cursor is sealed as, for the ETag."""
        after = "" if wish.cursor is None else cursor.read(self._vault, reading.owner, wish.purpose, wish.cursor)[0]
        wanted = sorted((c for c in cards if c.service_id > after and wish.wants(c)), key=lambda c: c.service_id)
        shown = [card_view(card) for card in wanted[: wish.limit]]
        position = [shown[-1]["service_id"]] if len(wanted) > wish.limit else None
        following = cursor.write(self._vault, reading.owner, wish.purpose, position) if position else None
        return {"items": shown, "next_cursor": following}, orjson.dumps([shown, position]).decode()

    def user_states(self, reading: Reading, item_ids: Sequence[str]) -> dict[str, dict[str, bool]]:
        """contracts.feed.UserState of each of the citizen's own items among these."""
        return {
            item["item_id"]: user_state_view(item["collection"], item["version"], *marks_of(item))
            for item in reading.marks(item_ids)
        }

    def export(self, reading: Reading, *, zipped: bool) -> Iterator[bytes]:
        """contracts.export.Export of what this level may see, in pieces; with the files as a ZIP."""
        make = self._exports.zip if zipped else self._exports.json
        citizen = reading.citizen if reading.citizen.citizen_id else None
        return make(reading.citizen.ente_id, citizen, reading.now, level=reading.level)

    def file(self, reading: Reading, item_id: str) -> File:
        """A document's file. Raises ItemUnknown, also while the file is still to come."""
        row = reading.one(item_id)
        if row is None or row.item["content_key"] is None or (state := _state_of(row, reading.now)) == "revoked":
            raise ItemUnknown
        content = orjson.loads(row.payload)
        return File(
            stored=self._files.open(reading.citizen, row.item["content_key"]),
            media_type=content["media_type"],
            filename=content["filename"],
            sha256=row.item["content_sha256"],
            updated_at=row.item["updated_at"],
            state=state,
        )


def _state_of(row: Row, now: datetime) -> str:
    return shown_state(row.item["state"], row.item["expires_at"], now)


def _picture(card: Document, cards: DocumentCards, item: dict[str, Any], now: datetime) -> bytes:
    state = card_state(item, card, now)
    issuer = card.issuer or cards.registry().ente(item["ente_id"]).name
    return picture(card, issuer=issuer, state=state, address=cards.address(item["ente_id"], item["item_id"]))
