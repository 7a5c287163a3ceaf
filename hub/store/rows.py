"""The rows an item leaves, gathered over a batch and written with one statement a table."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, update

from contracts.identifiers import new_uuid7

from .bulk import insert_rows
from .database import Tx, upsert
from .tables import deliveries, item_identities, item_versions, items, sequences, timeline

_ITEM_KEY = ("ente_id", "citizen_id", "item_id")
_CHANGING = tuple(column.name for column in items.columns if column.name not in _ITEM_KEY)
_UPDATE_ITEM = (
    update(items)
    .where(*(items.c[name] == bindparam(f"key_{name}") for name in _ITEM_KEY))
    .values({name: bindparam(name) for name in _CHANGING})
)
_ADVANCE = upsert(sequences).values(ente_id=bindparam("ente"), value=bindparam("count"))
_ADVANCE_SEQUENCE = _ADVANCE.on_conflict_do_update(
    index_elements=["ente_id"], set_={"value": sequences.c.value + _ADVANCE.excluded.value}
).returning(sequences.c.value)


@dataclass(slots=True)
class Batch:
    """What a batch of acts will write. An item touched twice is written once, as it stands at the end."""

    identities: list[dict[str, Any]] = field(default_factory=list)
    new_items: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed_items: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    deliveries: list[dict[str, Any]] = field(default_factory=list)

    def change(self, item: dict[str, Any]) -> None:
        """`item` is one that the database already has, or one new in this batch."""
        where = self.new_items if item["item_id"] in self.new_items else self.changed_items
        where[item["item_id"]] = item

    def touched(self) -> list[dict[str, Any]]:
        """Every item that will be written."""
        return [*self.new_items.values(), *self.changed_items.values()]

    def has_identity(self, identity: Any) -> bool:
        """Whether an item of that name is new in this batch."""
        names = identity._asdict()
        return any(names.items() <= row.items() for row in self.identities)

    def version_hash(self, item_id: str, version: int) -> str | None:
        """The content hash of a version that this batch adds."""
        for row in self.versions:
            if row["item_id"] == item_id and row["version"] == version:
                return str(row["content_hash"])
        return None

    def items_with_pending_deliveries(self) -> set[str]:
        """The items that a queued delivery of this batch tells about."""
        pending = {row["message_id"] for row in self.deliveries if row["state"] == "queued"}
        return {self.new_items[m]["about_item_id"] or m for m in pending if m in self.new_items}

    def event(self, item: dict[str, Any], at: datetime, event: str, **data: str | int) -> None:
        """Append a fact to the item's timeline."""
        row = {name: item[name] for name in _ITEM_KEY}
        self.events.append(row | {"event_id": new_uuid7(), "at": at, "event": event, "data": data})

    def write(self, tx: Tx) -> None:
        """Everything, with fresh sequence numbers, which are taken last (`settled` 20)."""
        connection = tx.connection
        # Another writer may have taken a name meanwhile: then the batch fails and is retried one by one.
        insert_rows(connection, item_identities, self.identities)
        insert_rows(connection, item_versions, self.versions)
        insert_rows(connection, timeline, self.events)
        insert_rows(connection, deliveries, self.deliveries)
        number_items(tx, self.touched())
        insert_rows(connection, items, list(self.new_items.values()))
        if self.changed_items:
            connection.execute(
                _UPDATE_ITEM,
                [
                    {name: item[name] for name in _CHANGING} | {f"key_{name}": item[name] for name in _ITEM_KEY}
                    for item in self.changed_items.values()
                ],
            )


def number_items(tx: Tx, changed: Sequence[dict[str, Any]]) -> None:
    """Give each item the next sequence number of its ente, from the locked counter row."""
    by_ente: dict[str, list[dict[str, Any]]] = {}
    for item in changed:
        by_ente.setdefault(item["ente_id"], []).append(item)
    for ente_id in sorted(by_ente):
        count = len(by_ente[ente_id])
        last = tx.connection.execute(_ADVANCE_SEQUENCE, {"ente": ente_id, "count": count}).scalar_one()
        for number, item in enumerate(by_ente[ente_id], start=last - count + 1):
            item["sequence"] = number


def payload_place(ente_id: str, item_id: str, version: int) -> str:
    """Where a version's content is sealed: its associated data."""
    return f"item_versions|payload|{ente_id}|{item_id}|{version}"
