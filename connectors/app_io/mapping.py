"""Canonical to App IO and back, without any I/O. Source of every limit and status: `spec/app-io.md`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from connectors.base.http import Answer, retry_after
from contracts.connector import Notice, PaymentData
from contracts.failures import Deferred, Failure, Misconfigured, Rejected, Skipped, Unconfirmed
from contracts.identifiers import check_tax_code

from .text import markdown, markdown_elsewhere, subject

Row = tuple[type[Failure], str]

# POST /profiles. It changes nothing, so that whatever is not an answer may be asked again.
PROFILE: Mapping[int, Row] = {
    400: (Rejected, "io.bad_request"),
    401: (Misconfigured, "io.key_refused"),
    403: (Misconfigured, "io.not_authorised"),
    404: (Skipped, "io.not_registered"),
    408: (Deferred, "io.busy"),
    429: (Deferred, "io.busy"),
}
# POST /messages. IO knows no idempotency key: what it did not clearly refuse is unconfirmed.
# 403 pauses the connector: after a profile with `sender_allowed`, and as no payee and no default address is ever sent,
# it is about the service (not approved for production, without the permission for ADVANCED messages or remote content,
# source address) and would meet every citizen.
SEND: Mapping[int, Row] = {
    400: (Rejected, "io.bad_request"),
    401: (Misconfigured, "io.key_refused"),
    403: (Misconfigured, "io.not_authorised"),
    404: (Misconfigured, "io.not_the_api"),
    405: (Misconfigured, "io.not_the_api"),
    408: (Deferred, "io.busy"),
    415: (Misconfigured, "io.not_the_api"),
    429: (Deferred, "io.busy"),
}
# Message status -> what comes of the delivery. A value that is not here, and IO may add some, is waited upon.
STATUS: Mapping[str, Literal["wait", "done"] | Row] = {
    "ACCEPTED": "wait",
    "THROTTLED": "wait",
    "PROCESSED": "done",
    "REJECTED": (Rejected, "io.message_rejected"),
    "FAILED": (Rejected, "io.message_failed"),
}

KEY_HEADER = "Ocp-Apim-Subscription-Key"
AMOUNT_CENTS = range(1, 9_999_999_999 + 1)
MAX_STATUS_DELAY_S = 3600.0

_NOT_THE_API: Row = (Misconfigured, "io.not_the_api")
_WAIT_IN_TEXT = re.compile(r"try again in ([0-9]{1,5}) second", re.IGNORECASE)
# A ULID by IO's description; wider, but never something that could be a path or a person.
_MESSAGE_ID = re.compile(r"^[0-9A-Za-z_-]{20,64}$")


@dataclass(frozen=True, slots=True)
class Remote:
    """What the app has to know of text and files that stay here."""

    configuration_id: str
    precondition: Literal["ALWAYS", "ONCE", "NEVER"] = "NEVER"


@dataclass(frozen=True, slots=True)
class Service:
    """What the mapping needs to know of the service that sends."""

    time_to_live: int = 3600
    organization_tax_code: str | None = None
    advanced: bool = False
    remote: Remote | None = None
    key: str = field(default="", repr=False)


def recipient(notice: Notice) -> str:
    """The tax code, if IO can know it.

    Raises:
        Skipped: it belongs to an organisation; only people are on IO.
    """
    try:
        return check_tax_code(notice.tax_code)
    except ValueError:
        raise Skipped("io.not_a_person") from None


def new_message(notice: Notice, service: Service) -> dict[str, Any]:
    """IO's NewMessage.

    A sensitive notice says that something waits and nothing else: no payment, no due date, no copy by e-mail; and its
    text is not for the app at all. Where the app fetches the text, the message itself only says what it is about.
    """
    remote = None if notice.sensitive else service.remote
    text = markdown(notice) if remote is None else markdown_elsewhere(notice)
    content: dict[str, Any] = {"subject": subject(notice), "markdown": text}
    if remote is not None:
        content["third_party_data"] = third_party_data(notice, remote)
    if notice.sensitive:
        content["require_secure_channels"] = True
    else:
        if notice.due_at is not None:
            content["due_date"] = _utc(notice.due_at)
        if notice.payment is not None and _payable(notice.payment, service):
            content["payment_data"] = payment_data(notice.payment, has_due_date=notice.due_at is not None)
    message = {"fiscal_code": recipient(notice), "time_to_live": service.time_to_live, "content": content}
    return message | ({"feature_level_type": "ADVANCED"} if service.advanced else {})


def third_party_data(notice: Notice, remote: Remote) -> dict[str, Any]:
    """IO's ThirdPartyData. Our name of it is the delivery's id, by which IO asks for the rest."""
    return {
        "id": notice.delivery_id,
        "original_sender": notice.ente_name,
        "original_receipt_date": _utc(notice.created_at),
        "has_attachments": notice.has_files,
        "has_remote_content": True,
        "has_precondition": remote.precondition,
        "configuration_id": remote.configuration_id,
    }


def payment_data(payment: PaymentData, *, has_due_date: bool) -> dict[str, Any]:
    """IO's PaymentData, without `payee`: that needs a permission, and IO fills in the service's organisation."""
    return {
        "amount": payment.amount_cents,
        "notice_number": payment.notice_number,
        "invalid_after_due_date": payment.invalid_after_due and has_due_date,
    }


def _payable(payment: PaymentData, service: Service) -> bool:
    own = service.organization_tax_code in (None, payment.creditor_tax_code)
    return own and payment.amount_cents in AMOUNT_CENTS


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def profile_failure(answer: Answer) -> Failure:
    """What a profile's answer other than 200 means."""
    fallback = _NOT_THE_API if 300 <= answer.status < 500 else (Deferred, "io.unavailable")
    row = PROFILE.get(answer.status, fallback)
    if answer.status == 404 and not _speaks_io(answer):
        # Else a mistyped address would pass for a town in which nobody uses IO.
        row = _NOT_THE_API if answer.complete else (Deferred, "io.unavailable")
    return _failure(row, answer)


