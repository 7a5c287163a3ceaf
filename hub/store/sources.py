"""Sources, the systems of vendors: what is agreed with each, and when it was last heard of (S25, S30)."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from hub.catalogue import DRAFT_DAYS

from .database import Tx, among, keys
from .directory import bump
from .tables import event_sequences, item_identities, items, sources, vendor_events

_OWN_ACTS = ("accepted", "updated", "superseded", "available", "withdrawn")
"""Events by which a vendor shows that it is there; the others are the hub's doing."""
_SOON = timedelta(minutes=1)
"""A sign of life is written down no more often than this."""
_MOST = 50_000
OPEN = ("submitted", "registered", "in_progress", "integration_requested", "integration_submitted", "suspended")
"""States in which an application waits for its end (S30)."""


@dataclass(frozen=True, slots=True)
class SourceStanding:
    """A source as it stands now."""

    ente_id: str
    vendor_id: str
    source: str
    every_s: int | None
    """The longest silence agreed on."""
    heard_at: datetime | None
    draft_days: int
    stale: bool
    """Silent for longer than agreed."""


def is_stale(every_s: int | None, heard_at: datetime | None, now: datetime) -> bool:
    """Whether a source has been silent for longer than agreed; without an agreement it never is."""
    return every_s is not None and heard_at is not None and now - heard_at > timedelta(seconds=every_s)


def set_source(
    tx: Tx, ente_id: str, vendor_id: str, source: str, *, every_s: int | None = None, draft_days: int | None = None
) -> None:
    """Agree on something with a source; None leaves as it is, `every_s=0` ends the agreement. Its silence counts from
    now. Raises ValueError for drafts kept less long than all (S18)."""
    if draft_days is not None and draft_days < DRAFT_DAYS:
        raise ValueError(f"drafts are kept at least {DRAFT_DAYS} days")
    bump(tx, "trust")
    its = sources.c
    where = (its.ente_id == ente_id) & (its.vendor_id == vendor_id) & (its.source == source)
    values: dict[str, Any] = {"updated_at": tx.now}
    if draft_days is not None:
        values["draft_days"] = draft_days
    if every_s is not None:
        last = select(event_sequences.c.value).where(event_sequences.c.ente_id == ente_id)
        number = tx.connection.execute(last).scalar_one_or_none() or 0
        values |= {"every_s": every_s or None, "heard_at": tx.now, "heard_number": number}
    if tx.connection.execute(update(sources).where(where).values(values)).rowcount == 0:
        names = {"ente_id": ente_id, "vendor_id": vendor_id, "source": source}
        tx.connection.execute(insert(sources), {"heard_number": 0} | names | values)


def standing_sources(connection: Connection, now: datetime) -> Iterator[SourceStanding]:
    """Every source with which something is agreed, in order."""
    its = sources.c
    for row in connection.execute(select(sources).order_by(its.ente_id, its.vendor_id, its.source)):
        yield SourceStanding(
            row.ente_id,
            row.vendor_id,
            row.source,
            row.every_s,
            row.heard_at,
            row.draft_days or DRAFT_DAYS,
            is_stale(row.every_s, row.heard_at, now),
        )


@dataclass(frozen=True, slots=True)
class Listen:
    """The wish that the vendors' newest events be looked at for signs of life."""


def listen(tx: Tx, wishes: Sequence[Listen]) -> list[None]:
    """A Committer handler. What publishes writes down nothing: its events are there already."""
    for _ in wishes:
        _listen(tx)
    return [None for _ in wishes]


def _listen(tx: Tx) -> None:
    its, told, names = sources.c, vendor_events.c, item_identities.c
    agreed = select(its.ente_id, its.vendor_id, func.min(its.heard_number).label("after"))
    agreed = agreed.where(its.every_s.is_not(None)).group_by(its.ente_id, its.vendor_id)
    for vendor in tx.connection.execute(agreed).all():
        fresh = (
            select(told.item_id, told.event, told.at, told.number)
            .where(told.ente_id == vendor.ente_id, told.vendor_id == vendor.vendor_id, told.number > vendor.after)
            .order_by(told.number)
            .limit(_MOST)
            .subquery()
        )
        if (last := tx.connection.execute(select(func.max(fresh.c.number))).scalar_one_or_none()) is None:
            continue
        seen = (
            select(names.source, func.max(fresh.c.at).label("at"))
            .join(fresh, fresh.c.item_id == names.item_id)
            .where(names.ente_id == vendor.ente_id, fresh.c.event.in_(_OWN_ACTS))
            .group_by(names.source)
        )
        heard = {row.source: row.at for row in tx.connection.execute(seen)}
        mine = (its.ente_id == vendor.ente_id) & (its.vendor_id == vendor.vendor_id)
        # Who marks a sign of life meanwhile holds the row for a moment; it is looked at again in the next sweep.
        held = select(sources).where(mine, its.every_s.is_not(None)).with_for_update(skip_locked=True)
        for row in tx.connection.execute(held).all():
            at = max(filter(None, (heard.get(row.source), row.heard_at)))
            where = mine & (its.source == row.source)
            tx.connection.execute(update(sources).where(where).values(heard_at=at, heard_number=last))


def note_alive(tx: Tx, said: Collection[tuple[str, str, str]]) -> None:
    """(ente, vendor, source) that said nothing new, which leaves no event: a sign of life all the same. Waits for
    nobody, and is no work where nothing is agreed."""
    its = sources.c
    quiet = and_(its.every_s.is_not(None), or_(its.heard_at.is_(None), its.heard_at < tx.now - _SOON))
    where = among("source", its.ente_id, its.vendor_id, its.source)
    query = select(its.ente_id, its.vendor_id, its.source).where(where, quiet).with_for_update(skip_locked=True)
    for row in tx.connection.execute(query, keys("source", said)).all():
        mine = (its.ente_id == row.ente_id) & (its.vendor_id == row.vendor_id) & (its.source == row.source)
        tx.connection.execute(update(sources).where(mine).values(heard_at=tx.now))


def open_practices(
    connection: Connection, ente_id: str, now: datetime, *, only: tuple[str, str] | None = None
) -> dict[tuple[str, str], tuple[int, int]]:
    """How many applications are open by (vendor, source), or of that one `only`, and how many of them are fresh: told
    of within the silence agreed on (S30). All of them are, where nothing is agreed."""
    its = items.c
    practices = (its.ente_id == ente_id) & (its.collection == "applications") & (its.lifecycle == "active")
    if only is not None:
        practices &= (its.vendor_id == only[0]) & (its.source == only[1])
    as_of = func.coalesce(its.as_of, its.updated_at)
    agreed = {(row.vendor_id, row.source): row.every_s for row in connection.execute(_agreed(ente_id))}
    found: dict[tuple[str, str], tuple[int, int]] = {}
    query = select(its.vendor_id, its.source, func.count().label("open")).where(practices, its.state.in_(OPEN))
    for row in connection.execute(query.group_by(its.vendor_id, its.source)).all():
        name, fresh = (row.vendor_id, row.source), row.open
        if (every_s := agreed.get(name)) is not None:
            recent = as_of >= now - timedelta(seconds=every_s)
            mine = (its.vendor_id == row.vendor_id) & (its.source == row.source)
            counted = select(func.count()).select_from(items).where(practices, its.state.in_(OPEN), mine, recent)
            fresh = connection.execute(counted).scalar_one()
        found[name] = (row.open, fresh)
    return found


def _agreed(ente_id: str) -> Any:
    return select(sources).where(sources.c.ente_id == ente_id, sources.c.every_s.is_not(None))
