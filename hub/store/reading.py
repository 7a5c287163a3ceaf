"""Reads for the feed and for vendors. Whose rows they are is decided in the SQL itself, never filtered afterwards."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, CursorResult, Select, and_, or_, select

from contracts.items import rel_of

from .citizens import Citizen, Subject
from .filters import Filters
from .glances import Look
from .item_history import deliveries_about, item_timeline
from .ports import Vault
from .ranked_lists import own_places
from .reading_statements import (
    CHANGES,
    JOIN_STATE,
    LISTED,
    MARKS,
    MINE,
    OVERVIEW,
    OVERVIEW_NAMES,
    OVERVIEW_NEXT,
    OVERVIEW_ORDER,
    SELECT,
    page_statement,
)
from .request_rows import requests_of
from .rows import payload_place
from .sources import is_stale
from .tables import from_micros, item_identities, item_links, item_versions, items, to_micros, user_states

_FOLDED = LISTED.index("folded_into")
_OF_GROUP = itemgetter(*OVERVIEW_NAMES[:OVERVIEW_ORDER])


class Row(NamedTuple):
    """An item as stored, its content opened."""

    item: dict[str, Any]
    payload: bytes

    @property
    def listed(self) -> "Listed":
        return Listed._make((*map(_kept, itemgetter(*LISTED, *MARKS)(self.item)), self.payload))


class Listed(NamedTuple):
    """An item as lists show it: its columns as they are kept, moments in microseconds since 1970, its content opened.
    A list makes many of these, and shows some: what is made of them is made where it is shown."""

    item_id: str
    collection: str
    state: str
    lifecycle: str
    version: int
    service_id: str | None
    source: str
    vendor_id: str
    turn: str
    sensitivity: str
    folded_into: str | None
    own_state: str | None
    sequence: int
    occurred_at: int
    received_at: int
    updated_at: int
    as_of: int | None
    due_at: int | None
    expires_at: int | None
    notice_key: str | None
    cost_cents: int | None
    cost_at: int | None
    read_at: int | None
    seen_version: int | None
    archived_at: int | None
    starred_at: int | None
    confirmed_at: int | None
    payload: bytes


class Next(NamedTuple):
    """What the citizen has to do, its content opened."""

    item_id: str
    collection: str
    due_at: int
    """In microseconds since 1970."""
    payload: bytes


class Version(NamedTuple):
    """A version of an item, late ones included, its content opened."""

    version: int
    received_at: datetime
    payload: bytes


class Overview(NamedTuple):
    """What a citizen has."""

    counts: list[dict[str, Any]]
    """Active items by collection, shown state, whether the hub made them of another item, vendor and source, with the
    unread ones and those that wait for somebody; the archive is left out."""
    sources: list[dict[str, Any]]
    """When the hub last heard of each source about this citizen, and whether the source is silent for longer than
    agreed (S25)."""
    due: list[Next]
    """What the citizen has to do next, soonest first."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads on behalf of one citizen, at one level of assurance."""

    look: Look
    vault: Vault
    citizen: Citizen
    subject: Subject
    """The person, known here or not yet."""
    level: int
    now: datetime

    @property
    def connection(self) -> Connection:
        """What is read through it is of one picture with all that is read after it."""
        return self.look.hold()

    @property
    def owner(self) -> str:
        """Keyed hash of the person: whose cursors these are."""
        return self.vault.keyed_hash("cursor", "\0".join(self.subject))

    @property
    def _me(self) -> dict[str, Any]:
        """What `MINE` asks for."""
        return {"me_ente": self.citizen.ente_id, "me_citizen": self.citizen.citizen_id, "me_level": self.level}

    def _run(self, query: Select[Any]) -> CursorResult[Any]:
        """A query over `MINE`, for this reader."""
        return self.connection.execute(query, self._me)

    def mine(self) -> ColumnElement[bool]:
        """What of `items` is this citizen's, and for this level to see, now."""
        return and_(
            items.c.ente_id == self.citizen.ente_id,
            items.c.citizen_id == self.citizen.citizen_id,
            items.c.min_loa <= self.level,
            items.c.hidden.is_(False),
        )

    def _listed(self, query: Select[Any], most: int, **more: Any) -> tuple[list[Listed], bool]:
        """The first `most` rows of a query for what is listed, and whether there are more: what is not shown is not
        opened."""
        asked = {**self._me, "most": most + 1, **more}
        found = self.look.rows(query, asked)
        if not self.look.is_held and any(row[_FOLDED] is not None for row in found):
            self.look.hold()  # the others that such a row is shown for are read after it: all from one picture
            found = self.look.rows(query, asked)
        shown = found[:most]
        opened = self._opened([(row[0], row[4], row[-1]) for row in shown])
        listed = [Listed._make((*row[:-1], content)) for row, content in zip(shown, opened, strict=True)]
        return listed, len(found) > most

    def _opened(self, sealed: Sequence[tuple[str, int, bytes]]) -> list[bytes]:
        """The contents of versions, each as (item_id, version, what is sealed)."""
        ente_id = self.citizen.ente_id
        placed = [(content, payload_place(ente_id, item_id, version)) for item_id, version, content in sealed]
        return self.vault.open_each(self.citizen.data_key, placed) if placed else []

    def _open(self, query: Select[Any]) -> list[Row]:
        result = self._run(query)
        names = tuple(result.keys())
        found = [dict(zip(names, values, strict=True)) for values in result]
        opened = self._opened([(item["item_id"], item["version"], item.pop("payload_sealed")) for item in found])
        return [*map(Row, found, opened)]

    def page(
        self,
        filters: Filters,
        *,
        sort: str,
        after: tuple[int, str] | None,
        limit: int,
    ) -> tuple[list[Listed], bool]:
        """Up to `limit` active items after the keyset position (a moment in microseconds, an item_id), by `sort`: a
        column of items, `-` for newest first; and whether there are more."""
        mark = {} if after is None else {"after_at": after[0], "after_id": after[1]}
        return self._listed(page_statement(filters, sort, after is not None), limit, now=self.now, **mark)

    def one(self, item_id: str) -> Row | None:
        """The citizen's own item, whatever its lifecycle but erased; None for anybody else's."""
        rows = self._open(SELECT.where(items.c.item_id == item_id, items.c.lifecycle == "active"))
        return rows[0] if rows else None

    def marks(self, item_ids: Sequence[str]) -> list[dict[str, Any]]:
        """What the citizen did with items, those of these that are the citizen's own; nothing is opened for it."""
        query = (
            select(
                items.c.item_id,
                items.c.collection,
                items.c.version,
                *(user_states.c[name] for name in MARKS),
            )
            .outerjoin(user_states, JOIN_STATE)
            .where(MINE, items.c.lifecycle == "active", items.c.item_id.in_(item_ids))
        )
        return [dict(row) for row in self._run(query).mappings()]

    def changes(self, after: int, limit: int) -> tuple[list[Listed], bool]:
        """Items changed since a sequence number, in commit order, and whether there are more: also those that were
        withdrawn, or that are shown as part of another."""
        return self._listed(CHANGES, limit, after=after)

    def linked(self, item: dict[str, Any], external_ids: Sequence[str]) -> list[tuple[str, Row]]:
        """The items its vendor tied it to or that it tied to it, those of the same notice, and messages about it."""
        names, ties_here = item_identities.c, item_links.c
        named = select(names.external_id).where(names.ente_id == item["ente_id"], names.item_id == item["item_id"])
        tied_to_it = select(ties_here.from_item_id).where(
            ties_here.ente_id == item["ente_id"],
            ties_here.citizen_id == item["citizen_id"],
            ties_here.vendor_id == item["vendor_id"],
            ties_here.source == item["source"],
            ties_here.external_id.in_(named),
            ties_here.rel.in_((rel_of(item["collection"]), "about", "replaces")),
        )
        same_source = select(names.item_id).where(
            names.ente_id == item["ente_id"],
            names.vendor_id == item["vendor_id"],
            names.source == item["source"],
            names.external_id.in_(external_ids),
        )
        ties: list[ColumnElement[bool]] = [
            items.c.item_id.in_(same_source),
            items.c.item_id.in_(tied_to_it),
            items.c.about_item_id == item["item_id"],
        ]
        if item["notice_key"] is not None:
            ties.append(items.c.notice_key == item["notice_key"])
        if item["about_item_id"] is not None:
            ties.append(items.c.item_id == item["about_item_id"])
        query = SELECT.where(or_(*ties), items.c.item_id != item["item_id"], items.c.lifecycle == "active")
        return [
            ("about" if row.item["item_id"] == item["about_item_id"] else rel_of(row.item["collection"]), row)
            for row in self._open(query.order_by(items.c.item_id).limit(50))
        ]

    def versions(self, item: dict[str, Any], *, most: int = 100) -> list[Version]:
        """The newest versions of an item, the oldest of them first."""
        its = item_versions.c
        mine = [its[name] == item[name] for name in ("ente_id", "citizen_id", "item_id")]
        query = select(its.version, its.received_at, its.payload_sealed).where(*mine).order_by(its.version.desc())
        rows = self.connection.execute(query.limit(most)).all()[::-1]
        opened = self._opened([(item["item_id"], row.version, row.payload_sealed) for row in rows])
        return [Version(row.version, row.received_at, payload) for row, payload in zip(rows, opened, strict=True)]

    def contributors(self, shown: Sequence[Listed]) -> dict[str, list[dict[str, Any]]]:
        """The payments that each of these is shown for, itself included, where there are several: by its item_id."""
        wanted = [row.item_id for row in shown if row.folded_into is not None]
        if not wanted:
            return {}
        query = (
            select(items)
            .where(self.mine(), items.c.lifecycle == "active", items.c.folded_into.in_(wanted))
            .order_by(items.c.vendor_id, items.c.source, items.c.item_id)
        )
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self.connection.execute(query).mappings():
            found.setdefault(row["folded_into"], []).append(dict(row))
        return found

    def receipts(self, notice_keys: Collection[str]) -> list[Row]:
        """The citizen's receipts of these notices."""
        wanted = items.c.notice_key.in_(sorted(notice_keys)), items.c.collection == "receipts"
        return self._open(SELECT.where(*wanted, items.c.lifecycle == "active").order_by(items.c.item_id))

    def timeline(self, item: dict[str, Any]) -> list[dict[str, Any]]:
        """What happened to the item, oldest first."""
        return item_timeline(self.connection, item)

    def deliveries(self, item: dict[str, Any]) -> list[dict[str, Any]]:
        """How the citizen was told about it."""
        return deliveries_about(self.connection, item)

    def ranked_places(self, item: dict[str, Any], content: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Where a subscription stands in published lists."""
        if item["collection"] != "subscriptions":
            return []
        return own_places(self.connection, self.vault, item, content["subscription_service"], self.now)

    def requests(self, item: dict[str, Any]) -> list[dict[str, Any]]:
        """What was asked of the source of a subscription, the newest last."""
        return requests_of(self.connection, item)[-50:] if item["collection"] == "subscriptions" else []

    def overview(self, most: int) -> Overview:
        """All that the citizen has, counted, and at most so many things to do next."""
        found = self.look.rows(OVERVIEW, {**self._me, "now": self.now, "most": most})
        heard: dict[tuple[str, str], dict[str, Any]] = {}
        groups, due = [], []
        for row in found:
            if row[0] is None:
                due.append(row[-OVERVIEW_NEXT:])
            else:
                groups.append(dict(zip(OVERVIEW_NAMES, row, strict=False)))
        for each in groups:
            known = heard.setdefault((each["vendor_id"], each["source"]), each)
            known["as_of"] = max(known["as_of"], each["as_of"])
        opened = self._opened([(item_id, version, sealed) for item_id, version, *_, sealed in due])
        return Overview(
            counts=sorted((each for each in groups if each["count"]), key=_OF_GROUP),
            sources=[self._heard(heard[name]) for name in sorted(heard)],
            due=sorted(
                (Next(row[0], row[2], row[3], content) for row, content in zip(due, opened, strict=True)),
                key=attrgetter("due_at", "item_id"),
            ),
        )

    def _heard(self, group: dict[str, Any]) -> dict[str, Any]:
        heard_at = _moment(group["heard_at"])
        return {
            "vendor_id": group["vendor_id"],
            "source": group["source"],
            "as_of": _moment(group["as_of"]),
            "stale": is_stale(group["every_s"], heard_at, self.now),
            "heard_at": heard_at,
        }


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def marks_of(item: Mapping[str, Any]) -> tuple[Any, ...]:
    """What of an item's row says what the citizen did with it: `MARKS`, moments in microseconds."""
    return tuple(_kept(item[name]) for name in MARKS)


def _kept(value: Any) -> Any:
    return to_micros(value) if isinstance(value, datetime) else value
