"""What a scrape reads of the database: how full the outbox is, how old, what is paused, which keys end soon.

Only by the index on (ente, state, due_at), oldest first and up to a cap: a queue of millions must not make the look at
it a burden of its own. A count that reached the cap says "at least that", and connectors whose deliveries all lie
beyond it are looked at one by one, lest a long queue hide that another's stands still.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    RowMapping,
    Select,
    bindparam,
    exists,
    func,
    literal,
    select,
    tuple_,
)

from . import lanes
from .configuration import REMOVED
from .directory import SERVED
from .outbox import PENDING
from .standing import Lane, Standing, is_beside
from .tables import RUNNING, batches, connectors, deliveries, enti, rights_requests, trust_keys, vendors

_TRIED_LATELY = timedelta(hours=1)

COUNTED = (*PENDING, "held", "parked", "unconfirmed")
"""The states that a gauge shows: what is under way, and what waits for a person."""

CAP = 20_000


@dataclass(frozen=True, slots=True)
class Queue:
    """Deliveries of one connector in one state."""

    ente_id: str
    connector_id: str
    state: str
    count: int
    oldest_due_at: datetime | None
    """Of those that nobody works on; None where all are claimed."""


def queues(connection: Connection) -> Iterator[Queue]:
    """The queues that are not empty."""
    for state in COUNTED:
        for ente_id in connection.execute(_WITH_SOME, {"state": state}).scalars().all():
            wanted = {"ente_id": ente_id, "state": state}
            found = list(connection.execute(_COUNTS, wanted))
            if sum(row.counted for row in found) >= CAP:
                seen = {row.connector_id for row in found}
                for connector_id in connection.execute(_CONNECTORS, {"ente_id": ente_id}).scalars().all():
                    if connector_id not in seen:
                        found += connection.execute(_COUNTS_OF_ONE, wanted | {"connector_id": connector_id})
            for row in found:
                yield Queue(ente_id, row.connector_id, state, row.counted, row.oldest_due_at)


def enti_ids(connection: Connection) -> Sequence[str]:
    """Those that are served."""
    return connection.execute(SERVED).scalars().all()


_WITH_SOME = select(enti.c.ente_id).where(
    exists().where(deliveries.c.ente_id == enti.c.ente_id, deliveries.c.state == bindparam("state"))
)
"""The enti with a delivery in a state: one statement, where asking each of hundreds took most of a scrape."""
_CONNECTORS = select(connectors.c.connector_id).where(connectors.c.ente_id == bindparam("ente_id"))


def _counts(*which: ColumnElement[bool]) -> Select[Any]:
    its = deliveries.c
    oldest = (
        select(its.connector_id, its.due_at, its.claim_id)
        .where(its.ente_id == bindparam("ente_id"), its.state == bindparam("state"), *which)
        .order_by(its.due_at)
        .limit(bindparam("cap", type_=Integer, callable_=lambda: CAP))
        .subquery()
    )
    free = func.min(oldest.c.due_at).filter(oldest.c.claim_id.is_(None))
    return select(oldest.c.connector_id, func.count().label("counted"), free.label("oldest_due_at")).group_by(
        oldest.c.connector_id
    )


_COUNTS = _counts()
_COUNTS_OF_ONE = _counts(deliveries.c.connector_id == bindparam("connector_id"))


def oldest_batches(connection: Connection) -> dict[str, datetime | None]:
    """When the oldest batch that is not finished came, by ente."""
    its = batches.c
    return _oldest(connection, its.received_at, its.state == RUNNING)


def oldest_erasures(connection: Connection) -> dict[str, datetime | None]:
    """When the oldest erasure was ordered that nobody has carried out, by ente."""
    its = rights_requests.c
    return _oldest(connection, its.erasure_ordered_at, its.closed_at.is_(None) & its.erased_at.is_(None))


def _oldest(connection: Connection, since: Column[Any], waits: ColumnElement[bool]) -> dict[str, datetime | None]:
    """The first of these moments in each ente, of the rows that wait; None where none does."""
    table = since.table
    query = select(enti.c.ente_id, func.min(since).label("since"))
    query = query.select_from(enti).outerjoin(table, (table.c.ente_id == enti.c.ente_id) & waits)
    return {row.ente_id: row.since for row in connection.execute(query.group_by(enti.c.ente_id))}


def expired_leases(connection: Connection, now: datetime) -> dict[str, int]:
    """Claims whose lease has run out, by ente."""
    query = select(enti.c.ente_id, func.count(deliveries.c.delivery_id).label("expired")).outerjoin(
        deliveries, (deliveries.c.ente_id == enti.c.ente_id) & (deliveries.c.lease_until < now)
    )
    return {row.ente_id: row.expired for row in connection.execute(query.group_by(enti.c.ente_id))}


def connector_statuses(connection: Connection) -> Sequence[RowMapping]:
    """(ente_id, connector_id, status) of each connector."""
    query = select(connectors.c.ente_id, connectors.c.connector_id, connectors.c.status)
    query = query.where(connectors.c.status != REMOVED)
    return connection.execute(query).mappings().all()


def key_ends(connection: Connection) -> Sequence[RowMapping]:
    """(ente_id, owner, end) where every key in force has an end: after the last one the owner cannot call any more.
    Whoever has left does not."""
    left = select(vendors.c.ente_id, literal("vendor:") + vendors.c.vendor_id).where(vendors.c.ended_at.is_not(None))
    query = (
        select(trust_keys.c.ente_id, trust_keys.c.owner, func.max(trust_keys.c.valid_to).label("ends_at"))
        .where(trust_keys.c.revoked_at.is_(None))
        .where(trust_keys.c.ente_id.in_(SERVED))
        .where(tuple_(trust_keys.c.ente_id, trust_keys.c.owner).not_in(left))
        .group_by(trust_keys.c.ente_id, trust_keys.c.owner)
        .having(func.count(trust_keys.c.valid_to) == func.count())
    )
    return connection.execute(query).mappings().all()


def open_breakers(connection: Connection, now: datetime) -> dict[Lane, bool]:
    """Whether nothing, or no more than a trial, is sent in each lane."""
    return {lane: _is_open(lane, standing, now) for lane, standing in lanes.standings(connection).items()}


def _is_open(lane: Lane, standing: Standing, now: datetime) -> bool:
    """Deliveries try again by themselves. Of calls beside them, that nobody has asked for one says nothing."""
    state = standing.breaker(now)
    if state == "half_open" and is_beside(lane):
        return standing.served_at is not None and now - standing.served_at < _TRIED_LATELY
    return state != "closed"
