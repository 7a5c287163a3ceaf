"""The citizen's view of how his data was handled (contracts.rights), in pages."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from contracts.base import rfc3339
from hub.store import handling
from hub.store.reading import Reading

from . import cursor

Page = Callable[[Reading, str | None, int], dict[str, Any]]


def access_page(reading: Reading, after: str | None, limit: int) -> dict[str, Any]:
    """contracts.rights.AccessPage."""
    page = _page(reading, "access-log", handling.accesses, after, limit)
    names = handling.delegates(reading, {row["delegation_id"] for row in page["items"]} - {None})
    return page | {"items": [row | {"delegate_tax_code": names.get(row["delegation_id"])} for row in page["items"]]}


def sharing_page(reading: Reading, after: str | None, limit: int) -> dict[str, Any]:
    """contracts.rights.SharingPage."""
    return _page(reading, "sharing", handling.sharing, after, limit)


def _page(
    reading: Reading,
    purpose: str,
    find: Callable[..., Sequence[dict[str, Any]]],
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    position = None
    if after is not None:
        moment, entry_id = cursor.read(reading.vault, reading.owner, purpose, after)
        position = (datetime.fromisoformat(moment), entry_id)
    rows = find(reading, after=position, limit=limit + 1)
    shown = rows[:limit]
    more = len(rows) > limit
    last = [rfc3339(shown[-1]["at"]), shown[-1]["entry_id"]] if more else None
    return {
        "items": [row | {"at": rfc3339(row["at"])} for row in shown],
        "next_cursor": None if last is None else cursor.write(reading.vault, reading.owner, purpose, last),
    }
