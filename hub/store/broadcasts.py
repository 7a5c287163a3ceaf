"""Broadcasts as they are kept and written (S41); an opening (S10) is one that the hub begins. Who is next stands in the
row: any process may go on with it.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

import orjson
from pydantic import TypeAdapter
from sqlalchemy import Connection, func, select, update

from contracts.base import rfc3339
from contracts.broadcasts import Broadcast, Opening
from contracts.identifiers import new_uuid7

from .citizens import Citizens
from .database import Tx, upsert
from .directory import HUB_VENDOR, NotThere
from .drafts import Draft, Identity
from .identities import load_by_identity
from .ports import Vault
from .rows import Batch, ItemKey, items_at
from .subscribers import START, Place
from .tables import broadcasts, deliveries, item_identities

if TYPE_CHECKING:
    from .publications import Publications

RUNNING, STOPPED, DONE = "running", "stopped", "done"
_HEAD_START = timedelta(seconds=1)
"""What may be written at once when it begins or goes on."""
_NAMES = ("ente_id", "broadcast_id", "code", "state", "expected", "written", "failed", "created_at", "ended_at")
_LISTED = select(*(broadcasts.c[name] for name in _NAMES))
_PAGE = 1000
_CONTENT: Final[TypeAdapter[Broadcast | Opening]] = TypeAdapter(Broadcast | Opening)


class NotSo(Exception):
    """The broadcast is in another state; the text says which."""


def message_identity(ente_id: str, broadcast_id: str, citizen_id: str) -> Identity:
    """Of a citizen's message of a broadcast: at most one each, whatever happens. All of them have one source, by which
    they are found."""
    return Identity(ente_id, HUB_VENDOR, _source(broadcast_id), citizen_id, "messages")


def _source(broadcast_id: str) -> str:
    return f"broadcast.{broadcast_id}"


@dataclass(frozen=True, slots=True)
class Running:
    """A broadcast at work, as it stands."""

    ente_id: str
    broadcast_id: str
    content: Broadcast | Opening
    after: Place
    created_at: datetime
    paced_at: datetime
    """From when on the next message may be written."""


@dataclass(frozen=True, slots=True)
class Portion:
    """The next messages: each with the subscription that it comes from, and that one's version."""

    broadcast: Running
    messages: Sequence[tuple[Draft, ItemKey, int]]
    failed: int
    after: Place
    paced_at: datetime
    last: bool


class Begun(NamedTuple):
    """A broadcast that is to begin."""

    ente_id: str
    broadcast_id: str
    content: Broadcast | Opening


def opening_id(ente_id: str, code: str, opens_at: datetime) -> str:
    """Of the broadcast of an opening: always the same, so that nobody is told twice. A UUIDv7 of that moment, with a
    hash for its random bits."""
    hashed = hashlib.sha256(f"{ente_id}\0{code}\0{rfc3339(opens_at)}".encode()).hexdigest()
    return str(UUID(f"{int(opens_at.timestamp() * 1000):012x}7{hashed[:3]}8{hashed[3:18]}"))


def begin_broadcast(tx: Tx, vault: Vault, ente_id: str, content: Broadcast, expected: int) -> str:
    """It is there and goes on by itself; gives its id."""
    begun = Begun(ente_id, new_uuid7(), content)
    begin(tx, vault, begun, expected)
    return begun.broadcast_id


def begin(tx: Tx, vault: Vault, begun: Begun, expected: int) -> None:
    """It goes on by itself from now on, unless it began before."""
    ente_id, broadcast_id, content = begun
    place = broadcast_place(ente_id, broadcast_id)
    row = {
        "ente_id": ente_id,
        "broadcast_id": broadcast_id,
        "code": content.code,
        "content_sealed": vault.seal(orjson.dumps(content.model_dump(mode="json", exclude_none=True)), place),
        "state": RUNNING,
        "expected": expected,
        "written": 0,
        "failed": 0,
        "cursor_citizen": START.citizen_id,
        "cursor_item": START.item_id,
        "created_at": tx.now,
        "paced_at": tx.now - _HEAD_START,
        "ended_at": None,
    }
    tx.connection.execute(upsert(broadcasts).values(row).on_conflict_do_nothing())


