"""Reporting flows of pagoPA (flussi di rendicontazione): what a payment service provider says it has paid out to whom.

One transfer of money to a creditor's account settles many payments; its flow names them. A flow may be published again,
as another revision: the highest holds, whole, in the place of those before it.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

ReportedOutcome = Literal["executed", "revoked", "stand_in", "stand_in_no_rpt", "no_rpt"]
"""codiceEsitoSingoloPagamento 0, 3, 4, 8, 9: paid; taken back; paid while the creditor could not be reached, with or
without a receipt; paid without a request of the creditor's."""


@dataclass(frozen=True, slots=True)
class ReportedPayment:
    """One payment, or a creditor's share of one, in a flow."""

    index: int
    """Its place in the flow, which names it there."""
    iuv: str = field(repr=False)
    iur: str = field(repr=False)
    """The provider's own name of the payment."""
    transfer: int
    """Which of the payment's transfers, from 1."""
    amount_cents: int
    outcome: ReportedOutcome
    paid_on: date


@dataclass(frozen=True, slots=True)
class FlowPart:
    """A page of a flow, or all of it, with what is said of the whole. Parts may come in any order, and twice."""

    flow: str
    """The flow's name, unique at its provider's."""
    psp_id: str
    revision: int
    creditor_tax_code: str
    """To whom the money went."""
    made_at: datetime
    regulation: str
    """The name of the transfer of money (TRN, SCT), by which the bank's account is reconciled."""
    regulation_date: date
    total_count: int
    total_cents: int
    payments: tuple[ReportedPayment, ...] = field(repr=False)


def iuv_of(notice_number: str) -> str:
    """The IUV in a notice number of 18 digits: what follows the auxiliary digit and, where that is 0, the application
    code. A segregation code is part of it."""
    return notice_number[3:] if notice_number[0] == "0" else notice_number[1:]


def notice_numbers_of(iuv: str) -> tuple[str, ...]:
    """Every notice number that may have this IUV: a flow does not say which digits stood before it."""
    if len(iuv) == 17:
        return tuple(f"{aux}{iuv}" for aux in "123")
    return tuple(f"0{code:02d}{iuv}" for code in range(100)) if len(iuv) == 15 else ()
