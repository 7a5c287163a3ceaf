"""Searching what only the content says: the newest items are opened one by one, to a depth."""

import orjson

from hub.store.filters import Filters
from hub.store.reading import Listed, Reading

from .parameters import ListWish
from .views import Cards
from .words import plain, read_of

SEARCH_DEPTH = 2000
"""A search opens the citizen's newest items, this many at most, and says when it stopped (`settled` 23)."""


def search(
    reading: Reading, wish: ListWish, filters: Filters, after: tuple[int, str] | None, cards: Cards
) -> tuple[list[Listed], bool, bool]:
    """A page of the rows after a position: (hits, whether there may be more, whether it stopped at the depth)."""
    words = plain(wish.q or "").split()
    column = wish.sort.removeprefix("-")
    hits: list[Listed] = []
    seen = 0
    while seen < SEARCH_DEPTH:
        rows, more = reading.page(filters, sort=wish.sort, after=after, limit=min(200, SEARCH_DEPTH - seen))
        for row in rows:
            if _matches(row, words, wish.doc_type, cards):
                if len(hits) == wish.limit:
                    return hits, True, False
                hits.append(row)
        if not more:
            return hits, False, False
        seen += len(rows)
        after = (getattr(rows[-1], column), rows[-1].item_id)
    return hits, False, True


def _matches(row: Listed, words: list[str], doc_type: str | None, cards: Cards) -> bool:
    content = orjson.loads(row.payload)
    if doc_type is not None and content.get("doc_type") != doc_type:
        return False
    said = read_of(content)
    if row.service_id is not None and (card := cards(row.service_id)) is not None:
        said += " " + plain(f"{card.name} {card.category or ''}")
    return all(word in said for word in words)
