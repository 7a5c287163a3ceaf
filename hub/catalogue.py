"""What an administrator sets about services and sources, as plain values (`settled` 15)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Literal, get_args

CardState = Literal["draft", "published", "suspended", "retired"]
CARD_STATES: tuple[CardState, ...] = get_args(CardState)

PROPOSED = ("name", "card_url", "start_url", "category", "life_events", "owner_office", "state")
"""What a vendor may propose of a card; all else is the administrator's alone."""

DRAFT_DAYS = 365
"""How long a draft is kept from its last edit, at least (S18). A source may be set to more, never to less."""


@dataclass(frozen=True, slots=True)
class Card:
    """A service of the catalogue, as the administrator keeps it."""

    service_id: str
    name: str
    state: CardState = "published"
    card_url: str | None = None
    start_url: str | None = None
    category: str | None = None
    life_events: tuple[str, ...] = ()
    owner_office: str | None = None
    max_response_days: int | None = None
    """Days from taking charge within which the body answers (S24)."""
    min_loa: int | None = None
    """The lowest SPID or CIE level at which items of the service are shown."""

    def latest_answer(self, taken_charge_on: date) -> date | None:
        """The last day for an answer to what was taken in charge on that day; None where the card has no term."""
        return None if self.max_response_days is None else taken_charge_on + timedelta(days=self.max_response_days)


def card_of(service_id: str, record: Mapping[str, Any]) -> Card:
    """The card of a stored record."""
    return Card(service_id, **{**record, "life_events": tuple(record.get("life_events", ()))})


def record_of(card: Card) -> dict[str, Any]:
    """The card as it is stored: what it lacks is left out."""
    record = {name: value for name, value in asdict(card).items() if value not in (None, ()) and name != "service_id"}
    return record | ({"life_events": list(card.life_events)} if card.life_events else {})
