"""What becomes of a receipt (RT): an item for the debtor of the payment that the hub knows, or a place in quarantine.

A receipt cannot be refused: it is the proof that somebody has paid (paForNode.wsdl, paSendRT). What cannot be matched
is kept all the same, for a person to decide.
"""

from datetime import datetime, time
from hashlib import sha256
from re import fullmatch
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from connectors.base.lines import one_line
from connectors.base.stamps import stamp_of
from contracts.answering import OwedPayment
from contracts.base import rfc3339
from contracts.faults import bilingual
from contracts.identifiers import TaxCode, holds_tax_code
from contracts.inbound import Found, Wrong

from .config import Settings
from .riversamento import in_utc
from .wire import PaymentReceipt

_NUMBER: Final = r"[A-Za-z0-9._-]{1,64}"
_TAX_CODE: TypeAdapter[str] = TypeAdapter(TaxCode)


def found_of(receipt: PaymentReceipt, owed: OwedPayment | None, raw: bytes, settings: Settings) -> Found:
    """The receipt for the hub. What comes of it depends on nothing but these: told twice, it is the same."""
    return _found(receipt, _owing(receipt, owed), raw, settings)


def read_again(receipt: PaymentReceipt, raw: bytes, settings: Settings) -> Found:
    """A receipt out of quarantine, which a person has decided to take: the debtor that it names itself is believed."""
    nobody = Wrong(
        "/receipt/debtor",
        "pagopa.debtor_unknown",
        bilingual("la ricevuta non indica una persona come debitore", "the receipt names no person as its debtor"),
    )
    return _found(receipt, _unusable(receipt) or _debtor(receipt) or nobody, raw, settings)


def name_of(receipt: PaymentReceipt) -> str:
    """Its receiptId; where that is no name that can stand in clear, a digest of it."""
    if _is_number(receipt.receipt_id):
        return receipt.receipt_id
    return f"sha256-{sha256(receipt.receipt_id.encode()).hexdigest()}"


def is_second(receipt: PaymentReceipt, owed: OwedPayment | None) -> bool:
    """Whether the notice has another receipt already: somebody has paid twice."""
    return owed is not None and bool(owed.receipt_numbers) and receipt.receipt_id not in owed.receipt_numbers


def _is_number(receipt_id: str) -> bool:
    return fullmatch(_NUMBER, receipt_id) is not None and not holds_tax_code(receipt_id)


def _found(receipt: PaymentReceipt, whose: str | Wrong, raw: bytes, settings: Settings) -> Found:
    """`whose`: the debtor's tax code, or why it can be nobody's item."""
    if not isinstance(whose, Wrong):
        try:
            return Found(name_of(receipt), raw, "receipts", _item(receipt, whose, settings))
        except ValueError:
            # Whoever paid a stamp is owed the proof, so a person has to look.
            whose = Wrong(
                "/receipt/transferList",
                "pagopa.stamp",
                bilingual("una marca da bollo senza il suo file", "a revenue stamp without its file"),
            )
    return Found(name_of(receipt), raw, "receipts", wrong=(whose,))


def _owing(receipt: PaymentReceipt, owed: OwedPayment | None) -> str | Wrong:
    if owed is None:
        return Wrong(
            "/receipt/noticeNumber",
            "pagopa.notice_unknown",
            bilingual("nessun pagamento con questo avviso è noto", "no payment of this notice is known"),
        )
    if is_second(receipt, owed):
        return Wrong(
            "/receipt/receiptId",
            "pagopa.paid_twice",
            bilingual("l'avviso ha già un'altra ricevuta", "the notice has another receipt already"),
        )
    # ANONIMO, where the payer did not say who the debtor is, contradicts nobody.
    said = receipt.debtor.unique_identifier.entity_unique_identifier_value.upper()
    if said not in ("ANONIMO", owed.tax_code):
        return Wrong(
            "/receipt/debtor",
            "pagopa.debtor_differs",
            bilingual(
                "la ricevuta indica un debitore diverso dal pagamento",
                "the receipt names another debtor than the payment",
            ),
        )
    return _unusable(receipt) or owed.tax_code


def _unusable(receipt: PaymentReceipt) -> Wrong | None:
    if not _is_number(receipt.receipt_id):
        return Wrong(
            "/receipt/receiptId",
            "pagopa.receipt_id",
            bilingual(
                "non è un nome di al massimo 64 lettere, cifre e .-_", "not a name of up to 64 letters, digits and .-_"
            ),
        )
    if _paid_at(receipt) is None:
        return Wrong(
            "/receipt/paymentDateTime",
            "pagopa.no_date",
            bilingual("la ricevuta non dice quando è stato pagato", "the receipt does not say when it was paid"),
        )
    if sum(one.transfer_amount for one in receipt.transfer_list.transfer) != receipt.payment_amount:
        return Wrong(
            "/receipt/transferList",
            "pagopa.sum",
            bilingual("la somma dei trasferimenti non è paymentAmount", "the transfers do not add up to paymentAmount"),
        )
    return None


def _debtor(receipt: PaymentReceipt) -> str | None:
    try:
        return _TAX_CODE.validate_python(receipt.debtor.unique_identifier.entity_unique_identifier_value.upper())
    except ValidationError:
        return None


def _paid_at(receipt: PaymentReceipt) -> datetime | None:
    moment = receipt.payment_date_time
    if moment is None:
        day = receipt.application_date or receipt.transfer_date
        moment = datetime.combine(day, time(12)) if day is not None else None
    if moment is None or not 1900 <= moment.year <= 2200:
        return None
    return in_utc(moment)


def _item(receipt: PaymentReceipt, tax_code: str, settings: Settings) -> dict[str, Any]:
    """Raises ValueError where a revenue stamp is none."""
    transfers = receipt.transfer_list.transfer
    stamps = [stamp_of(one.mbd_attachment, one.transfer_amount) for one in transfers if one.mbd_attachment]
    paid_at = _paid_at(receipt)
    assert paid_at is not None
    reason, psp = one_line(receipt.description), one_line(receipt.psp_company_name)
    item: dict[str, Any] = {
        "external_id": receipt.receipt_id,
        "source": settings.source,
        "title": f"Ricevuta di pagamento: {reason}" if reason else "Ricevuta di pagamento",
        "occurred_at": rfc3339(paid_at),
        "recipient": {"tax_code": tax_code},
        "payment": {"notice_number": receipt.notice_number, "creditor_tax_code": receipt.fiscal_code},
        "receipt_number": receipt.receipt_id,
        "paid_at": rfc3339(paid_at),
        "amount_cents": receipt.payment_amount,
    }
    optional = {
        "service_id": settings.service_id,
        "psp": psp or None,
        "reason": reason or None,
        "stamps": stamps or None,
    }
    return item | {name: value for name, value in optional.items() if value is not None}
