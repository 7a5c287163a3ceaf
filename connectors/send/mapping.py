"""Canonical to SEND's NewNotificationRequestV26, without any I/O. Source of every limit: `spec/send.md`."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from contracts.connector import Legal, Notice, NoticeFile, PaymentData
from contracts.failures import Rejected
from contracts.items import F24Payment, PostalAddress

from .config import Settings
from .memos import Stored
from .uploads import checksum

PDF = "application/pdf"
JSON = "application/json"
MAX_TITLE = 512
# A title is of "characters that can stand in a file's name".
_NO_FILE_NAME = re.compile(r'[\\/:*?"<>|]')


def token(notice: Notice, number: int) -> str:
    """The idempotence token of the request of that round: the same for each try of it."""
    return f"{notice.delivery_id}.{number}"


def checked(notice: Notice, settings: Settings) -> Legal:
    """What is to be notified, if SEND can take it.

    Raises:
        Rejected: there is nothing, or too much of it, or a document is no PDF, or nothing is left to bear the costs.
    """
    if notice.legal is None:
        raise Rejected("send.nothing_to_notify")
    files = notice.legal.files
    if not files:
        raise Rejected("send.no_document")
    if len(files) > settings.max_documents:
        raise Rejected("send.too_many_documents", f"{len(files)}, of at most {settings.max_documents}")
    if any(file.media_type != PDF for file in files):
        raise Rejected("send.document_not_pdf")
    if len({file.sha256 for file in files}) < len(files):
        raise Rejected("send.document_twice")
    if len({payment.notice_number for payment in notice.legal.payments}) < len(notice.legal.payments):
        raise Rejected("send.payment_twice")
    if notice.legal.wish.fee_policy == "DELIVERY_MODE" and not (notice.legal.payments or notice.legal.wish.f24):
        raise Rejected("send.nothing_to_pay", "what was to bear the costs is paid, or is not asked for any more")
    return notice.legal


def enclosed(legal: Legal) -> tuple[NoticeFile, ...]:
    """All that is uploaded: the documents, and then the data of each F24."""
    return (*legal.files, *(_metadata(each) for each in legal.wish.f24))


def _metadata(form: F24Payment) -> NoticeFile:
    raw = json.dumps(form.metadata, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return NoticeFile(form.title, JSON, len(raw), hashlib.sha256(raw).hexdigest(), lambda: raw)


def preload_request(files: Sequence[NoticeFile]) -> list[dict[str, str]]:
    """The array for `/delivery/attachments/preload`; `preloadIdx` is the file's place."""
    return [
        {"preloadIdx": str(place), "contentType": file.media_type, "sha256": checksum(file.sha256)}
        for place, file in enumerate(files)
    ]


def new_request(
    notice: Notice, legal: Legal, settings: Settings, stored: Sequence[Stored], pair: tuple[str, str]
) -> dict[str, Any]:
    """SEND's NewNotificationRequestV26 for one recipient. `stored` is what is there of `enclosed`, `pair` is protocol
    number and token."""
    wish, many = legal.wish, len(legal.files)
    documents = [
        {"docIdx": str(place), "title": _NO_FILE_NAME.sub("-", file.title)[:MAX_TITLE], **_reference(PDF, there)}
        for place, (file, there) in enumerate(zip(legal.files, stored[:many], strict=True))
    ]
    request: dict[str, Any] = {
        "paProtocolNumber": pair[0],
        "idempotenceToken": pair[1],
        "subject": wish.subject,
        "abstract": wish.abstract,
        "recipients": [_recipient(notice, legal, stored[many:])],
        "documents": documents,
        "physicalCommunicationType": wish.physical_communication,
        "notificationFeePolicy": wish.fee_policy,
        "paFee": wish.fee_cents,
        "vat": wish.vat_percent,
        "pagoPaIntMode": wish.payment_update,
        "senderDenomination": settings.sender_name,
        "senderTaxId": settings.sender_tax_code,
        "group": settings.group,
        "taxonomyCode": wish.taxonomy_code,
        "additionalLanguages": None if wish.additional_language is None else [wish.additional_language],
    }
    return _without_nothing(request)


def _reference(media_type: str, there: Stored) -> dict[str, Any]:
    return {
        "contentType": media_type,
        "digests": {"sha256": checksum(there.sha256)},
        "ref": {"key": there.key, "versionToken": there.version},
    }


def _recipient(notice: Notice, legal: Legal, forms: Sequence[Stored]) -> dict[str, Any]:
    wish = legal.wish
    # An organisation's code has eleven digits, a person's sixteen characters.
    kind = "PG" if len(notice.tax_code) == 11 else "PF"
    applied = wish.fee_policy == "DELIVERY_MODE"
    first = min((each.instalment for each in legal.payments if each.instalment is not None), default=None)
    payments: list[dict[str, Any]] = [
        {"pagoPa": _payment(each, applied and each.instalment in (None, first))} for each in legal.payments
    ]
    for form, there in zip(wish.f24, forms, strict=True):
        f24 = {"title": form.title, "applyCost": applied, "metadataAttachment": _reference(JSON, there)}
        payments.append({"f24": f24})
    return _without_nothing(
        {
            "recipientType": kind,
            "taxId": notice.tax_code,
            "denomination": wish.recipient_name,
            "digitalDomicile": None if wish.pec is None else {"type": "PEC", "address": wish.pec},
            "physicalAddress": None if wish.postal_address is None else _address(wish.postal_address),
            "payments": payments or None,
        }
    )


def _payment(payment: PaymentData, applied: bool) -> dict[str, Any]:
    # DELIVERY_MODE wants the costs on a payment of each kind, FLAT_RATE on none. SEND asks for all of them with each
    # notice that has them: of instalments it is the first, or they would be paid with each.
    return {"noticeCode": payment.notice_number, "creditorTaxId": payment.creditor_tax_code, "applyCost": applied}


def _address(address: PostalAddress) -> dict[str, Any]:
    return _without_nothing(
        {
            "at": address.at,
            "address": address.address,
            "addressDetails": address.address_details,
            "zip": address.zip,
            "municipality": address.municipality,
            "municipalityDetails": address.municipality_details,
            "province": address.province,
            "foreignState": address.foreign_state,
        }
    )


def _without_nothing(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
