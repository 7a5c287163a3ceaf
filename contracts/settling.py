"""What a legal notification asks to pay: what it adds to that, as the connector that notified it says, and that it was
paid, as that connector is told.

Who notifies sends no letter any more for what is paid (`PAYMENT` in SEND's timeline), and hears of it from the sender
alone.
"""

from dataclasses import dataclass, field
from datetime import datetime

from .positions import PAGOPA

SETTLED = "settled"
"""The channel of such deliveries, by the connector of the channel `send`, and the kind of their notices."""

UNTOLD = frozenset({PAGOPA, SETTLED})
"""Channels by which nothing is told to a citizen. No item wishes for them."""


@dataclass(frozen=True, slots=True)
class NoticeCost:
    """What a notification adds to a pagoPA notice: the citizen pays it beside the amount of the notice. `repr` does not
    show which notice."""

    notice_number: str = field(repr=False)
    creditor_tax_code: str
    cost_cents: int


@dataclass(frozen=True, slots=True)
class SettledPayment:
    """A pagoPA notice that was paid. `repr` does not show which."""

    notification: str
    """The provider's name of the notification that it went along with (IUN)."""
    notice_number: str = field(repr=False)
    creditor_tax_code: str
    paid_at: datetime
    amount_cents: int
    """What was paid, costs of the notification included where they were."""
