"""The rows an item leaves, gathered over a batch and written with one statement a table."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import count
from operator import itemgetter
from typing import Any

from sqlalchemy import Table, bindparam, delete, select, update

from contracts.identifiers import new_uuid7
from contracts.settling import UNTOLD
from hub.metrics import feed_only, unserved

from .bulk import Journey, insert_all
from .database import Tx
from .directory import HUB_VENDOR
from .drafts import CONNECTOR_UNKNOWN
from .following import followers_of, push_to_followers
from .given import GIVEN, given, is_given
from .pushing import push_events
from .tables import (
    agenda,
    deliveries,
    event_sequences,
    findings,
    item_identities,
    item_versions,
    items,
    sequences,
    timeline,
    vendor_events,
)

# Facts of the vendor's own making, or of public law: whoever has no right `delivery-detail` sees these alone.
OPEN_EVENTS = frozenset(
    {
        "accepted",
        "planned",
        "updated",
        "superseded",
        "available",
        "paid",
        "overdue",
        "expired",
        "missed",
        "reopened",
        "withdrawn",
        "replaced",
        "handover",
        "content_unreachable",
        "content_reachable",
        "cancelled",
        "flagged",
        "proposal_accepted",
        "proposal_refused",
        "renewal_due",
        "renewed",
        "ended",
        "requested",
        "request_ended",
        "request_unanswered",
        "numbered",
        "position",
    }
)
# What other vendors' items say of this one: its own vendor is told of it by no right.
OTHERS_EVENTS = frozenset({"folded", "settled"})

ItemKey = tuple[str, str, str]
_ITEM_KEY = ("ente_id", "citizen_id", "item_id")
_IDENTITY_KEY = itemgetter("ente_id", "vendor_id", "source", "external_id", "collection")
_CHANGING = tuple(column.name for column in items.columns if column.name not in _ITEM_KEY)
_CHANGE = update(items).where(*(items.c[name] == bindparam(f"key_{name}") for name in _ITEM_KEY))
_UPDATE_ITEM = _CHANGE.values({name: bindparam(name) for name in _CHANGING})
_AGENDA_KEY = ("of_ente", "of_citizen", "of_item")
_STRIKE_OUT = delete(agenda).where(
    agenda.c.ente_id == bindparam("of_ente"),
    agenda.c.citizen_id == bindparam("of_citizen"),
    agenda.c.item_id == bindparam("of_item"),
)
_NUMBER_ITEM = _CHANGE.values(sequence=bindparam("number"))
# Where all wait for all in the same order nobody waits for ever.
IN_ORDER = (items.c.ente_id, items.c.citizen_id, items.c.item_id)
# Takes so many numbers as the row says, and tells the last of them.
_TAKE = "ON CONFLICT (ente_id) DO UPDATE SET value = {0}.value + excluded.value RETURNING ente_id, value"
_THESE = GIVEN.join(items, is_given(*IN_ORDER))
_ITEMS_AT = select(items).select_from(_THESE)
# In an order that is no index's: with one, SQLite walks all items in that order to save itself a sort.
AS_IN_ORDER = tuple(column.concat("") for column in IN_ORDER)
_LOCK_ITEMS = select(items.c.item_id).select_from(_THESE).order_by(*AS_IN_ORDER).with_for_update(of=items)
_LOCKED_ITEMS_AT = _ITEMS_AT.order_by(*AS_IN_ORDER).with_for_update(of=items)


@dataclass(slots=True)
class Batch:
    """What a batch of acts will write. An item touched twice is written once, as it stands at the end."""

    identities: list[dict[str, Any]] = field(default_factory=list)
    new_items: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed_items: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    vendor_events: list[dict[str, Any]] = field(default_factory=list)
    agenda: dict[ItemKey, list[dict[str, Any]]] = field(default_factory=dict)
    """By item; what was on an item's agenda before is struck out."""
    agenda_before: set[ItemKey] = field(default_factory=set)
    findings: dict[ItemKey, list[dict[str, Any]]] = field(default_factory=dict)
    """By item, of its newest version."""
    names: set[Any] = field(default_factory=set)
    """Of the items that are new in it."""

    def change(self, item: dict[str, Any]) -> None:
        """`item` is one that the database already has, or one new in this batch."""
        where = self.new_items if item["item_id"] in self.new_items else self.changed_items
        where[item["item_id"]] = item

    def touched(self) -> list[dict[str, Any]]:
        """Every item that will be written."""
        return [*self.new_items.values(), *self.changed_items.values()]

    def has_identity(self, identity: Any) -> bool:
        """Whether an item of that name is new in this batch."""
        return identity in self.names

    def version_hash(self, item_id: str, version: int) -> str | None:
        """The content hash of a version that this batch adds."""
        for row in self.versions:
            if row["item_id"] == item_id and row["version"] == version:
                return str(row["content_hash"])
        return None

    def items_with_pending_deliveries(self) -> set[str]:
        """The items that a queued delivery of this batch tells about."""
        told = (row for row in self.deliveries if row["state"] == "queued" and row["channel"] not in UNTOLD)
        pending = {row["message_id"] for row in told}
        return {self.new_items[m]["about_item_id"] or m for m in pending if m in self.new_items}

    def event(self, item: dict[str, Any], at: datetime, event: str, **data: str | int) -> None:
        """Append a fact to the item's timeline."""
        row = {name: item[name] for name in _ITEM_KEY}
        row |= {"event_id": new_uuid7(), "at": at, "event": event, "data": data}
        self.events.append(row)
        if event in OPEN_EVENTS and item["vendor_id"] != HUB_VENDOR:
            self.vendor_events.append(vendor_event(row, item["vendor_id"], detail=False))

    def write(self, tx: Tx) -> None:
        """Everything; new items, and every sequence number, last in the transaction (`settled` 20)."""
        connection = tx.connection
        if self.agenda_before:
            connection.execute(_STRIKE_OUT, [dict(zip(_AGENDA_KEY, key, strict=True)) for key in self.agenda_before])
        # Another writer may have taken a name meanwhile: then the batch fails and is tried again.
        insert_all(
            connection,
            [
                (item_identities, sorted(self.identities, key=_IDENTITY_KEY)),
                (item_versions, self.versions),
                (timeline, self.events),
                (deliveries, self.deliveries),
                (agenda, [row for rows in self.agenda.values() for row in rows]),
                (findings, [row for rows in self.findings.values() for row in rows]),
            ],
        )
        nobodys = Counter(row["ente_id"] for row in self.deliveries if row["connector_id"] == CONNECTOR_UNKNOWN)
        for ente_id, skipped in nobodys.items():
            tx.after_commit.append(partial(unserved.labels(ente_id).inc, skipped))
        silent = {row["message_id"] for row in self.deliveries if row["state"] == "skipped"}
        if silent := silent - {row["message_id"] for row in self.deliveries if row["state"] != "skipped"}:
            tx.after_commit.append(partial(feed_only.inc, len(silent)))
        tx.work_is_due = tx.work_is_due or any(row["state"] == "queued" for row in self.deliveries)
        if self.changed_items:
            # At once, with the old number: whoever reads the item later in this transaction finds it as it is now.
            connection.execute(
                _UPDATE_ITEM,
                [
                    {name: item[name] for name in _CHANGING} | {f"key_{name}": item[name] for name in _ITEM_KEY}
                    for item in self.changed_items.values()
                ],
            )
        if self.touched() or self.vendor_events:
            _to_be_numbered(tx)
        tx.new_items += self.new_items.values()
        tx.changed_items |= {item_key(item): item for item in self.changed_items.values()}
        tx.vendor_events += self.vendor_events


