"""Retention (P5, `settled` 17): what is closed for longer than its collection is kept goes, with all that hangs on it.

Messages are kept for 24 months after their closing unless the ente says otherwise; all else until the ente sets a
period: nothing disappears from the archive before. What is restricted stays (GDPR art. 18(2)).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, select

from contracts.states import PAYABLE

from .database import Database, Tx, upsert
from .directory import HUB
from .evidence_search import id_at
from .readers import Access, record_access
from .rows import item_key, items_at, lock_items
from .tables import (
    agenda,
    attempts,
    deliveries,
    delivery_proofs,
    delivery_requests,
    findings,
    item_copies,
    item_identities,
    item_links,
    item_versions,
    items,
    referenced_files,
    retentions,
    subscription_requests,
    timeline,
    user_states,
)

DEFAULTS: Final[Mapping[str, int | None]] = {
    "messages": 24,
    "documents": None,
    "payments": None,
    "receipts": None,
    "applications": None,
    "subscriptions": None,
    "deadlines": None,
}
"""Months by collection; None: until a period is set."""

OPEN_STATES: Final[Mapping[str, frozenset[str]]] = {
    "documents": frozenset({"announced"}),
    "payments": PAYABLE | {"creating"},
    "applications": frozenset(
        {
            *("draft", "awaiting_payment", "submitted", "registered", "in_progress", "integration_requested"),
            *("integration_submitted", "suspended"),
        }
    ),
    "subscriptions": frozenset({"requested", "waitlisted", "active", "renewal_due", "suspended"}),
    "deadlines": frozenset({"open"}),
}
"""States in which an item is not closed; other collections have none."""

_OWN: Final[tuple[Table, ...]] = (
    item_versions,
    timeline,
    user_states,
    agenda,
    findings,
    subscription_requests,
    item_copies,
    item_links,
    referenced_files,
    items,
)
OPERATION: Final = "retention"
_LIMIT = 200
_Day = TypeVar("_Day", bound=date)


@dataclass(frozen=True, slots=True)
class Expire:
    """The wish that some of what is over go: items after this id, in the order of their making."""

    after: str = ""


@dataclass(frozen=True, slots=True)
class Expired:
    """`after` is where the next wish goes on; empty when all was looked at. `files` are keys of files to be removed."""

    count: int
    after: str
    files: tuple[str, ...]


def periods(connection: Connection, ente_id: str) -> dict[str, int | None]:
    """Months by collection, as they hold for an ente."""
    rows = connection.execute(select(retentions).where(retentions.c.ente_id == ente_id))
    return {**DEFAULTS, **{row.collection: row.months for row in rows}}


def set_period(tx: Tx, ente_id: str, collection: str, months: int | None) -> None:
    """How long the ente keeps items of a collection once closed; None: until a period is set."""
    values = {"months": months, "updated_at": tx.now}
    row = upsert(retentions).values(ente_id=ente_id, collection=collection, **values)
    tx.connection.execute(row.on_conflict_do_update(index_elements=["ente_id", "collection"], set_=values))


def closed_at(item: Mapping[str, Any]) -> datetime | None:
    """From when the period counts: the last moment at which something of it changed or was still to come. None while
    it is open."""
    if item["lifecycle"] == "active" and item["state"] in OPEN_STATES.get(item["collection"], ()):
        return None
    moments = (item["updated_at"], item["due_at"], item["expires_at"], item["visible_from"])
    last: datetime = max(moment for moment in moments if moment is not None)
    return last


def is_over(item: Mapping[str, Any], months: int | None, now: datetime) -> bool:
    """Whether the item is to go."""
    if months is None or item["lifecycle"] not in ("active", "withdrawn"):
        return False
    closed = closed_at(item)
    return closed is not None and closed <= months_before(now, months)


def months_before(moment: _Day, months: int) -> _Day:
    """The same day so many calendar months earlier (or later: -1), or the last one of that month."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    for day in range(moment.day, 27, -1):
        try:
            return moment.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    return moment.replace(year=year, month=month + 1, day=min(moment.day, 28))


def expire_items(tx: Tx, wishes: Sequence[Expire]) -> list[Expired]:
    """A Committer handler."""
    return [_expire(tx, wish) for wish in wishes]


