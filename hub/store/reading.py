"""Reads for the feed and for vendors. Whose rows they are is decided in the SQL itself, never filtered afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, or_, select, tuple_

from .citizens import Citizen
from .ports import Vault
from .ranked_lists import own_places
from .request_rows import requests_of
from .rows import payload_place
from .sources import is_stale
from .tables import deliveries, item_identities, item_versions, items, sources, timeline, user_states

_JOIN_STATE = (
    (user_states.c.ente_id == items.c.ente_id)
    & (user_states.c.citizen_id == items.c.citizen_id)
    & (user_states.c.item_id == items.c.item_id)
)
_JOIN_VERSION = (
    (item_versions.c.ente_id == items.c.ente_id)
    & (item_versions.c.citizen_id == items.c.citizen_id)
    & (item_versions.c.item_id == items.c.item_id)
    & (item_versions.c.version == items.c.version)
)
# What the hub makes of another item is no news of its own.
_UNREAD = and_(
    items.c.collection != "deadlines",
    or_(user_states.c.read_at.is_(None), user_states.c.seen_version < items.c.version),
)
_ARCHIVED = user_states.c.archived_at.is_not(None)


class Row(NamedTuple):
    """An item as stored, its content opened."""

    item: dict[str, Any]
    payload: bytes


class Version(NamedTuple):
    """A version of an item, late ones included, its content opened."""

    version: int
    received_at: datetime
    payload: bytes


@dataclass(frozen=True, slots=True)
class Filters:
    """What the reader asked for; None means any."""

    collection: str | None = None
    state: str | None = None
    service_id: str | None = None
    source: str | None = None
    unread: bool | None = None
    archived: bool | None = None
    turn: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads on behalf of one citizen, at one level of assurance."""

    connection: Connection
    vault: Vault
    citizen: Citizen
    owner: str
    """Keyed hash of the person, known here or not yet: whose cursors these are."""
    level: int
    now: datetime

    def _mine(self) -> ColumnElement[bool]:
        return and_(
            items.c.ente_id == self.citizen.ente_id,
            items.c.citizen_id == self.citizen.citizen_id,
            items.c.min_loa <= self.level,
            items.c.hidden.is_(False),
        )

    def _select(self) -> Select[Any]:
        return (
            select(
                items,
                item_versions.c.payload_sealed,
                user_states.c.read_at,
                user_states.c.seen_version,
                user_states.c.archived_at,
                user_states.c.starred_at,
                user_states.c.confirmed_at,
                user_states.c.updated_at.label("user_updated_at"),
            )
            .join(item_versions, _JOIN_VERSION)
            .outerjoin(user_states, _JOIN_STATE)
            .where(self._mine())
        )

    def _open(self, query: Select[Any]) -> list[Row]:
        rows = []
        for row in self.connection.execute(query).mappings():
            item = dict(row)
            place = payload_place(item["ente_id"], item["item_id"], item["version"])
            rows.append(Row(item, self.vault.open_with(self.citizen.data_key, item.pop("payload_sealed"), place)))
        return rows

    def page(
        self,
        filters: Filters,
        *,
        sort: str,
        after: tuple[datetime, str] | None,
        limit: int,
    ) -> list[Row]:
        """Up to `limit` active items after the keyset position, by `sort`: a column of items, `-` for newest first."""
        column = items.c[sort.removeprefix("-")]
        newest_first = sort.startswith("-")
        query = self._select().where(items.c.lifecycle == "active", *self._conditions(filters))
        if sort.removeprefix("-") == "due_at":
            query = query.where(items.c.due_at.is_not(None))
        if after is not None:
            position = tuple_(column, items.c.item_id)
            mark = tuple_(after[0], after[1], types=[column.type, items.c.item_id.type])
            query = query.where(position < mark if newest_first else position > mark)
        order = (column.desc(), items.c.item_id.desc()) if newest_first else (column, items.c.item_id)
        return self._open(query.order_by(*order).limit(limit))

    def _conditions(self, filters: Filters) -> list[ColumnElement[bool]]:
        wanted: list[ColumnElement[bool]] = []
        for name in ("collection", "service_id", "source", "turn"):
            value = getattr(filters, name)
            if value is not None:
                wanted.append(items.c[name] == value)
        if filters.state is not None:
            wanted.append(_shown_state(self.now) == filters.state)
        if filters.unread is not None:
            wanted.append(_UNREAD if filters.unread else ~_UNREAD)
        if filters.archived is not None:
            wanted.append(_ARCHIVED if filters.archived else ~_ARCHIVED)
        if filters.since is not None:
            wanted.append(items.c.occurred_at >= filters.since)
        if filters.until is not None:
            wanted.append(items.c.occurred_at < filters.until)
        return wanted

    def one(self, item_id: str) -> Row | None:
        """The citizen's own item, whatever its lifecycle but erased; None for anybody else's."""
        rows = self._open(self._select().where(items.c.item_id == item_id, items.c.lifecycle == "active"))
        return rows[0] if rows else None

    def changes(self, after: int, limit: int) -> list[Row]:
        """Items changed since a sequence number, in commit order, withdrawn ones included."""
        return self._open(self._select().where(items.c.sequence > after).order_by(items.c.sequence).limit(limit))

    def linked(self, item: dict[str, Any], external_ids: Sequence[str]) -> list[tuple[str, Row]]:
        """The items its vendor tied it to, those of the same notice, and messages about it."""
        names = item_identities.c
        same_source = select(names.item_id).where(
            names.ente_id == item["ente_id"],
            names.vendor_id == item["vendor_id"],
            names.source == item["source"],
            names.external_id.in_(external_ids),
        )
        ties: list[ColumnElement[bool]] = [items.c.item_id.in_(same_source), items.c.about_item_id == item["item_id"]]
        if item["notice_key"] is not None:
            ties.append(items.c.notice_key == item["notice_key"])
        if item["about_item_id"] is not None:
            ties.append(items.c.item_id == item["about_item_id"])
        query = self._select().where(or_(*ties), items.c.item_id != item["item_id"], items.c.lifecycle == "active")
        return [
            ("about" if row.item["item_id"] == item["about_item_id"] else row.item["collection"].removesuffix("s"), row)
            for row in self._open(query.order_by(items.c.item_id).limit(50))
        ]

    def versions(self, item: dict[str, Any], *, most: int = 100) -> list[Version]:
        """The newest versions of an item, the oldest of them first."""
        its = item_versions.c
        mine = [its[name] == item[name] for name in ("ente_id", "citizen_id", "item_id")]
        query = select(its.version, its.received_at, its.payload_sealed).where(*mine).order_by(its.version.desc())
        rows = self.connection.execute(query.limit(most)).all()[::-1]
        where = [payload_place(item["ente_id"], item["item_id"], row.version) for row in rows]
        opened = [
            self.vault.open_with(self.citizen.data_key, row.payload_sealed, place)
            for row, place in zip(rows, where, strict=True)
        ]
        return [Version(row.version, row.received_at, payload) for row, payload in zip(rows, opened, strict=True)]

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

    def counts(self) -> list[dict[str, Any]]:
        """Active items by collection and shown state, with the unread ones among them; the archive is left out."""
        state = _shown_state(self.now).label("state")
        query = (
            select(
                items.c.collection,
                state,
                func.count().label("count"),
                func.sum(case((_UNREAD, 1), else_=0)).label("unread"),
                func.sum(case((items.c.turn == "citizen", 1), else_=0)).label("waiting"),
            )
            .outerjoin(user_states, _JOIN_STATE)
            .where(self._mine(), items.c.lifecycle == "active", ~_ARCHIVED)
            .group_by(items.c.collection, state)
            .order_by(items.c.collection, state)
        )
        return [row._asdict() for row in self.connection.execute(query)]

    def next_deadlines(self, limit: int) -> list[Row]:
        """What the citizen has to do next, soonest first."""
        query = self._select().where(
            items.c.lifecycle == "active", items.c.turn == "citizen", items.c.due_at >= self.now
        )
        return self._open(query.order_by(items.c.due_at, items.c.item_id).limit(limit))

    def freshness(self) -> list[dict[str, Any]]:
        """When the hub last heard of each source about this citizen, and whether the source is silent for longer than
        agreed (S25)."""
        as_of = func.max(func.coalesce(items.c.as_of, items.c.updated_at)).label("as_of")
        name = (items.c.vendor_id, items.c.source)
        mine = select(*name, as_of).where(self._mine()).group_by(*name).subquery()
        same = (sources.c.vendor_id == mine.c.vendor_id) & (sources.c.source == mine.c.source)
        query = (
            select(mine, sources.c.every_s, sources.c.heard_at)
            .outerjoin(sources, same & (sources.c.ente_id == self.citizen.ente_id))
            .order_by(mine.c.vendor_id, mine.c.source)
        )
        return [
            row._asdict() | {"stale": is_stale(row.every_s, row.heard_at, self.now)}
            for row in self.connection.execute(query)
        ]