def tell_vendor(tx: Tx, events: Sequence[dict[str, Any]]) -> None:
    """Append to the events that vendors read: rows of `vendor_event`."""
    if events:
        _to_be_numbered(tx)
        tx.vendor_events += events


def vendor_event(row: Mapping[str, Any], vendor_id: str, *, detail: bool) -> dict[str, Any]:
    """A row of the timeline as its vendor is told; `detail` is for those with the right alone."""
    return {
        "ente_id": row["ente_id"],
        "vendor_id": vendor_id,
        "event_id": row["event_id"],
        "at": row["at"],
        "item_id": row["item_id"],
        "event": row["event"],
        "data": row["data"],
        "detail": detail,
    }


def _to_be_numbered(tx: Tx) -> None:
    # The first that has an item or an event sees to the numbers of all.
    if not (tx.new_items or tx.changed_items or tx.vendor_events):
        tx.before_commit.append(_number)


def _number(tx: Tx) -> None:
    """The last of a transaction: what it made and changed gets its numbers, and the counters are held till the commit
    alone. A counter taken before the locks of items would make two writers wait for each other."""
    numbered = [*tx.new_items, *tx.changed_items.values()]
    journey = Journey(tx.connection)
    # Every other writer of these enti waits while the counters are held: what needs no number goes before them.
    journey.insert_all(tx.last_rows)
    followers = followers_of(tx.vendor_events, journey)
    take_numbers(journey, (sequences, numbered, "sequence"), (event_sequences, tx.vendor_events, "number"))
    # Each tree of items is by citizen: in its order a page is written to once, and not for each item again.
    tx.last_rows = [(items, sorted(tx.new_items, key=item_key)), (vendor_events, tx.vendor_events)]
    push_events(tx, tx.vendor_events)
    push_to_followers(tx, tx.vendor_events, followers)
    if tx.changed_items:
        tx.connection.execute(
            _NUMBER_ITEM,
            [
                {f"key_{name}": item[name] for name in _ITEM_KEY} | {"number": item["sequence"]}
                for item in tx.changed_items.values()
            ],
        )


