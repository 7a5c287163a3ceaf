"""The rows of the feed's lists: each with its service's card, the payments that it is shown for, and what of it a cart
may have.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import orjson

from contracts.states import PAYABLE
from hub.registry import Registry
from hub.store.reading import Listed, Reading

from .views import Cards, row_view


class CartOffers(Protocol):
    """What carts may have (`hub.dispatch.carts`)."""

    def may_offer(self, ente_id: str) -> bool: ...

    def offers(
        self, reading: Reading, payable: Sequence[tuple[Listed, Mapping[str, Any]]]
    ) -> Mapping[str, Mapping[str, Any]]: ...


@dataclass(slots=True)
class Rows:
    """Those of all citizens; each call is about one."""

    registry: Callable[[], Registry]
    carts: CartOffers | None = None

    def views(self, reading: Reading, rows: Sequence[Listed]) -> list[dict[str, Any]]:
        """contracts.feed.FeedItem of each of these rows."""
        cards, folded = self.cards(reading), reading.contributors(rows)
        # Of what is payable only: so many contents, taken apart, would need as much memory again as the page.
        apart: dict[str, Mapping[str, Any]] = {}
        offers: Mapping[str, Mapping[str, Any]] = {}
        payable = [row for row in rows if row.collection == "payments" and row.state in PAYABLE]
        if payable and self.carts is not None and self.carts.may_offer(reading.citizen.ente_id):
            apart = {row.item_id: orjson.loads(row.payload) for row in payable}
            offers = self.carts.offers(reading, [(row, apart[row.item_id]) for row in payable])
        return [
            row_view(
                row,
                apart.get(row.item_id) or orjson.loads(row.payload),
                reading.now,
                cards,
                folded.get(row.item_id, ()),
                offers.get(row.item_id),
            )
            for row in rows
        ]

    def cards(self, reading: Reading) -> Cards:
        """The cards of the reader's ente, all of one picture of the catalogue."""
        return partial(self.registry().card, reading.citizen.ente_id)