def has_begun(connection: Connection, begun: Begun) -> bool:
    """Whether it began before, however it stands now."""
    its = broadcasts.c
    named = (its.ente_id == begun.ente_id) & (its.broadcast_id == begun.broadcast_id)
    return connection.execute(select(its.state).where(named)).first() is not None


def stop_broadcast(tx: Tx, ente_id: str, broadcast_id: str) -> None:
    """Nothing more is written. What is written stays, and goes out. Raises NotThere, NotSo."""
    _turn(tx, ente_id, broadcast_id, RUNNING, {"state": STOPPED})


def resume_broadcast(tx: Tx, ente_id: str, broadcast_id: str) -> None:
    """It goes on where it was stopped. Raises NotThere, NotSo."""
    _turn(tx, ente_id, broadcast_id, STOPPED, {"state": RUNNING, "paced_at": tx.now - _HEAD_START})


def _turn(tx: Tx, ente_id: str, broadcast_id: str, before: str, values: Mapping[str, Any]) -> None:
    its = broadcasts.c
    named = (its.ente_id == ente_id) & (its.broadcast_id == broadcast_id)
    if tx.connection.execute(update(broadcasts).where(named, its.state == before).values(values)).rowcount:
        return
    state = tx.connection.execute(select(its.state).where(named)).scalar_one_or_none()
    if state is None:
        raise NotThere(broadcast_id)
    raise NotSo(state)


def running_broadcasts(connection: Connection, vault: Vault) -> list[Running]:
    """Those that go on, the oldest first."""
    query = select(broadcasts).where(broadcasts.c.state == RUNNING).order_by(broadcasts.c.created_at)
    found = []
    for row in connection.execute(query):
        sealed = vault.open(row.content_sealed, broadcast_place(row.ente_id, row.broadcast_id))
        found.append(
            Running(
                row.ente_id,
                row.broadcast_id,
                _CONTENT.validate_json(sealed),
                Place(row.cursor_citizen, row.cursor_item),
                row.created_at,
                row.paced_at,
            )
        )
    return found


class Broadcasts:
    """Writes portions. `write` is a Committer handler; it answers whether the portion was still to be written."""

    def __init__(self, citizens: Citizens, publications: "Publications") -> None:
        self._citizens = citizens
        self._publications = publications

    def write(self, tx: Tx, portions: Sequence[Portion]) -> list[bool]:
        return [self._write(tx, portion) for portion in portions]

    def _write(self, tx: Tx, portion: Portion) -> bool:
        its, one = broadcasts.c, portion.broadcast
        # Another process may have written it meanwhile, or somebody stopped it: the row is held until the commit.
        held = (
            select(its.broadcast_id)
            .where(
                its.ente_id == one.ente_id,
                its.broadcast_id == one.broadcast_id,
                its.state == RUNNING,
                its.cursor_citizen == one.after.citizen_id,
                its.cursor_item == one.after.item_id,
            )
            .with_for_update()
        )
        if tx.connection.execute(held).first() is None:
            return False
        batch, changed = Batch(), []
        there = load_by_identity(tx, {draft.identity for draft, _, _ in portion.messages})
        still, changed_since = _as_they_were(tx, [(key, version) for _, key, version in portion.messages])
        people = self._citizens.by_ids(tx.connection, {key[:2] for key in still})
        for draft, key, _ in portion.messages:
            if draft.identity in there or key not in still or batch.has_identity(draft.identity):
                continue
            citizen = people.get(key[:2])
            if citizen is None:
                continue  # erased meanwhile
            # What a portal must know of the citizen to show the subscription, it must know to show what tells of it.
            draft = replace(draft, min_loa=max(draft.min_loa, still[key]))
            batch.names.add(draft.identity)
            changed.append((draft, citizen, None))
        wishes = self._publications.known_of(tx, changed)
        for draft, citizen, _ in changed:
            message = self._publications.versions.create(tx, batch, draft, citizen)
            self._publications.follow(tx, batch, draft, citizen, message, None, wishes=wishes)
        batch.write(tx)
        values: dict[str, Any] = {"written": its.written + len(changed), "paced_at": portion.paced_at}
        if not changed_since:
            # Else it is read again as it is now; who was written to by then is passed over by the message's name.
            after = {"cursor_citizen": portion.after.citizen_id, "cursor_item": portion.after.item_id}
            values |= after | {"failed": its.failed + portion.failed}
            if portion.last:
                values |= {"state": DONE, "ended_at": tx.now}
        named = (its.ente_id == one.ente_id) & (its.broadcast_id == one.broadcast_id)
        tx.connection.execute(update(broadcasts).where(named).values(values))
        return True