def item_key(item: Mapping[str, Any]) -> ItemKey:
    """Where an item stands."""
    return item["ente_id"], item["citizen_id"], item["item_id"]


def lock_items(tx: Tx, wanted: Collection[ItemKey]) -> None:
    """Hold these items until the commit: what is read of them from now on is still so when it is written."""
    if wanted:
        tx.connection.execute(_LOCK_ITEMS, given(wanted))


def items_at(tx: Tx, wanted: Collection[ItemKey], *, lock: bool = False) -> dict[ItemKey, dict[str, Any]]:
    """These items as they are, those that exist; with `lock` held as by `lock_items`."""
    query = _LOCKED_ITEMS_AT if lock else _ITEMS_AT
    rows = tx.connection.execute(query, given(wanted)).mappings() if wanted else ()
    return {item_key(row): row for row in map(dict, rows)}


def take_numbers(journey: Journey, *wanted: tuple[Table, Sequence[dict[str, Any]], str]) -> None:
    """Run the journey, and give rows, under that name, the next numbers of their enti's counters."""
    counts = [Counter(row["ente_id"] for row in rows) for _, rows, _ in wanted]
    taken = [
        # In one order: who takes those of several enti must not wait crosswise.
        journey.insert(counter, [{"ente_id": e, "value": each[e]} for e in sorted(each)], _TAKE.format(counter.name))
        for (counter, _, _), each in zip(wanted, counts, strict=True)
    ]
    journey.run()
    for (_, rows, name), each, last in zip(wanted, counts, taken, strict=True):
        following = {ente_id: count(value - each[ente_id] + 1) for ente_id, value in last}
        for row in rows:
            row[name] = next(following[row["ente_id"]])


def payload_place(ente_id: str, item_id: str, version: int) -> str:
    """Where a version's content is sealed: its associated data."""
    return f"item_versions|payload|{ente_id}|{item_id}|{version}"
