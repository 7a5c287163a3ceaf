"""The subscriptions of an ente, page by page, however many there are: for broadcasts, statistics and ranked lists."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, or_, select

from .contents import with_contents
from .database import Database
from .directory import HUB_VENDOR
from .ports import Vault
from .rows import ItemKey
from .tables import items

PAGE = 200
_COLUMNS = tuple(items.c[name] for name in ("citizen_id", "item_id", "version", "state", "vendor_id", "received_at"))


class Place(NamedTuple):
    """How far a reader has come; each citizen's subscriptions stand together."""

    citizen_id: str
    item_id: str


START = Place("", "")


@dataclass(frozen=True, slots=True)
class Found:
    """A subscription of whatever service: that stands in its content alone."""

    key: ItemKey
    version: int
    state: str
    received_at: datetime
    payload: bytes = field(repr=False)
    vendor_id: str = ""

    @property
    def place(self) -> Place:
        return Place(self.key[1], self.key[2])


def subscriptions_page(
    connection: Connection, vault: Vault, ente_id: str, states: Sequence[str], after: Place
) -> tuple[list[Found], Place | None]:
    """The next subscriptions in one of these states, without the copies of co-holders and what is still hidden; and
    where to go on, None at the end."""
    its = items.c
    beyond = or_(
        its.citizen_id > after.citizen_id, and_(its.citizen_id == after.citizen_id, its.item_id > after.item_id)
    )
    page = (
        select(*_COLUMNS)
        .where(
            its.ente_id == ente_id,
            its.citizen_id >= after.citizen_id,
            beyond,
            its.collection == "subscriptions",
            its.vendor_id != HUB_VENDOR,
            its.lifecycle == "active",
            its.hidden.is_(False),
            its.state.in_(states),
        )
        .order_by(its.citizen_id, its.item_id)
        .limit(PAGE)
    )
    rows = list(with_contents(connection, vault, ente_id, page))
    found = [_found(ente_id, row, payload) for row, payload in rows if payload is not None]
    return found, Place(rows[-1][0].citizen_id, rows[-1][0].item_id) if len(rows) == PAGE else None


def subscriptions_of(database: Database, vault: Vault, ente_id: str, states: Sequence[str]) -> Iterator[Found]:
    """All of them, in constant memory. Each page is a picture of its own: no reader is in the way of writers."""
    after: Place | None = START
    while after is not None:
        with database.read() as connection:
            found, after = subscriptions_page(connection, vault, ente_id, states, after)
        yield from found


def subscriptions_held(
    connection: Connection, vault: Vault, ente_id: str, citizen_ids: Collection[str], states: Sequence[str]
) -> list[Found]:
    """Every subscription of these citizens in one of these states, with the copies of co-holders and what is hidden."""
    its = items.c
    theirs = select(*_COLUMNS).where(
        its.ente_id == ente_id,
        its.citizen_id.in_(citizen_ids),
        its.collection == "subscriptions",
        its.lifecycle == "active",
        its.state.in_(states),
    )
    rows = with_contents(connection, vault, ente_id, theirs)
    return [_found(ente_id, row, payload) for row, payload in rows if payload is not None]


def _found(ente_id: str, row: Row[Any], payload: bytes) -> Found:
    key = (ente_id, row.citizen_id, row.item_id)
    return Found(key, row.version, row.state, row.received_at, payload, row.vendor_id)
