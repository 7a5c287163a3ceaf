"""That what a legal notification asks to pay was paid, as the connector that notified it is told.

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
class SettledPayment:
    """A pagoPA notice that was paid. `repr` does not show which."""

    notification: str
    """The provider's name of the notification that it went along with (IUN)."""
    notice_number: str = field(repr=False)
    creditor_tax_code: str
    paid_at: datetime
    amount_cents: int
    """What was paid, costs of the notification included where they were."""
