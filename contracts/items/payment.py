"""Payments: what the citizen owes, and the pagoPA notice that asks for it."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from ..base import LINE, Day, HttpsUrl, Model
from ..identifiers import AmountCents, Iban, NoticeNumber, OrganizationTaxCode
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
            raise ValueError("n supera of / n is greater than of")
        return self


TaxonomyCode = Annotated[str, StringConstraints(min_length=3, max_length=35, pattern=r"^[0-9A-Z][0-9A-Z/]*$")]
"""A category of pagoPA's taxonomy, such as `9/0301105TS/`."""


class Stamp(Model):
    """The document that a digital revenue stamp is for."""

    document_sha256: Annotated[str, StringConstraints(min_length=44, max_length=44, pattern=r"^[A-Za-z0-9+/]{43}=$")]
    """Base64 of the digest, as pagoPA wants it (`hashDocument`)."""
    kind: Annotated[str, StringConstraints(min_length=2, max_length=2, pattern=r"^[0-9]{2}$")] = "01"
    province: Annotated[str, StringConstraints(min_length=2, max_length=2, pattern=r"^[A-Z]{2}$")]


class PaymentPart(Model):
    """One beneficiary's share, or a digital revenue stamp (marca da bollo).

    `category`, and `iban` or `stamp`, are needed where the hub registers the position.
    """

    kind: Literal["pagopa", "stamp"] = "pagopa"
    amount_cents: AmountCents
    receiver_tax_code: OrganizationTaxCode
    reason: Annotated[str, StringConstraints(min_length=1, max_length=140), LINE] | None = None
    category: TaxonomyCode | None = None
    iban: Iban | None = None
    postal_iban: Iban | None = None
    stamp: Stamp | None = None

    @model_validator(mode="after")
    def _account_or_stamp(self) -> Self:
        if self.stamp is not None and (self.kind != "stamp" or self.iban is not None):
            raise ValueError("stamp: solo con kind stamp e senza iban / stamp goes with kind stamp, and without iban")
        if self.iban is not None and self.kind != "pagopa":
            raise ValueError("iban: solo con kind pagopa / iban goes with kind pagopa")
        if self.postal_iban is not None and self.iban is None:
            raise ValueError("postal_iban vuole iban / postal_iban needs iban")
        return self

    @property
    def registrable(self) -> bool:
        """Whether pagoPA would know where the money goes, and what for."""
        return self.category is not None and (self.iban or self.stamp) is not None and self.amount_cents > 0


Parts = Annotated[tuple[PaymentPart, ...], Field(max_length=5, fail_fast=True)]


PlanNumber = Annotated[int, Field(ge=1, le=9, json_schema_extra={"format": "int32"})]
"""Which of a position's plans of instalments, counted from 1."""
FIRST_PLAN = 1
"""The plan of an instalment that names none."""


class PositionInstalment(Model):
    """A part of the whole that may be paid by itself, under a notice number of its own."""

    amount_cents: AmountCents
    due_date: Day
    plan: PlanNumber | None = None
    """Where the debtor may choose among plans, which one it is of. Left out: the first."""
    notice_number: NoticeNumber | None = None
    """Left out: the hub gives one."""
    items: Parts = ()

    @property
    def of_plan(self) -> int:
        """The number of its plan, also where that is left out."""
        return self.plan or FIRST_PLAN


class DebtorAddress(Model):
    """Where the debtor lives, for the notice on paper."""

    street: Annotated[str, StringConstraints(min_length=1, max_length=140), LINE]
    """Without its number."""
    number: Annotated[str, StringConstraints(min_length=1, max_length=20), LINE]
    """Of the building: `SNC` where it has none."""
    city: Annotated[str, StringConstraints(min_length=1, max_length=100), LINE]
    postal_code: Annotated[str, StringConstraints(min_length=5, max_length=5, pattern=r"^[0-9]{5}$")]
    province: Annotated[str, StringConstraints(min_length=2, max_length=2, pattern=r"^[A-Z]{2}$")]