def _shown_state(now: datetime) -> ColumnElement[str]:
    """The state as shown: what has passed its `expires_at` reads as expired."""
    over = and_(items.c.expires_at.is_not(None), items.c.expires_at <= now)
    return case((over, "expired"), else_=items.c.state)


def item_timeline(connection: Connection, item: dict[str, Any]) -> list[dict[str, Any]]:
    """The facts of one item, oldest first, at most the newest 500."""
    query = (
        select(timeline.c.at, timeline.c.event, timeline.c.data)
        .where(
            timeline.c.ente_id == item["ente_id"],
            timeline.c.citizen_id == item["citizen_id"],
            timeline.c.item_id == item["item_id"],
        )
        .order_by(timeline.c.at.desc(), timeline.c.event_id.desc())
        .limit(500)
    )
    return [dict(row) for row in connection.execute(query).mappings()][::-1]


def deliveries_about(connection: Connection, item: dict[str, Any]) -> list[dict[str, Any]]:
    """The deliveries of the item's message: its own, or those a rule made about it."""
    messages = select(items.c.item_id).where(
        items.c.ente_id == item["ente_id"],
        items.c.citizen_id == item["citizen_id"],
        or_(items.c.item_id == item["item_id"], items.c.about_item_id == item["item_id"]),
    )
    query = (
        select(deliveries.c.channel, deliveries.c.state, deliveries.c.reason, deliveries.c.updated_at)
        .where(deliveries.c.ente_id == item["ente_id"], deliveries.c.message_id.in_(messages))
        .order_by(deliveries.c.created_at, deliveries.c.delivery_id)
        .limit(50)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def vendor_items(
    connection: Connection,
    *,
    ente_id: str,
    vendor_id: str,
    item_id: str | None = None,
    external_id: str | None = None,
    collection: str | None = None,
    source: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """A vendor's own items with their `external_id`, by item_id."""
    names = item_identities.c
    query = (
        select(items, names.external_id)
        .join(
            items,
            (items.c.ente_id == names.ente_id)
            & (items.c.citizen_id == names.citizen_id)
            & (items.c.item_id == names.item_id),
        )
        .where(names.ente_id == ente_id, names.vendor_id == vendor_id)
    )
    for column, value in (
        (names.item_id, item_id),
        (names.external_id, external_id),
        (names.collection, collection),
        (names.source, source),
    ):
        if value is not None:
            query = query.where(column == value)
    if after is not None:
        query = query.where(names.item_id > after)
    return [dict(row) for row in connection.execute(query.order_by(names.item_id).limit(limit)).mappings()]


def version_payload(
    connection: Connection, vault: Vault, citizen: Citizen, *, item_id: str, version: int
) -> bytes | None:
    """The canonical JSON of one version of a citizen's item."""
    sealed = connection.execute(
        select(item_versions.c.payload_sealed).where(
            item_versions.c.ente_id == citizen.ente_id,
            item_versions.c.citizen_id == citizen.citizen_id,
            item_versions.c.item_id == item_id,
            item_versions.c.version == version,
        )
    ).scalar_one_or_none()
    if sealed is None:
        return None
    return vault.open_with(citizen.data_key, sealed, payload_place(citizen.ente_id, item_id, version))
