"""Payments: what the citizen owes, and the pagoPA notice that asks for it."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from ..base import LINE, Day, HttpsUrl, Model
from ..identifiers import AmountCents, NoticeNumber, OrganizationTaxCode
from .envelope import Envelope

PaymentState = Literal[
    "creating",
    "creation_failed",
    "due",
    "started",
    "paid",
    "paid_elsewhere",
    "overdue",
    "expired",
    "cancelled",
    "refunded",
]


class Installment(Model):
    n: Annotated[int, Field(ge=1, le=120, json_schema_extra={"format": "int32"})]
    of: Annotated[int, Field(ge=1, le=120, json_schema_extra={"format": "int32"})]

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.n > self.of:
            raise ValueError("n is greater than of")
        return self


class PaymentPart(Model):
    """One beneficiary's share, or a digital revenue stamp (marca da bollo)."""

    kind: Literal["pagopa", "stamp"] = "pagopa"
    amount_cents: AmountCents
    receiver_tax_code: OrganizationTaxCode
    reason: Annotated[str, StringConstraints(min_length=1, max_length=140), LINE] | None = None


class Payment(Envelope):
    """A payment. A source reports its state; `paid` is left only for `refunded` (`settled` 12, 14)."""

    collection: Literal["payments"] = "payments"
    notice_number: NoticeNumber | None = None
    creditor_tax_code: OrganizationTaxCode
    amount_cents: AmountCents
    currency: Literal["EUR"] = "EUR"
    reason: Annotated[str, StringConstraints(min_length=1, max_length=140), LINE]
    due_date: Day | None = None
    invalid_after_due: bool = False
    installment: Installment | None = None
    items: Annotated[tuple[PaymentPart, ...], Field(max_length=5, fail_fast=True)] = ()
    pay_url: HttpsUrl | None = None
    state: PaymentState = "due"

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.items and sum(part.amount_cents for part in self.items) != self.amount_cents:
            raise ValueError("the items do not add up to amount_cents")
        if self.invalid_after_due and self.due_date is None:
            raise ValueError("invalid_after_due needs due_date")
        return self
