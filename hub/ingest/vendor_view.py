"""What a vendor may see of its own items: their state and whether the citizen was told, never what the citizen did."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from contracts.base import rfc3339
from contracts.faults import bilingual
from contracts.identifiers import new_uuid7
from contracts.publishing import Collection
from hub.errors import ItemUnknown
from hub.query_strings import NO_CURSOR, TWICE, bad, limit_from, unknown
from hub.registry import Vendor
from hub.store.database import Database
from hub.store.item_history import item_timeline
from hub.store.pushing import DETAIL
from hub.store.rows import OPEN_EVENTS, OTHERS_EVENTS
from hub.store.telling import notifications
from hub.store.vendor_reading import vendor_items

from .pipeline import item_id_of


@dataclass(frozen=True, slots=True)
class FindWish:
    external_id: str | None
    collection: str | None
    source: str | None
    limit: int
    cursor: str | None


def find_wish(query: Sequence[tuple[str, str]]) -> FindWish:
    """The wish in a query string. Raises RequestInvalid."""
    given: dict[str, str] = {}
    for name, value in query:
        if name not in ("external_id", "collection", "source", "limit", "cursor"):
            raise unknown(("external_id", "collection", "source", "limit", "cursor"))
        if name in given:
            raise bad(name, TWICE)
        if not 1 <= len(value) <= 200 or any(ord(c) < 33 for c in value):
            raise bad(
                name,
                bilingual(
                    "Da 1 a 200 caratteri, senza spazi né caratteri di controllo",
                    "must be 1 to 200 characters, without spaces and control characters",
                ),
            )
        given[name] = value
    limit = limit_from(given.get("limit", "50"), 100)
    if given.get("collection", "messages") not in get_args(Collection):
        names = ", ".join(get_args(Collection))
        raise bad("collection", bilingual(f"Una di: {names}", f"one of {names}"))
    if "cursor" in given and len(given["cursor"]) != len(new_uuid7()):
        raise bad("cursor", NO_CURSOR)
    return FindWish(given.get("external_id"), given.get("collection"), given.get("source"), limit, given.get("cursor"))


class VendorView:
    """Reads a vendor's own items."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def one(self, vendor: Vendor, item_id: str) -> dict[str, Any]:
        """contracts.publishing.PublishedItem. Raises ItemUnknown, also for another vendor's."""
        found = self._find(vendor, item_id=item_id_of(item_id), limit=1)
        if not found:
            raise ItemUnknown
        return found[0]

    def find(self, vendor: Vendor, wish: FindWish) -> dict[str, Any]:
        """contracts.publishing.PublishedItems."""
        found = self._find(
            vendor,
            external_id=wish.external_id,
            collection=wish.collection,
            source=wish.source,
            after=wish.cursor,
            limit=wish.limit + 1,
        )
        more = len(found) > wish.limit
        shown = found[: wish.limit]
        return {"items": shown, "next_cursor": shown[-1]["item_id"] if more else None}

    def _find(self, vendor: Vendor, **wish: Any) -> list[dict[str, Any]]:
        with self._database.read() as connection:
            rows = vendor_items(connection, ente_id=vendor.ente_id, vendor_id=vendor.vendor_id, **wish)
            about = {r["item_id"]: r["folded_into"] or r["item_id"] for r in rows}
            told = notifications(connection, [(r["ente_id"], r["citizen_id"], about[r["item_id"]]) for r in rows])
            return [
                _view(row, item_timeline(connection, row), told.get(about[row["item_id"]], "not_sent"), vendor)
                for row in rows
            ]


def _view(row: dict[str, Any], events: list[dict[str, Any]], notification: str, vendor: Vendor) -> dict[str, Any]:
    detailed = DETAIL in vendor.rights
    return {
        "item_id": row["item_id"],
        "collection": row["collection"],
        "source": row["source"],
        "external_id": row["external_id"],
        "version": row["version"],
        "lifecycle": row["lifecycle"],
        "state": row["own_state"] or row["state"],
        "received_at": rfc3339(row["received_at"]),
        "updated_at": rfc3339(row["updated_at"]),
        "notification": notification,
        "timeline": [
            {"at": rfc3339(e["at"]), "event": e["event"], "data": e["data"]}
            for e in events
            if e["event"] in OPEN_EVENTS or (detailed and e["event"] not in OTHERS_EVENTS)
        ],
    }