class Position(Model):
    """Asks the hub to register the payment at pagoPA and to keep it there as the payment is.

    Where the payment has no `items`, `iban` and `category` say where all of it goes. A `notice_number` that is left out
    is given by the hub, for the payment and for each of the instalments, which may be paid in its place.
    """

    debtor_name: Annotated[str, StringConstraints(min_length=1, max_length=70), LINE]
    debtor_address: DebtorAddress | None = None
    """Only where the notice is to be printed: then it may become a document beside the payment."""
    category: TaxonomyCode | None = None
    iban: Iban | None = None
    postal_iban: Iban | None = None
    installments: Annotated[tuple[PositionInstalment, ...], Field(max_length=99, fail_fast=True)] = ()

    @property
    def plans(self) -> dict[int, list[PositionInstalment]]:
        """The instalments by the plan that they are of."""
        found: dict[int, list[PositionInstalment]] = {}
        for each in self.installments:
            found.setdefault(each.of_plan, []).append(each)
        return found


def bare_of(amount_cents: int, fee_cents: int | None) -> int:
    """An amount without what a legal notification has added to it, as its source says."""
    return amount_cents - (fee_cents or 0)


def cost_of(fee_cents: int | None, heard_cents: int | None) -> int:
    """What a legal notification adds to a payment: what was heard of who notifies, else what its source says."""
    return (fee_cents or 0) if heard_cents is None else heard_cents


def to_pay(amount_cents: int, fee_cents: int | None, heard_cents: int | None) -> int:
    """An amount with what a legal notification adds to it."""
    return bare_of(amount_cents, fee_cents) + cost_of(fee_cents, heard_cents)


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
    items: Parts = ()
    position: Position | None = None
    notification_fee_cents: AmountCents | None = None
    """What of `amount_cents` a legal notification has added: GPD's `notificationFee`, which is in its `amount`. Left
    out, nothing of it is. Absent, as most have none, so that what was published before is the same."""
    pay_url: HttpsUrl | None = None
    state: PaymentState = "due"

    @property
    def bare_cents(self) -> int:
        """Its amount without what a legal notification adds."""
        return bare_of(self.amount_cents, self.notification_fee_cents)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.bare_cents < 0:
            raise ValueError(
                "notification_fee_cents è una parte di amount_cents / notification_fee_cents is a part of amount_cents"
            )
        if self.notification_fee_cents and self.position is not None:
            raise ValueError(
                "Con position le spese di notifica le aggiunge pagoPA / "
                "with position, amount_cents is without notification_fee_cents: pagoPA adds it itself"
            )
        if self.items and sum(part.amount_cents for part in self.items) != self.bare_cents:
            raise ValueError(
                "La somma delle voci non è amount_cents / "
                "the items do not add up to amount_cents, without notification_fee_cents"
            )
        if self.invalid_after_due and self.due_date is None:
            raise ValueError("invalid_after_due vuole due_date / invalid_after_due needs due_date")
        if self.position is not None:
            self._registrable(self.position)
        return self

    def _registrable(self, position: Position) -> None:
        if self.due_date is None or self.amount_cents == 0:
            raise ValueError("position vuole due_date e un importo / position needs due_date, and an amount")
        plan = position.installments
        for its in position.plans.values():
            if len(its) == 1 or sum(each.amount_cents for each in its) != self.amount_cents:
                raise ValueError(
                    "Le rate di un piano sono almeno due e fanno amount_cents / "
                    "the installments of each plan are two or more, and add up to amount_cents"
                )
        if bool(self.items) == bool(position.iban and position.category):
            raise ValueError(
                "position vuole le voci, oppure iban e category / "
                "position needs items, or iban and category, and not both"
            )
        for amount, parts in ((self.amount_cents, self.items), *((each.amount_cents, each.items) for each in plan)):
            if bool(parts) != bool(self.items) or amount == 0:
                raise ValueError(
                    "Ogni rata ha un importo, e voci se le ha il pagamento / "
                    "each of the installments of position has an amount, and items where the payment has"
                )
            if parts and (sum(part.amount_cents for part in parts) != amount or not all(p.registrable for p in parts)):
                raise ValueError(
                    "Con position le voci tornano, con category e iban o stamp / "
                    "with position, items add up, and have a category, and iban or stamp"
                )
