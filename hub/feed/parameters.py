"""The query parameters of the feed, parsed once; a wrong or unknown one is refused by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast, get_args

from contracts.faults import bilingual, led
from contracts.feed import Turn, View
from contracts.publishing import Collection
from hub.errors import Fault, RequestInvalid
from hub.query_strings import TWICE, bad, limit_from, unknown
from hub.store.filters import Filters

SORTS = ("-occurred_at", "occurred_at", "-received_at", "-updated_at", "due_at", "-due_at")
_FILTERS = (
    "state",
    "service_id",
    "category",
    "source",
    "doc_type",
    "unread",
    "archived",
    "starred",
    "notices",
    "turn",
    "q",
    "from",
    "to",
    "due_from",
    "due_to",
)
MOST_VALUES = 20
"""Of one parameter, with commas between them."""
_PAGING = ("sort", "limit", "cursor")
_LONGEST = 200
LONGEST_CURSOR = 400
MAX_LIMIT = 100
_NO_ZONE = bilingual(
    "Manca il fuso; scrivere per esempio 2026-11-24T00:00:00Z",
    "the zone is missing; write for example 2026-11-24T00:00:00Z",
)


@dataclass(frozen=True, slots=True)
class ListWish:
    """What a list is asked for."""

    filters: Filters
    category: str | None
    doc_type: str | None
    q: str | None
    sort: str
    limit: int
    cursor: str | None

    @property
    def purpose(self) -> str:
        """The list this is a page of: a cursor is good for no other."""
        return f"items|{self.filters}|{self.category}|{self.doc_type}|{self.q}|{self.sort}"

    @property
    def scans(self) -> bool:
        """Whether items must be opened to tell if they are wanted."""
        return self.q is not None or self.doc_type is not None


def list_wish(query: Sequence[tuple[str, str]], *, collection: str | None) -> ListWish:
    """The wish in a query string. Raises RequestInvalid."""
    allowed = (*_FILTERS, *_PAGING, *(() if collection else ("collection",)))
    given = once(query, allowed)
    archived = one_of(given, "archived", ("true", "false", "any")) or "false"
    wanted = Filters(
        collections=(collection,) if collection else _several(given, "collection", get_args(Collection)),
        states=_several(given, "state"),
        service_id=given.get("service_id"),
        source=given.get("source"),
        unread=_boolean(given, "unread"),
        archived=None if archived == "any" else archived == "true",
        starred=_boolean(given, "starred"),
        notices=_boolean(given, "notices"),
        turn=one_of(given, "turn", get_args(Turn)),
        since=_instant(given, "from"),
        until=_instant(given, "to"),
        due_since=_instant(given, "due_from"),
        due_until=_instant(given, "due_to"),
    )
    return ListWish(
        filters=wanted,
        category=given.get("category"),
        doc_type=given.get("doc_type"),
        q=given.get("q"),
        sort=one_of(given, "sort", SORTS) or "-occurred_at",
        limit=limit_of(given),
        cursor=given.get("cursor"),
    )


def view_wish(query: Sequence[tuple[str, str]]) -> View | None:
    """The shape in which sections are wanted, None for none. Raises RequestInvalid."""
    return cast("View | None", one_of(once(query, ("view",)), "view", get_args(View)))


def changes_wish(query: Sequence[tuple[str, str]]) -> tuple[str | None, int]:
    """(after, limit) of `changes`. Raises RequestInvalid."""
    given = once(query, ("after", "limit"))
    return given.get("after"), limit_of(given)


def events_wish(query: Sequence[tuple[str, str]], last_event_id: str | None) -> str | None:
    """The cursor to go on from: of the event that was heard last or, for a first time, of `after`. Raises
    RequestInvalid."""
    given = once(query, ("after",))
    if last_event_id is None:
        return given.get("after")
    if not last_event_id or len(last_event_id) > LONGEST_CURSOR:
        raise wrong_event_id()
    return last_event_id


def wrong_event_id() -> RequestInvalid:
    """Last-Event-ID is none of this stream's."""
    detail = bilingual("L'id di un evento di questo flusso", "the id of an event of this stream")
    return RequestInvalid(
        led("Last-Event-ID", detail), faults=(Fault("#header/Last-Event-ID", "parameter.invalid", detail),)
    )


def page_wish(query: Sequence[tuple[str, str]]) -> tuple[str | None, int]:
    """(cursor, limit) of a list without filters. Raises RequestInvalid."""
    given = once(query, ("limit", "cursor"))
    return given.get("cursor"), limit_of(given)


def nothing(query: Sequence[tuple[str, str]]) -> None:
    """No parameter is known here. Raises RequestInvalid."""
    once(query, ())


def limit_of(given: Mapping[str, str], *, default: int = 50) -> int:
    text = given.get("limit")
    return default if text is None else limit_from(text, MAX_LIMIT)


def once(query: Sequence[tuple[str, str]], allowed: Sequence[str]) -> dict[str, str]:
    """The parameters, each given at most once and known here. Raises RequestInvalid."""
    given: dict[str, str] = {}
    for name, value in query:
        if name not in allowed:
            raise unknown(allowed)
        if name in given:
            raise bad(name, TWICE)
        longest = LONGEST_CURSOR if name in ("cursor", "after") else _LONGEST
        if not value or len(value) > longest or any(ord(c) < 32 for c in value):
            raise bad(
                name,
                bilingual(
                    f"Da 1 a {longest} caratteri stampabili", f"1 to {longest} characters, without control characters"
                ),
            )
        given[name] = value
    return given


def one_of(given: Mapping[str, str], name: str, choices: Sequence[str]) -> str | None:
    """A parameter with few values, None where it is not given. Raises RequestInvalid."""
    value = given.get(name)
    if value is not None and value not in choices:
        raise bad(name, bilingual(f"Uno di: {', '.join(choices)}", f"one of {', '.join(choices)}"))
    return value


def _several(given: Mapping[str, str], name: str, choices: Sequence[str] = ()) -> tuple[str, ...]:
    """Values with commas between them; the same however they are ordered."""
    values = given[name].split(",") if name in given else []
    if len(values) > MOST_VALUES or not all(values):
        raise bad(
            name,
            bilingual(
                f"Valori separati da virgole, al massimo {MOST_VALUES}",
                f"values with commas between them, at most {MOST_VALUES}",
            ),
        )
    if choices and not set(values) <= set(choices):
        raise bad(
            name,
            bilingual(
                f"Separati da virgole, tra: {', '.join(choices)}", f"with commas between them, of {', '.join(choices)}"
            ),
        )
    return tuple(sorted(set(values)))


def _boolean(given: Mapping[str, str], name: str) -> bool | None:
    value = one_of(given, name, ("true", "false"))
    return None if value is None else value == "true"


def _instant(given: Mapping[str, str], name: str) -> datetime | None:
    if name not in given:
        return None
    try:
        moment = datetime.fromisoformat(given[name])
    except ValueError:
        raise bad(name, bilingual("Data, ora e fuso di RFC 3339", "an RFC 3339 date-time with its zone")) from None
    if moment.tzinfo is None:
        raise bad(name, _NO_ZONE)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise bad(name, bilingual("Oltre gli anni da 1 a 9999 in UTC", "outside the years 1 to 9999 in UTC")) from None
