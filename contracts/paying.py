"""What a connector of pagoPA does for a payment besides registering it: a cart to pay it in, a notice on paper."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .base import LINE, Code, Day, HttpsUrl, Model, UtcDatetime
from .identifiers import AmountCents, NoticeNumber, OrganizationTaxCode, Uuid7
from .items.payment import PlanNumber
from .party import EmailAddress

MOST_IN_A_CART = 5
MOST_IN_A_FOLDER = 1000
"""Notices that are printed together."""


@dataclass(frozen=True, slots=True)
class PayableNotice:
    """A notice as it is paid or printed. `repr` shows nothing personal."""

    notice_number: str
    creditor_tax_code: str
    amount_cents: int
    company_name: str
    reason: str = field(repr=False)
    due_on: str | None = None
    """A day, `2026-12-16`."""


class Returns(Model):
    """Where the browser comes back to. That it comes back proves nothing: what is paid has a receipt."""

    ok: HttpsUrl
    cancel: HttpsUrl
    error: HttpsUrl


class Debtor(Model):
    """To whom a notice on paper is addressed."""

    full_name: Annotated[str, StringConstraints(min_length=1, max_length=70), LINE]
    address: Annotated[str, StringConstraints(min_length=1, max_length=140), LINE]
    building_number: Annotated[str, StringConstraints(min_length=1, max_length=20), LINE]
    city: Annotated[str, StringConstraints(min_length=1, max_length=100), LINE]
    postal_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{5}$")]
    province: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class Cart(Model):
    """One to five notices that are paid together."""

    notices: Annotated[tuple[PayableNotice, ...], Field(min_length=1, max_length=MOST_IN_A_CART, fail_fast=True)]
    returns: Returns
    email: EmailAddress | None = None
    """Where the platform sends its own word of the payment."""


InstallmentNumber = Annotated[int, Field(ge=1, le=99, json_schema_extra={"format": "int32"})]
"""Of a payment's `position.installments`, counted from 1."""


class CartPart(Model):
    """What is to be paid: a payment whole, or one of its instalments."""

    item_id: Uuid7
    installment: InstallmentNumber | None = None
    """Left out: the whole."""


class CartWish(Model):
    """What a citizen wants to pay together, each once, of a payment the whole alone or instalments of one plan; the
    addresses are the portal's own."""

    payments: Annotated[tuple[CartPart, ...], Field(min_length=1, max_length=MOST_IN_A_CART, fail_fast=True)]
    return_urls: Returns
    email: EmailAddress | None = None
    """Where the platform sends its own word of the payment; left out, the platform asks for it."""


class CartView(Model):
    """Where the browser is to be sent now. An address is good for one attempt, and is nobody else's business."""

    url: HttpsUrl


class CartNotice(Model):
    """A notice that a cart may have now: of a payment whole, or of one of its instalments."""

    installment: InstallmentNumber | None
    """None: of the whole."""
    plan: PlanNumber | None
    """Of an instalment, which plan it is of."""
    creditor_tax_code: OrganizationTaxCode
    notice_number: NoticeNumber
    amount_cents: AmountCents
    due_date: Day | None


class CartOffer(Model):
    """What of a payment a cart may have. Together go, up to five, those whose `group` is the same: each notice
    (creditor and number) once, and of one payment the whole alone or instalments of one `plan`, whichever payment asks
    for them."""

    group: Code
    notices: Annotated[tuple[CartNotice, ...], Field(min_length=1, max_length=100, fail_fast=True)]
    """The whole first, where it can be paid."""


InstallmentState = Literal["due", "overdue", "expired", "paid", "closed"]
"""`overdue`: its day is past, by the calendar of Rome, and it can still be paid; `expired`: it cannot any more;
`closed`: it is owed no more, as the payment is over, or another plan was begun."""


class NotificationCost(Model):
    """What a legal notification adds to a pagoPA notice when it is paid, whoever was notified and whoever pays."""

    cost_cents: AmountCents
    total_cents: AmountCents
    """The amount of the notice and the cost: what is paid."""
    as_of: UtcDatetime
    """When whoever notifies was asked: it grows where a letter has to be sent."""


class InstallmentView(Model):
    """An instalment of a payment and how it stands, by the receipts and payments of its own notice."""

    installment: InstallmentNumber
    plan: PlanNumber
    notice_number: NoticeNumber
    amount_cents: AmountCents
    notification_cost: NotificationCost | None
    """Where a legal notification asks for the instalment's own notice."""
    due_date: Day
    state: InstallmentState
    paid_on: Day | None
    """The day of its receipt in Rome; None: it is not paid, or no receipt that the reader may see says when."""
    receipt_item_id: Uuid7 | None
    """That receipt."""


MakeCart = Callable[[Cart], str]
"""The address to which the browser is to be sent. Raises a `contracts.failures.Failure`."""

Print = Callable[[PayableNotice, Debtor, str], bytes]
"""(notice, to whom, the debtor's tax code) -> a PDF. Raises a `contracts.failures.Failure`."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A notice that is to be printed, for whom. `repr` shows nothing personal."""

    notice: PayableNotice
    debtor: Debtor = field(repr=False)
    tax_code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Folder:
    """Many notices that are being printed, or were."""

    state: Literal["waiting", "ready", "partly", "failed"]
    """`partly`: of some the printing failed; the others are there."""
    told: str
    """The provider's own word for it."""
    printed: int
    failed: int


@dataclass(frozen=True, slots=True)
class Printing:
    """Prints many notices at once. Each of these raises a `contracts.failures.Failure`."""

    ask: Callable[[Sequence[Paper]], str]
    """The folder's name. The same request again is the same folder, so that it may be repeated."""
    state: Callable[[str], Folder]
    fetch: Callable[[str], bytes]
    """Of a folder that is ready: an archive (zip) of PDFs."""
    forget: Callable[[str], None]
    """Deletes it at the provider."""
