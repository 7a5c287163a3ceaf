"""The catalogue as citizens see it (S9): the administrator's cards that can be started, or will be again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from contracts.catalogue import ShownState
from hub.catalogue import Card

from .parameters import limit_of, once, one_of
from .words import plain


@dataclass(frozen=True, slots=True)
class CatalogueWish:
    """What is asked for of the catalogue; None means any."""

    state: str
    category: str | None
    q: str | None
    limit: int
    cursor: str | None

    @property
    def purpose(self) -> str:
        """The list this is a page of: a cursor is good for no other."""
        return f"services|{self.state}|{self.category}|{self.q}"

    def wants(self, card: Card) -> bool:
        """Whether the card is in that list."""
        if card.state != self.state:
            return False
        if self.category is not None and plain(card.category or "") != plain(self.category):
            return False
        said = plain(" ".join((card.name, card.category or "", *card.life_events)))
        return self.q is None or all(word in said for word in plain(self.q).split())


def catalogue_wish(query: Sequence[tuple[str, str]]) -> CatalogueWish:
    """The wish in a query string. Raises RequestInvalid."""
    given = once(query, ("state", "category", "q", "limit", "cursor"))
    return CatalogueWish(
        state=one_of(given, "state", get_args(ShownState)) or "published",
        category=given.get("category"),
        q=given.get("q"),
        limit=limit_of(given),
        cursor=given.get("cursor"),
    )


def card_view(card: Card) -> dict[str, Any]:
    """contracts.catalogue.CatalogueService."""
    return {
        "service_id": card.service_id,
        "name": card.name,
        "state": card.state,
        "card_url": card.card_url,
        "start_url": card.start_url,
        "category": card.category,
        "life_events": list(card.life_events),
        "owner_office": card.owner_office,
        "max_response_days": card.max_response_days,
        "min_loa": card.min_loa,
    }
