"""The subscriptions of an ente, page by page, however many there are: for broadcasts, statistics and ranked lists."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, or_, select

from .citizens import key_place
from .database import Database
from .directory import HUB_VENDOR
from .ports import Vault
from .rows import ItemKey, payload_place
from .tables import citizens, item_versions, items

PAGE = 200


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
        select(its.citizen_id, its.item_id)
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
    places = [Place(*row) for row in connection.execute(page)]
    if not places:
        return [], None
    # The contents apart: joined at once, a database without statistics might read and sort all of them for each page.
    whole = (
        select(
            its.citizen_id,
            its.item_id,
            its.version,
            its.state,
            its.vendor_id,
            its.received_at,
            item_versions.c.payload_sealed,
            citizens.c.data_key_sealed,
        )
        .join(
            item_versions,
            and_(
                item_versions.c.ente_id == its.ente_id,
                item_versions.c.item_id == its.item_id,
                item_versions.c.version == its.version,
                item_versions.c.citizen_id == its.citizen_id,
            ),
        )
        .join(citizens, and_(citizens.c.ente_id == its.ente_id, citizens.c.citizen_id == its.citizen_id))
        .where(
            its.ente_id == ente_id,
            its.citizen_id.in_({place.citizen_id for place in places}),
            its.item_id.in_([place.item_id for place in places]),
        )
    )
    rows = {Place(row.citizen_id, row.item_id): row for row in connection.execute(whole)}
    found = []
    keys: dict[str, bytes] = {}
    for place in places:
        row = rows.get(place)
        if row is None or not row.data_key_sealed:
            continue  # erased meanwhile
        if place.citizen_id not in keys:
            keys = {place.citizen_id: vault.open(row.data_key_sealed, key_place(ente_id, place.citizen_id))}
        where = payload_place(ente_id, place.item_id, row.version)
        payload = vault.open_with(keys[place.citizen_id], row.payload_sealed, where)
        found.append(Found((ente_id, *place), row.version, row.state, row.received_at, payload, row.vendor_id))
    return found, places[-1] if len(places) == PAGE else None


def subscriptions_of(database: Database, vault: Vault, ente_id: str, states: Sequence[str]) -> Iterator[Found]:
    """All of them, in constant memory. Each page is a picture of its own: no reader is in the way of writers."""
    after: Place | None = START
    while after is not None:
        with database.read() as connection:
            found, after = subscriptions_page(connection, vault, ente_id, states, after)
        yield from found
