"""What the citizen asked about his data, as he sees it (contracts.rights.OwnRightsRequest)."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from contracts.base import rfc3339
from hub.store.reading import Reading
from hub.store.requests_of_rights import filed_by, is_late, own_requests, words_of

from . import cursor

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PURPOSE = "rights-requests"


def own_view(row: Mapping[Any, Any], words: Mapping[str, str | None], now: datetime) -> dict[str, Any]:
    """contracts.rights.OwnRightsRequest; `words` are its text and its answer."""
    closed_at = row["closed_at"]
    return {
        "request_id": row["request_id"],
        "kind": row["kind"],
        "text": words["text"],
        "item_id": row["item_id"],
        "filed_by": filed_by(row),
        "received_on": row["received_on"],
        "due_on": row["due_on"],
        "late": is_late(row, now),
        "state": row["outcome"] or "open",
        "closed_at": None if closed_at is None else rfc3339(closed_at),
        "answer": words["answer"],
    }


def own_page(reading: Reading, after: str | None, limit: int) -> dict[str, Any]:
    """contracts.rights.OwnRightsRequestPage. Raises RequestInvalid for a cursor that is no good here."""
    before = None if after is None else cursor.read(reading.vault, reading.owner, _PURPOSE, after)[0]
    rows = own_requests(reading.connection, reading.citizen, reading.level, before=before, limit=limit + 1)
    last = [rows[limit - 1]["request_id"]] if len(rows) > limit else None
    return {
        "items": [_opened(reading, row) for row in rows[:limit]],
        "next_cursor": None if last is None else cursor.write(reading.vault, reading.owner, _PURPOSE, last),
    }


def own_request(reading: Reading, request_id: str) -> dict[str, Any] | None:
    """One of them; None also for anybody else's."""
    if not _ID.fullmatch(request_id):
        return None
    rows = own_requests(reading.connection, reading.citizen, reading.level, request_id=request_id, limit=1)
    return _opened(reading, rows[0]) if rows else None


def _opened(reading: Reading, row: Mapping[Any, Any]) -> dict[str, Any]:
    return own_view(row, words_of(reading.vault, reading.citizen, row), reading.now)
