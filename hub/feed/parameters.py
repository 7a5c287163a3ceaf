"""The query parameters of the feed, parsed once; a wrong or unknown one is refused by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import get_args

from contracts.feed import Turn
from contracts.publishing import Collection
from hub.errors import Fault, RequestInvalid
from hub.store.reading import Filters

from .cursor import bad

SORTS = ("-occurred_at", "occurred_at", "-received_at", "-updated_at", "due_at")
_FILTERS = ("state", "service_id", "source", "unread", "archived", "turn", "q", "from", "to")
_PAGING = ("sort", "limit", "cursor")
_LONGEST = 200
MAX_LIMIT = 100


@dataclass(frozen=True, slots=True)
class ListWish:
    """What a list is asked for."""

    filters: Filters
    q: str | None
    sort: str
    limit: int
    cursor: str | None

    @property
    def purpose(self) -> str:
        """The list this is a page of: a cursor is good for no other."""
        return f"items|{self.filters}|{self.q}|{self.sort}"


def list_wish(query: Sequence[tuple[str, str]], *, collection: str | None) -> ListWish:
    """The wish in a query string. Raises RequestInvalid."""
    allowed = (*_FILTERS, *_PAGING, *(() if collection else ("collection",)))
    given = _once(query, allowed)
    wanted = Filters(
        collection=collection or _one_of(given, "collection", get_args(Collection)),
        state=given.get("state"),
        service_id=given.get("service_id"),
        source=given.get("source"),
        unread=_boolean(given, "unread"),
        archived=_boolean(given, "archived"),
        turn=_one_of(given, "turn", get_args(Turn)),
        since=_instant(given, "from"),
        until=_instant(given, "to"),
    )
    return ListWish(
        filters=replace(wanted, archived=False) if wanted.archived is None else wanted,
        q=given.get("q"),
        sort=_one_of(given, "sort", SORTS) or "-occurred_at",
        limit=limit_of(given),
        cursor=given.get("cursor"),
    )


def changes_wish(query: Sequence[tuple[str, str]]) -> tuple[str | None, int]:
    """(after, limit) of `changes`. Raises RequestInvalid."""
    given = _once(query, ("after", "limit"))
    return given.get("after"), limit_of(given)


def page_wish(query: Sequence[tuple[str, str]]) -> tuple[str | None, int]:
    """(cursor, limit) of a list without filters. Raises RequestInvalid."""
    given = _once(query, ("limit", "cursor"))
    return given.get("cursor"), limit_of(given)


def nothing(query: Sequence[tuple[str, str]]) -> None:
    """No parameter is known here. Raises RequestInvalid."""
    _once(query, ())


def limit_of(given: Mapping[str, str], *, default: int = 50) -> int:
    text = given.get("limit")
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MAX_LIMIT:
        raise bad("limit", f"a whole number from 1 to {MAX_LIMIT}")
    return int(text)


def _once(query: Sequence[tuple[str, str]], allowed: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in query:
        if name not in allowed:
            # The name is the sender's own text, and may be a tax code: it is not repeated.
            detail = f"known here: {', '.join(allowed) or 'none'}"
            raise RequestInvalid(f"unknown parameter; {detail}", faults=(Fault("#query", "parameter.unknown", detail),))
        if name in given:
            raise bad(name, "given twice")
        longest = 400 if name in ("cursor", "after") else _LONGEST
        if not value or len(value) > longest or any(ord(c) < 32 for c in value):
            raise bad(name, f"must be 1 to {longest} characters, without control characters")
        given[name] = value
    return given


def _one_of(given: Mapping[str, str], name: str, choices: Sequence[str]) -> str | None:
    value = given.get(name)
    if value is not None and value not in choices:
        raise bad(name, f"one of {', '.join(choices)}")
    return value


def _boolean(given: Mapping[str, str], name: str) -> bool | None:
    value = _one_of(given, name, ("true", "false"))
    return None if value is None else value == "true"


def _instant(given: Mapping[str, str], name: str) -> datetime | None:
    if name not in given:
        return None
    try:
        moment = datetime.fromisoformat(given[name])
    except ValueError:
        raise bad(name, "an RFC 3339 date-time with its zone") from None
    if moment.tzinfo is None:
        raise bad(name, "the zone is missing; write for example 2026-11-24T00:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise bad(name, "outside the years 1 to 9999 in UTC") from None
