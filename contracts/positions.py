"""A debt position (posizione debitoria) that the hub registers at pagoPA for a payment, as its connector is given it.

What a vendor says of it are the fields `position` and `items` of a payment (`contracts.items.payment`); the numbers are
given by the hub where they were left out. Names in parentheses are those of GPD, pagoPA's archive of positions.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from .paying import Debtor

POSITION = "position"
"""The kind of a notice that registers a position: it is told to no citizen."""

PAGOPA = "pagopa"
"""The channel of such deliveries. No item wishes for it among its channels: `position` asks for it."""


@dataclass(frozen=True, slots=True)
class Numbering:
    """Where the hub takes notice numbers from: a creditor's own, under a segregation code (aux digit 3)."""

    creditor_tax_code: str
    segregation_code: int
    first: int = 1
    """The first that may be given: lower ones were used before there was a hub."""
    creditor_name: str = field(default="", compare=False)
    """As pagoPA shows it to whoever pays (`companyName`)."""
    several_plans: bool = field(default=False, compare=False)
    """Whether positions may have several plans of instalments to choose from."""


@dataclass(frozen=True, slots=True)
class StampDuty:
    """A digital revenue stamp (marca da bollo) for a document."""

    document_sha256: str
    """Base64 (`hashDocument`)."""
    kind: str
    province: str


@dataclass(frozen=True, slots=True)
class Share:
    """What one beneficiary gets of an option (a transfer): to an account, or as a stamp."""

    amount_cents: int
    receiver_tax_code: str
    reason: str = field(repr=False)
    category: str
    """Of pagoPA's taxonomy."""
    iban: str | None = None
    postal_iban: str | None = None
    stamp: StampDuty | None = None


@dataclass(frozen=True, slots=True)
class PayOption:
    """One notice of the position: the whole, or an instalment."""

    notice_number: str
    amount_cents: int
    reason: str = field(repr=False)
    due_at: datetime
    shares: tuple[Share, ...]
    instalment: bool = False
    plan: int = 1
    """Of an instalment, which plan it is of: one of them is paid, or the whole."""


@dataclass(frozen=True, slots=True)
class PositionData:
    """What pagoPA is to have. `repr` shows nothing personal; the debtor's tax code is that of the notice."""

    name: str
    """Ours (`iupd`): the same for all versions of the payment."""
    revision: int
    """The payment's version: from the second on something may have changed that pagoPA does not show."""
    wanted: Literal["payable", "gone"]
    creditor_tax_code: str
    debtor_kind: Literal["person", "organization"]
    debtor_name: str = field(repr=False)
    expires: bool
    """Whether it cannot be paid once it is due."""
    options: tuple[PayOption, ...]
    """The whole first; then the instalments that may be paid instead, in one plan or in several."""
    paper: Debtor | None = field(default=None, repr=False)
    """To whom the notice is printed; None where no address is known."""
