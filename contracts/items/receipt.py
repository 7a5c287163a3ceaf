"""Receipts: proof that a payment was made, kept for good."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from ..base import LINE, Label, Model, UtcDatetime
from ..identifiers import AmountCents, NoticeNumber, OrganizationTaxCode
from .envelope import Envelope


class PaidNotice(Model):
    """Which notice was paid: creditor and notice number name a pagoPA payment."""

    notice_number: NoticeNumber
    creditor_tax_code: OrganizationTaxCode


class PaidStamp(Model):
    """A digital revenue stamp (marca da bollo digitale) that was paid. The file is the proof; the other fields are what
    it says of itself, where it could be read."""

    amount_cents: AmountCents
    file: Annotated[
        str, StringConstraints(min_length=4, max_length=350_000, pattern=r"^[A-Za-z0-9+/]+={0,2}$"), Field(repr=False)
    ]
    """The stamp as its seller signed it (XML, `MarcaDaBollo` of the Agenzia delle Entrate), in Base64."""
    number: Annotated[str, StringConstraints(min_length=1, max_length=64), LINE] | None = None
    """IUBD: each stamp has its own."""
    document_sha256: (
        Annotated[str, StringConstraints(min_length=44, max_length=44, pattern=r"^[A-Za-z0-9+/]{43}=$")] | None
    ) = None
    """Of the document that it is for, in Base64, as in `contracts.items.payment.Stamp`."""
    sold_at: UtcDatetime | None = None


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
    stamps: Annotated[tuple[PaidStamp, ...], Field(min_length=1, max_length=5, fail_fast=True)] | None = None
    """Those that were paid with it. Absent, as most have none, so that what was published before is the same."""