def _as_they_were(tx: Tx, wanted: Sequence[tuple[ItemKey, int]]) -> tuple[dict[ItemKey, int], bool]:
    """The subscriptions that nobody has changed since they were read, and the level of assurance that each asks for;
    and whether there are others."""
    versions = dict(wanted)
    active = {key: item for key, item in items_at(tx, versions.keys()).items() if item["lifecycle"] == "active"}
    still = {key: item["min_loa"] for key, item in active.items() if item["version"] == versions[key]}
    return still, len(still) < len(active)


def list_broadcasts(connection: Connection, ente_id: str | None) -> list[dict[str, Any]]:
    """Those of an ente, or all, the newest first."""
    query = _LISTED.order_by(broadcasts.c.created_at.desc())
    if ente_id is not None:
        query = query.where(broadcasts.c.ente_id == ente_id)
    return [dict(zip(_NAMES, row, strict=True)) for row in connection.execute(query)]


def standing_broadcast(connection: Connection, broadcast_id: str) -> dict[str, Any]:
    """How far one is: a look at its row, however much it has written. Raises NotThere."""
    row = connection.execute(_LISTED.where(broadcasts.c.broadcast_id == broadcast_id)).first()
    if row is None:
        raise NotThere(broadcast_id)
    return dict(zip(_NAMES, row, strict=True))


def count_deliveries(connection: Connection, ente_id: str, broadcast_id: str) -> list[dict[str, Any]]:
    """Those of a broadcast by channel, state and reason: all of them are gone through, which takes seconds where they
    are hundreds of thousands. Of one that is not there, none."""
    its, of = deliveries.c, item_identities.c
    query = (
        select(its.channel, its.state, its.reason, func.count().label("count"))
        .select_from(item_identities.join(deliveries, (its.ente_id == of.ente_id) & (its.message_id == of.item_id)))
        .where(*_messages_of(ente_id, broadcast_id))
        .group_by(its.channel, its.state, its.reason)
        .order_by(its.channel, its.state, its.reason)
    )
    names = ("channel", "state", "reason", "count")
    return [dict(zip(names, each, strict=True)) for each in connection.execute(query)]


def broadcast_outcomes(connection: Connection, ente_id: str, broadcast_id: str) -> Iterator[dict[str, Any]]:
    """What became of each message and delivery, in constant memory. It says of nobody who it is."""
    its, of = deliveries.c, item_identities.c
    after = ""
    while True:
        page = (
            select(of.external_id, of.item_id, its.channel, its.state, its.reason, its.updated_at)
            .select_from(
                item_identities.outerjoin(deliveries, (its.ente_id == of.ente_id) & (its.message_id == of.item_id))
            )
            .where(
                *_messages_of(ente_id, broadcast_id),
                of.external_id.in_(
                    select(of.external_id)
                    .where(*_messages_of(ente_id, broadcast_id), of.external_id > after)
                    .order_by(of.external_id)
                    .limit(_PAGE)
                ),
            )
            .order_by(of.external_id, its.channel)
        )
        rows = connection.execute(page).all()
        if not rows:
            return
        for row in rows:
            yield {
                "message_id": row.item_id,
                "channel": row.channel,
                "state": row.state,
                "reason": row.reason,
                "updated_at": row.updated_at,
            }
        after = rows[-1].external_id


def _messages_of(ente_id: str, broadcast_id: str) -> tuple[Any, ...]:
    of = item_identities.c
    return of.ente_id == ente_id, of.vendor_id == HUB_VENDOR, of.source == _source(broadcast_id)


def broadcast_place(ente_id: str, broadcast_id: str) -> str:
    """What the seal of a broadcast's content is bound to."""
    return f"broadcasts|content|{ente_id}|{broadcast_id}"
