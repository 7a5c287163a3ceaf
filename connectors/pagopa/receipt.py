"""A receipt of pagoPA (RT), from GPD's XML or from biz-events' JSON, to an item of `receipts`. Without any I/O.

Both have the fields of paSendRTV2 (spec/pagopa.md, "Receipts"). Amounts are decimals in euros there, and never floats.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from hashlib import sha256
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from connectors.base.lines import one_line
from connectors.base.money import whole_cents
from connectors.base.stamps import stamp_of
from contracts.base import ROME, rfc3339
from contracts.faults import bilingual
from contracts.identifiers import check_organization_tax_code, check_tax_code, holds_tax_code
from contracts.inbound import Found, Wrong

ANONYMOUS = "ANONIMO"
_RECEIPT_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
_NOTICE_NUMBER = re.compile(r"^[0123][0-9]{17}$")


class Unreadable(ValueError):
    """What came is no receipt at all: cut, garbage, or something else."""

    def __init__(self, italian: str, english: str) -> None:
        self.text = bilingual(italian, english)
        super().__init__(self.text)


@dataclass(frozen=True, slots=True)
class Fields:
    """What a receipt says, as text or decimals; a name that is missing is None."""

    receipt_id: str | None
    notice_number: str | None
    creditor: str | None
    outcome: str | None
    amount: str | Decimal | int | None
    description: str | None
    debtor_kind: str | None
    debtor: str | None
    psp: str | None
    paid: str | None
    stamps: tuple[tuple[str, str | Decimal | int | None], ...] = field(default=(), repr=False)
    """Of the transfers that are revenue stamps, the file and the amount."""


def of_xml(document: bytes) -> Fields:
    """Raises Unreadable. No DTD and no entity is taken: neither has a place in a receipt, and both are attacks."""
    try:
        root = fromstring(document, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise Unreadable("non è l'XML di una ricevuta", "not XML as a receipt is") from None
    receipt = next((each for each in root.iter() if _name(each) == "receipt"), None)
    if receipt is None:
        raise Unreadable("non contiene una ricevuta", "no receipt in it")
    said = {_name(each): (each.text or "").strip() for each in receipt}
    debtor = next((each for each in receipt if _name(each) == "debtor"), None)
    its = {} if debtor is None else {_name(each): (each.text or "").strip() for each in debtor.iter()}
    transfers = [
        {_name(each): (each.text or "").strip() for each in transfer}
        for transfer in receipt.iter()
        if _name(transfer) == "transfer"
    ]
    dates = ("paymentDateTime", "applicationDate", "transferDate")
    return _fields(said, its, transfers, psp="PSPCompanyName", paid=dates)


def of_json(document: bytes) -> Fields:
    """Raises Unreadable."""
    try:
        said = json.loads(document, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise Unreadable("non è JSON", "not JSON") from None
    if not isinstance(said, dict) or "receiptId" not in said:
        raise Unreadable("non contiene una ricevuta", "no receipt in it")
    debtor = said.get("debtor")
    dates = ("paymentDateTimeFormatted", "paymentDateTime", "applicationDate", "transferDate")
    its, listed = debtor if isinstance(debtor, dict) else {}, said.get("transferList")
    transfers = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return _fields(said, its, transfers, psp="pspCompanyName", paid=dates)


def _name(element: Element) -> str:
    """Without its namespace: the versions of the receipt differ in it alone."""
    return str(element.tag).rpartition("}")[2]


def _fields(
    said: Mapping[str, Any],
    debtor: Mapping[str, Any],
    transfers: Sequence[Mapping[str, Any]],
    *,
    psp: str,
    paid: tuple[str, ...],
) -> Fields:
    def text(of: Mapping[str, Any], name: str) -> str | None:
        value = of.get(name)
        return value if isinstance(value, str) and value else None

    def number(value: Any) -> str | Decimal | int | None:
        return value if isinstance(value, str | Decimal | int) and not isinstance(value, bool) else None

    stamped = [(text(each, "MBDAttachment") or text(each, "mbdAttachment"), each) for each in transfers]
    return Fields(
        receipt_id=text(said, "receiptId"),
        notice_number=text(said, "noticeNumber"),
        creditor=text(said, "fiscalCode"),
        outcome=text(said, "outcome"),
        amount=number(said.get("paymentAmount")),
        description=text(said, "description"),
        debtor_kind=text(debtor, "entityUniqueIdentifierType"),
        debtor=text(debtor, "entityUniqueIdentifierValue"),
        psp=text(said, psp),
        paid=next((found for name in paid if (found := text(said, name)) is not None), None),
        stamps=tuple((file, number(each.get("transferAmount"))) for file, each in stamped if file is not None),
    )


def found_of(fields: Fields, raw: bytes, fallback: str) -> Found:
    """The receipt for the hub; `fallback` names it where its own name cannot stand in clear.

    One that was not paid, or names no debtor, is for nobody's area: it is passed over.
    """
    name = fields.receipt_id
    if name is None or not _RECEIPT_ID.fullmatch(name) or holds_tax_code(name):
        name = f"{fallback}.{sha256((name or '').encode()).hexdigest()[:16]}" if name else fallback
        unnamed = _wrong("/receiptId", "pagopa.receipt_id", "non è un nome per una ricevuta", "no name for a receipt")
        return Found(name, raw, "receipts", wrong=(unnamed,))
    if fields.outcome != "OK" or (fields.debtor or "").upper() == ANONYMOUS:
        return Found(name, raw)
    wrong, item = _item(fields)
    return Found(name, raw, "receipts", wrong=tuple(wrong)) if wrong else Found(name, raw, "receipts", item)


def _wrong(pointer: str, code: str, italian: str, english: str) -> Wrong:
    return Wrong(pointer, code, bilingual(italian, english))


def _item(fields: Fields) -> tuple[list[Wrong], dict[str, Any]]:
    wrong = []
    cents, paid_at = cents_of(fields.amount), moment_of(fields.paid)
    kind = "organization" if fields.debtor_kind == "G" else "person"
    debtor, creditor, number = (fields.debtor or "").upper(), fields.creditor or "", fields.notice_number or ""
    if cents is None:
        wrong.append(
            _wrong(
                "/paymentAmount",
                "pagopa.amount",
                "non è un importo in euro e centesimi",
                "no amount in euros with cents",
            )
        )
    if paid_at is None:
        wrong.append(
            _wrong(
                "/paymentDateTime",
                "pagopa.no_date",
                "non dice quando è stata pagata",
                "it does not say when it was paid",
            )
        )
    if not _NOTICE_NUMBER.fullmatch(number):
        wrong.append(
            _wrong(
                "/noticeNumber",
                "pagopa.notice_number",
                "non sono 18 cifre, la prima 0..3",
                "not 18 digits, the first 0..3",
            )
        )
    if not _is(check_organization_tax_code, creditor):
        wrong.append(
            _wrong(
                "/fiscalCode",
                "pagopa.creditor",
                "non è il codice fiscale di un ente creditore",
                "not the tax code of a creditor",
            )
        )
    if not _is(check_organization_tax_code if kind == "organization" else check_tax_code, debtor):
        wrong.append(
            _wrong(
                "/debtor",
                "pagopa.debtor_unknown",
                "il debitore non ha un codice fiscale del suo tipo",
                "the debtor has no tax code of its kind",
            )
        )
    stamps = _stamps(fields)
    if stamps is None:
        wrong.append(
            _wrong(
                "/transferList",
                "pagopa.stamp",
                "una marca da bollo senza file o senza importo",
                "a revenue stamp without a file or an amount",
            )
        )
    if wrong or paid_at is None:
        return wrong, {}
    reason, psp = _line(fields.description, 140), _line(fields.psp, 120)
    item = {
        "external_id": fields.receipt_id,
        "source": "pagopa",
        "title": f"Ricevuta di pagamento: {reason}" if reason else "Ricevuta di pagamento",
        "occurred_at": rfc3339(paid_at),
        "recipient": {"tax_code": debtor} | ({"subject_kind": kind} if kind == "organization" else {}),
        "payment": {"notice_number": number, "creditor_tax_code": creditor},
        "receipt_number": fields.receipt_id,
        "paid_at": rfc3339(paid_at),
        "amount_cents": cents,
    }
    more = {"psp": psp, "reason": reason, "stamps": stamps}
    return [], item | {name: value for name, value in more.items() if value}


def _stamps(fields: Fields) -> list[dict[str, Any]] | None:
    """None where one is no stamp: whoever paid it is owed the proof, so a person has to look."""
    found = []
    for file, amount in fields.stamps:
        cents = cents_of(amount)
        try:
            if cents is None:
                return None
            found.append(stamp_of(file, cents))
        except ValueError:
            return None
    return found


def cents_of(amount: str | Decimal | int | None) -> int | None:
    """Whole cents; None for what has none, or too many."""
    try:
        return whole_cents(Decimal(amount if amount is not None else ""))
    except (ArithmeticError, ValueError):
        return None


def moment_of(text: str | None) -> datetime | None:
    """An instant; without a zone it is Rome's clock, and a day alone is its noon."""
    try:
        if text is None:
            return None
        if len(text) == len("2026-01-01"):
            moment = datetime.combine(date.fromisoformat(text), time(12), ROME)
        else:
            moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=ROME)
        return aware.astimezone(UTC) if 1900 < aware.year < 2200 else None
    except (ValueError, OverflowError):
        return None


def _is(check: Any, value: str) -> bool:
    try:
        check(value)
    except ValueError:
        return False
    return True


def _line(text: str | None, most: int) -> str:
    return one_line(text or "")[:most].rstrip()
