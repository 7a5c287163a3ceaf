"""What an administrator asks and tells SEND about the pagoPA notices of its notifications: what one costs, and that one
was closed in a way that the hub has not heard of (in cash at the counter, set off, forgiven). What it has heard of it
tells by itself (`settled.py`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeGuard

from pydantic import Field

from connectors.base.http import Answer
from contracts.base import Form, UtcDatetime, rfc3339
from contracts.connector import Operation
from contracts.failures import Deferred, Failure, Rejected
from contracts.identifiers import NoticeNumber, OrganizationTaxCode

from .config import Settings
from .wire import Wire, failure, is_problem, objects

PRICE = "/delivery/v2.3/price"
EVENTS = "/delivery/events/payment/pagopa"

Cents = Annotated[int, Field(ge=0, le=2_147_483_647)]
"""`int32` there."""

# Their names there, ours, and what each is, in cents but for the percentage of `vat`.
_COSTS = {
    "totalPrice": "total_cents",
    "partialPrice": "partial_cents",
    "sendFee": "send_fee_cents",
    "analogCost": "postal_cents",
    "paFee": "fee_cents",
    "vat": "vat_percent",
}
_CREDITOR, _NUMBER = re.compile(r"[0-9]{11}"), re.compile(r"[0-9]{18}")
_DATES = {"refinementDate": "effective_at", "notificationViewDate": "viewed_at"}


class AskedNotice(Form):
    notice_number: NoticeNumber
    """Il numero dell'avviso pagoPA, 18 cifre. / The pagoPA notice number, 18 digits."""
    creditor_tax_code: OrganizationTaxCode | None = None
    """Il codice fiscale dell'ente creditore; assente: il mittente. / The creditor's tax code; absent: the sender's."""
    amount_cents: Cents | None = None
    """L'importo dell'avviso, in centesimi: la risposta dice allora `to_pay_cents`, che vi aggiunge i costi della
    notifica. / The notice's amount, in cents: the answer then says `to_pay_cents`, with the notification's costs."""


class ClosedNotice(Form):
    """Un avviso pagato per un'altra via. / A notice that was paid in another way."""

    notice_number: NoticeNumber
    """Il numero dell'avviso pagoPA, 18 cifre. / The pagoPA notice number, 18 digits."""
    creditor_tax_code: OrganizationTaxCode | None = None
    """Il codice fiscale dell'ente creditore; assente: il mittente. / The creditor's tax code; absent: the sender's."""
    paid_at: UtcDatetime
    """Quando è stato pagato, col fuso orario. / When it was paid, with the time zone."""
    amount_cents: Cents
    """Quanto è stato pagato, in centesimi. / What was paid, in cents."""


class ClosedNotices(Form):
    payments: Annotated[tuple[ClosedNotice, ...], Field(min_length=1, max_length=100)]
    """Gli avvisi, da 1 a 100. / The notices, 1 to 100."""


@dataclass(frozen=True, slots=True)
class Payments:
    """The operations, over the connector's calls."""

    wire: Wire
    settings: Settings

    def operations(self) -> dict[str, Operation]:
        """By the name that an administrator types."""
        return {
            "notification-price": Operation(
                "Quanto costa la notifica di un avviso / What the notification of a notice costs",
                AskedNotice,
                self._price,
                begins=False,
            ),
            "report-payments": Operation(
                "Dice a SEND degli avvisi pagati altrove / Tell SEND of notices paid elsewhere",
                ClosedNotices,
                self._report,
                begins=False,
            ),
        }

    def _price(self, asked: AskedNotice) -> dict[str, Any]:
        answer = ask_price(self.wire, self._creditor(asked), asked.notice_number)
        if answer.status != 200:
            raise payment_failure(answer)
        given = answer.object()
        costs = {ours: given[theirs] for theirs, ours in _COSTS.items() if _is_count(given.get(theirs))}
        if not costs:
            raise Deferred("send.unreadable", "no costs")
        texts = {ours: given[theirs] for theirs, ours in _DATES.items() if isinstance(given.get(theirs), str)}
        iun = {"iun": given["iun"]} if isinstance(given.get("iun"), str) else {}
        total = costs.get("total_cents")
        to_pay = {} if asked.amount_cents is None or total is None else {"to_pay_cents": asked.amount_cents + total}
        return {**iun, **costs, **to_pay, **texts}

    def _report(self, told: ClosedNotices) -> dict[str, Any]:
        # Only here is it known that no creditor and the sender are the same.
        if len({(self._creditor(one), one.notice_number) for one in told.payments}) < len(told.payments):
            raise Rejected("send.payment_twice", "a notice occurs twice in payments")
        events = [
            event_of(each.notice_number, self._creditor(each), each.paid_at, each.amount_cents)
            for each in told.payments
        ]
        # Whether SEND counts one that it is told twice twice is not described: so it is not told blindly again.
        answer = self.wire.call("POST", EVENTS, {"events": events}, unsafe=True)
        if answer.status != 204:
            raise payment_failure(answer, unsafe=True)
        return {"reported": len(events)}

    def _creditor(self, notice: AskedNotice | ClosedNotice) -> str:
        return notice.creditor_tax_code or self.settings.sender_tax_code


def ask_price(wire: Wire, creditor_tax_code: str, notice_number: str) -> Answer:
    """What the notification of a notice costs (NotificationPriceResponseV23)."""
    return wire.call("GET", f"{PRICE}/{creditor_tax_code}/{notice_number}")


def costs_of(sent: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The notices (creditor, number) that a sent notification adds its costs to when they are paid: those of a policy
    of costs, where pagoPA is to learn of them; else the sender's own amount holds them, or nobody pays them."""
    if sent.get("notificationFeePolicy") != "DELIVERY_MODE" or sent.get("pagoPaIntMode") not in ("SYNC", "ASYNC"):
        return []
    named = [pagopa_notice_of(each) for each in asked_of(sent) if each.get("applyCost")]
    return [notice for notice in named if notice is not None]


def asked_of(sent: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The pagoPA payments that a sent notification asks for."""
    payments = [each for one in objects(sent.get("recipients")) for each in objects(one.get("payments"))]
    return objects([each.get("pagoPa") for each in payments])


def pagopa_notice_of(payment: Mapping[str, Any]) -> tuple[str, str] | None:
    """The notice (creditor, number) that something of SEND's names; None where it names none."""
    creditor, number = str(payment.get("creditorTaxId")), str(payment.get("noticeCode"))
    return (creditor, number) if _CREDITOR.fullmatch(creditor) and _NUMBER.fullmatch(number) else None


def total_of(price: Mapping[str, Any]) -> int | None:
    """What the citizen pays of a price, in cents; None where it does not say."""
    total = price.get("totalPrice")
    return total if _is_count(total) and total >= 0 else None


def event_of(notice_number: str, creditor_tax_code: str, paid_at: datetime, amount_cents: int) -> dict[str, Any]:
    """SEND's PaymentEventPagoPa."""
    return {
        "noticeCode": notice_number,
        "creditorTaxId": creditor_tax_code,
        "paymentDate": rfc3339(paid_at),
        "amount": amount_cents,
    }


def payment_failure(answer: Answer, *, unsafe: bool = False) -> Failure:
    """What another answer than the one hoped for means, of a call that names a notice."""
    if answer.status == 404 and is_problem(answer):
        return Rejected("send.notice_unknown", "no accepted notification has this notice")
    return failure(answer, unsafe=unsafe)


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
