"""Receipts: proof that a payment was made, kept for good."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from ..base import LINE, Label, Model, UtcDatetime
from ..identifiers import AmountCents, NoticeNumber, OrganizationTaxCode
from .envelope import Envelope


class PaidNotice(Model):
    """Which notice was paid: creditor and notice number name a pagoPA payment."""

    notice_number: NoticeNumber
    creditor_tax_code: OrganizationTaxCode


class Receipt(Envelope):
    """A receipt. It has one state, `available`, and marks the payment of the same notice as paid."""

    collection: Literal["receipts"] = "receipts"
    payment: PaidNotice
    receipt_number: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
    paid_at: UtcDatetime
    amount_cents: AmountCents
    currency: Literal["EUR"] = "EUR"
    psp: Label | None = None
    reason: Annotated[str, StringConstraints(min_length=1, max_length=140), LINE] | None = None