def send_failure(answer: Answer, message: Mapping[str, Any]) -> Failure:
    """What the answer other than 201 to a new message means."""
    if answer.status in range(300, 400):
        fallback = _NOT_THE_API
    elif answer.status in range(400, 500):
        fallback = (Rejected, "io.bad_request")
    else:
        fallback = (Unconfirmed, "io.no_clear_answer")
    # IO refuses payments above the service's limit with a bare 400, and the limit of a new service is 0.
    hint = ""
    if answer.status == 400 and "payment_data" in message["content"]:
        hint = ", is the service's max_allowed_payment_amount enough?"
    elif answer.status == 403 and "feature_level_type" in message:
        hint = ", may the service send ADVANCED messages?"
    return _failure(SEND.get(answer.status, fallback), answer, hint)


def _failure(row: Row, answer: Answer, hint: str = "") -> Failure:
    # Only the number: IO's `detail` may repeat what was sent.
    kind, reason = row
    detail = f"status {answer.status}{hint}"
    return Deferred(reason, detail, after=wish(answer)) if kind is Deferred else kind(reason, detail)


def _speaks_io(answer: Answer) -> bool:
    """Whether a 404 comes from IO itself: an empty body or a problem, not the gateway's form and not a web page."""
    return not answer.body if not answer.object() else "statusCode" not in answer.object()


def wish(answer: Answer) -> timedelta | None:
    """How long IO asks to wait: the header, else the number in the gateway's sentence, else None."""
    told = retry_after(answer)
    if told is None:
        body = answer.object()
        # The gateway writes `message`, IO itself writes `detail`.
        found = _WAIT_IN_TEXT.search(f"{body.get('message')} {body.get('detail')}")
        told = timedelta(seconds=int(found[1])) if found else None
    return told


def outcome_of(status: object) -> Literal["wait", "done"] | Row:
    """What a message's status means."""
    return STATUS.get(status, "wait") if isinstance(status, str) else "wait"


def message_id(answer: Answer) -> str | None:
    """The new message's id: from the body, else the last part of `Location`; None when neither has one."""
    location = answer.headers.get("location", "").rstrip("/").rpartition("/")[2]
    for found in (answer.object().get("id"), location):
        if isinstance(found, str) and _MESSAGE_ID.match(found):
            return found
    return None


def wait_s(checks: int, first_s: float, most_s: float) -> float:
    """The wait before question number `checks`, counted from 0: each is three times the one before, up to `most_s`."""
    return min(first_s * 3.0 ** min(checks, 20), most_s)


def status_delay(checks: int, first_s: float) -> timedelta:
    """The wait before question number `checks` for a status."""
    return timedelta(seconds=wait_s(checks, first_s, MAX_STATUS_DELAY_S))
