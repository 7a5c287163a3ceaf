"""What happened to a vendor's items: to be read after a cursor, or told one by one at the vendor's address."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from contracts.base import rfc3339
from contracts.connector import Push
from contracts.faults import Bilingual, bilingual, led, unknown_parameter
from hub.errors import Fault, RequestInvalid
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
            raise _bad("", "parameter.unknown", unknown_parameter(("after", "limit")))
        if name in given:
            raise _bad(name, "parameter.invalid", bilingual("È dato due volte", "given twice"))
        given[name] = value
    after, limit = given.get("after", "0"), given.get("limit", "50")
    if not (after.isascii() and after.isdigit() and len(after) <= 19 and int(after) <= _LARGEST):
        raise _bad(
            "after", "parameter.invalid", bilingual("Non è un cursore di questo elenco", "not a cursor of this list")
        )
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 9 and 1 <= int(limit) <= MAX_LIMIT):
        raise _bad(
            "limit",
            "parameter.invalid",
            bilingual(f"Un numero intero da 1 a {MAX_LIMIT}", f"a whole number from 1 to {MAX_LIMIT}"),
        )
    return int(after), int(limit)


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


def _bad(parameter: str, code: str, detail: Bilingual) -> RequestInvalid:
    pointer = f"#query/{parameter}" if parameter else "#query"
    told = led(parameter, detail) if parameter else detail
    return RequestInvalid(told, faults=(Fault(pointer, code, detail),))
