"""What happened to a vendor's items: to be read after a cursor, or told one by one at the vendor's address."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from contracts.base import rfc3339
from contracts.connector import Push
from hub.query_strings import NO_CURSOR, TWICE, bad, limit_from, unknown
from hub.registry import Registry, Vendor
from hub.store.database import Database
from hub.store.events import events_after, one_event
from hub.store.pushing import DETAIL

MAX_LIMIT = 100
_LARGEST = 2**63 - 1


def events_wish(query: Sequence[tuple[str, str]]) -> tuple[int, int]:
    """(after, limit) of a query string. Raises RequestInvalid."""
    given: dict[str, str] = {}
    for name, value in query:
        if name not in ("after", "limit"):
            raise unknown(("after", "limit"))
        if name in given:
            raise bad(name, TWICE)
        given[name] = value
    after = given.get("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) <= 19 and int(after) <= _LARGEST):
        raise bad("after", NO_CURSOR)
    return int(after), limit_from(given.get("limit", "50"), MAX_LIMIT)


class EventsView:
    """Reads the events of vendors."""

    def __init__(self, database: Database, registry: Callable[[], Registry]) -> None:
        self._database = database
        self._registry = registry

    def after(self, vendor: Vendor, after: int, limit: int) -> dict[str, Any]:
        """contracts.callbacks.VendorEvents."""
        with self._database.read() as connection:
            found = events_after(
                connection,
                ente_id=vendor.ente_id,
                vendor_id=vendor.vendor_id,
                after=after,
                limit=limit + 1,
                detailed=DETAIL in vendor.rights,
            )
        shown = found[:limit]
        return {
            "items": [_shown(each) for each in shown],
            "next_cursor": str(shown[-1]["number"] if shown else after),
            "more": len(found) > limit,
        }

    def push(self, ente_id: str, vendor_id: str, number: str) -> Push:
        """One event, for the vendor's address. Raises LookupError where there is none that it may know."""
        vendor = self._registry().vendors[ente_id, vendor_id]
        with self._database.read() as connection:
            event = one_event(connection, ente_id=ente_id, vendor_id=vendor_id, number=int(number))
        if event is None or (event["detail"] and DETAIL not in vendor.rights):
            raise LookupError(number)
        page = {"items": [_shown(event)], "next_cursor": number, "more": False}
        return Push(event["event_id"], orjson.dumps(page))


_NAMES = ("event_id", "item_id", "collection", "source", "external_id", "event", "data")


def _shown(event: Mapping[str, Any]) -> dict[str, Any]:
    return {name: event[name] for name in _NAMES} | {"at": rfc3339(event["at"])}
