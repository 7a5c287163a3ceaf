"""Lists, their bounds and OpenCity's own clock, as its answers have them."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from connectors.base.http import Answer
from contracts.base import ROME
from contracts.failures import Deferred
from contracts.faults import bilingual
from contracts.inbound import Found, Wrong

from .session import Session

MOST_BYTES = 16_777_216
"""Of a page or a list: lists have no pages there."""


def bound(instant: int) -> str:
    """A bound of a filter: seconds and an offset, no `Z` and no fractions, else 400."""
    return datetime.fromtimestamp(instant, UTC).astimezone(ROME).isoformat(timespec="seconds")


def part(session: Session, path: str, offset: int, limit: int, more: Mapping[str, str] | None = None) -> Answer:
    """So many records of a list from that one on, of those that the filter `more` leaves."""
    query = {"version": "2", "offset": str(offset), "limit": str(limit), **(more or {})}
    return session.get(path, query, most_bytes=MOST_BYTES)


def rows(content: Any) -> list[Any]:
    """The records of a list in each of its forms: plain, paged (`data`), counted (`results`).

    Raises:
        Deferred: it is none of them.
    """
    if isinstance(content, Mapping):
        content = content.get("data", content.get("results"))
    if not isinstance(content, list):
        raise Deferred("opencity.unreadable", "not a list")
    return content


def counted(page: Any) -> int | None:
    """How many there are on all pages: a number or a string of one; None where it does not say."""
    meta = page.get("meta") if isinstance(page, Mapping) else None
    count = meta.get("count") if isinstance(meta, Mapping) else None
    return int(count) if isinstance(count, int | str) and str(count).isdigit() else None


def clock(answer: Answer, otherwise: int) -> int:
    """When OpenCity answered, by its own clock."""
    try:
        return int(parsedate_to_datetime(answer.headers.get("date", "")).timestamp())
    except (ValueError, TypeError, OverflowError):
        return otherwise


def mapped(kind: str, records: Iterable[Any], make: Callable[[Mapping[str, Any]], Found | None]) -> Iterator[Found]:
    """What stands in a list: items, and what is no record."""
    for record in records:
        if not isinstance(record, Mapping):
            yield Found(
                "",
                json.dumps(record).encode(),
                wrong=(Wrong("", "opencity.unreadable", bilingual("non è un oggetto", "not an object")),),
            )
        elif (found := make(record)) is not None:
            yield found