def _expire(tx: Tx, wish: Expire) -> Expired:
    rules: dict[str, dict[str, int | None]] = {}
    rows = [dict(row) for row in _candidates(tx.connection, wish.after, tx.now)]
    for ente_id in {row["ente_id"] for row in rows}:
        rules[ente_id] = periods(tx.connection, ente_id)

    def over(item: Mapping[str, Any]) -> bool:
        return is_over(item, rules[item["ente_id"]].get(item["collection"]), tx.now)

    wanted = {item_key(row) for row in rows if over(row)}
    lock_items(tx, wanted)
    # Read again under the lock: a new version may have come meanwhile.
    gone = [item for item in items_at(tx, wanted).values() if over(item) and not _under_way(tx.connection, item)]
    known = {item["item_id"] for item in gone}
    gone += [made for item in gone for made in _made_of(tx.connection, item) if made["item_id"] not in known]
    files = tuple(item["content_key"] for item in gone if item["content_key"] is not None)
    for item in gone:
        _delete(tx, item)
    record_access(tx, [_trace(item) for item in gone])
    return Expired(len(gone), rows[-1]["item_id"] if len(rows) == _LIMIT else "", files)


def over_now(database: Database, now: datetime) -> Counter[tuple[str, str]]:
    """How many items would go now, by ente and collection, with the deadlines that go with them; not those that are
    just being delivered. Nothing is changed."""
    found: Counter[tuple[str, str]] = Counter()
    counted: set[str] = set()
    after: str | None = ""
    while after is not None:
        with database.read() as connection:
            rows = [dict(row) for row in _candidates(connection, after, now)]
            rules = {ente_id: periods(connection, ente_id) for ente_id in {row["ente_id"] for row in rows}}
            over = [row for row in rows if is_over(row, rules[row["ente_id"]].get(row["collection"]), now)]
            gone = [row for row in over if not _under_way(connection, row)]
            gone += [made for row in gone for made in _made_of(connection, row)]
        new = {row["item_id"]: row for row in gone if row["item_id"] not in counted}
        found.update((row["ente_id"], row["collection"]) for row in new.values())
        counted |= new.keys()
        after = rows[-1]["item_id"] if len(rows) == _LIMIT else None
    return found


def _candidates(connection: Connection, after: str, now: datetime) -> Sequence[Any]:
    # Ids are in the order of time: what is younger than any period is not even looked at.
    names = item_identities.c
    its = retentions.c.months
    shortest = select(its).where(its.is_not(None)).order_by(its).limit(1)
    months = min(24, connection.execute(shortest).scalar_one_or_none() or 24)
    query = (
        select(items)
        .select_from(item_identities)
        .join(
            items,
            (items.c.ente_id == names.ente_id)
            & (items.c.citizen_id == names.citizen_id)
            & (items.c.item_id == names.item_id),
        )
        .where(names.item_id > after, names.item_id < id_at(months_before(now, months)))
        .order_by(names.item_id)
        .limit(_LIMIT)
    )
    return connection.execute(query).mappings().all()


def _made_of(connection: Connection, item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Deadlines that the hub made of it: without it they mean nothing."""
    its = items.c
    mine = (its.ente_id == item["ente_id"]) & (its.citizen_id == item["citizen_id"])
    query = select(items).where(mine, its.about_item_id == item["item_id"], its.collection == "deadlines")
    return [dict(row) for row in connection.execute(query).mappings()]


def _under_way(connection: Connection, item: Mapping[str, Any]) -> bool:
    """Whether somebody is delivering it at this moment: it goes the next time."""
    its = deliveries.c
    of_it = (its.ente_id == item["ente_id"]) & (its.message_id == item["item_id"])
    return connection.execute(select(its.delivery_id).where(of_it, its.claim_id.is_not(None))).first() is not None


def _delete(tx: Tx, item: Mapping[str, Any]) -> None:
    def of(table: Table, name: str = "item_id") -> ColumnElement[bool]:
        return and_(table.c.ente_id == item["ente_id"], table.c[name] == item["item_id"])

    sent = select(deliveries.c.delivery_id).where(of(deliveries, "message_id"))
    for table in (attempts, delivery_proofs, delivery_requests):
        tx.connection.execute(delete(table).where(table.c.ente_id == item["ente_id"], table.c.delivery_id.in_(sent)))
    tx.connection.execute(delete(deliveries).where(of(deliveries, "message_id")))
    for table in _OWN:
        name = "from_item_id" if table is item_links else "item_id"
        tx.connection.execute(delete(table).where(of(table, name), table.c.citizen_id == item["citizen_id"]))
    tx.connection.execute(delete(item_copies).where(of(item_copies, "copy_item_id")))
    tx.connection.execute(delete(item_identities).where(of(item_identities)))


def _trace(item: Mapping[str, Any]) -> Access:
    return Access(
        request_id="-",
        ente_id=item["ente_id"],
        portal_id=HUB,
        pseudonym="-",
        acr="-",
        operation=OPERATION,
        outcome="ok",
        citizen_id=item["citizen_id"],
        item_id=item["item_id"],
    )
