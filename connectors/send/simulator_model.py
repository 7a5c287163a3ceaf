"""What the simulator knows of SEND's data: requests with their limits, problems, and the ledger of what was accepted.

Written from `spec/send.md` and SEND's description, and not from `mapping.py`, so that one's mistake is not the other's.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connectors.base.ledger import Ledger
from connectors.base.simulated_requests import is_json

_TAX_ID = r"^([A-Z]{6}[0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z]|[0-9]{11})$"
_DATE = r"^([0-9]{4})-(1[0-2]|0[1-9])-(3[01]|[12][0-9]|0[1-9])$"


def _text(most: int, least: int = 0, pattern: str = r"^.*$") -> StringConstraints:
    return StringConstraints(min_length=least, max_length=most, pattern=pattern)


Printable = Annotated[str, _text(256, pattern=r"^[ -~]*$")]
Sha256 = Annotated[str, _text(44, 44, r"^[A-Za-z0-9+/]{43}=$")]
PaTaxId = Annotated[str, _text(11, 11, r"^[0-9]+$")]
Iun = Annotated[str, _text(25, 25, r"^[A-Z]{4}-[A-Z]{4}-[A-Z]{4}-[0-9]{6}-[A-Z]-[0-9]$")]
Denomination = Annotated[str, _text(88, 1, "^[\x20-\x7b\x7d-\xff]+$")]
Percent = Annotated[int, Field(ge=0, le=100)]


class ClosedModel(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", alias_generator=to_camel)


_M = TypeVar("_M", bound=ClosedModel)


class PreLoad(ClosedModel):
    preload_idx: Annotated[str, _text(512, 1, r"^[a-zA-Z0-9._-]+$")] | None = None
    content_type: Literal["application/pdf", "application/json"]
    sha256: Sha256


class Digests(ClosedModel):
    sha256: Sha256


class Ref(ClosedModel):
    key: Annotated[str, _text(512, 1, r"^(safestorage://)?[A-Za-z0-9._-]+$")]
    version_token: Annotated[str, _text(256, 1)]


class Document(ClosedModel):
    title: Annotated[str, _text(512, 1)]
    digests: Digests
    content_type: Literal["application/pdf"]
    ref: Ref
    doc_idx: Annotated[str, _text(3, 1, r"^[0-9]+$")] | None = None


class DigitalDomicile(ClosedModel):
    type: Literal["PEC"]
    address: Annotated[str, _text(320, 3, r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]


class PhysicalAddress(ClosedModel):
    at: Annotated[str, _text(44)] | None = None
    address: Annotated[str, _text(1024, 2)]
    address_details: Annotated[str, _text(1024)] | None = None
    zip: Annotated[str, _text(15, 0, r"^(\w|\ |\-)*$")] | None = None
    municipality: Annotated[str, _text(256, 2)]
    municipality_details: Annotated[str, _text(256)] | None = None
    province: Annotated[str, _text(256)] | None = None
    foreign_state: Annotated[str, _text(256)] | None = None


class PagoPa(ClosedModel):
    notice_code: Annotated[str, _text(18, 18, r"^[0-9]{18}$")]
    creditor_tax_id: PaTaxId
    apply_cost: bool


class Metadata(ClosedModel):
    digests: Digests
    content_type: Literal["application/json"]
    ref: Ref


class F24(ClosedModel):
    title: str
    apply_cost: bool
    metadata_attachment: Metadata


class Payment(ClosedModel):
    pago_pa: PagoPa | None = None
    f24: F24 | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.pago_pa is None and self.f24 is None:
            raise ValueError("minProperties 1")
        return self


class Recipient(ClosedModel):
    recipient_type: Literal["PF", "PG"]
    tax_id: Annotated[str, _text(16, 11, _TAX_ID)]
    denomination: Denomination
    digital_domicile: DigitalDomicile | None = None
    physical_address: PhysicalAddress | None = None
    payments: list[Payment] | None = None


class NewRequest(ClosedModel):
    """NewNotificationRequestV26, without the PDF of a pagoPA notice."""

    pa_protocol_number: Annotated[str, _text(256, 1)]
    idempotence_token: Printable | None = None
    subject: Annotated[str, _text(134, 1)]
    abstract: Annotated[str, _text(1024)] | None = None
    recipients: Annotated[list[Recipient], Field(min_length=1, max_length=3)]
    documents: Annotated[list[Document], Field(min_length=1, max_length=15)]
    physical_communication_type: Literal["AR_REGISTERED_LETTER", "REGISTERED_LETTER_890"]
    notification_fee_policy: Literal["FLAT_RATE", "DELIVERY_MODE"]
    pa_fee: Percent | None = None
    vat: Percent | None = None
    sender_denomination: Denomination
    sender_tax_id: PaTaxId
    taxonomy_code: Annotated[str, _text(7, 7, r"^[0-9]{6}[A-Z]$")]
    pago_pa_int_mode: Literal["NONE", "SYNC", "ASYNC"] | None = None
    amount: int | None = None
    payment_expiration_date: Annotated[str, _text(10, 10, _DATE)] | None = None
    group: Annotated[str, _text(1024, 0, r"^[ -~]*$")] | None = None
    cancelled_iun: Iun | None = None
    additional_languages: Annotated[list[Literal["DE", "SI", "FR"]], Field(max_length=1)] | None = None
    physical_communication_priority: Percent = 0

    @model_validator(mode="after")
    def _together(self) -> Self:
        tax_ids = [each.tax_id for each in self.recipients]
        if len(set(tax_ids)) < len(tax_ids):
            raise ValueError("duplicated recipient taxId")
        items = [each for one in self.recipients for each in one.payments or []]
        forms = [each.f24 for each in items if each.f24 is not None]
        keys = [each.ref.key for each in self.documents] + [form.metadata_attachment.ref.key for form in forms]
        if len(set(keys)) < len(keys):
            raise ValueError("duplicated attachments")
        payments = [each.pago_pa for each in items if each.pago_pa is not None]
        notices = [(each.creditor_tax_id, each.notice_code) for each in payments]
        if len(set(notices)) < len(notices):
            raise ValueError("duplicated iuv")
        kinds = [[each.apply_cost for each in payments], [form.apply_cost for form in forms]]
        applied = [any(kind) for kind in kinds if kind]
        if self.notification_fee_policy == "DELIVERY_MODE":
            if self.pa_fee is None or self.vat is None:
                raise ValueError("paFee and vat are required for DELIVERY_MODE")
            if not applied or not all(applied):
                raise ValueError("DELIVERY_MODE requires applyCost on a payment of each kind")
        elif any(applied):
            raise ValueError("FLAT_RATE forbids applyCost")
        return self


class NewStream(ClosedModel):
    title: Annotated[str, _text(256, 1)]
    event_type: Literal["STATUS", "TIMELINE"]
    groups: list[str]
    filter_values: list[Annotated[str, _text(256, 4, r"^[A-Z_]+$")]] | None = None
    replaced_stream_id: str | None = None
    wait_for_accepted: bool | None = None


def problem(status: int, code: str, *details: str) -> JSONResponse:
    """SEND's own error form; `details` name places, never values."""
    errors = [{"code": code, "element": each} for each in details or ("-",)]
    body = {"type": "GENERIC_ERROR", "status": status, "title": "Scripted", "detail": code, "errors": errors}
    return JSONResponse(body, status, {}, "application/problem+json")


def gateway(status: int, message: str) -> JSONResponse:
    """What the gateway before it answers."""
    return JSONResponse({"message": message}, status)


def new_request_id() -> str:
    """36 characters of base64, as SEND makes them of an IUN."""
    return base64.b64encode(secrets.token_bytes(27)).decode()


def new_iun() -> str:
    letters = ["".join(secrets.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(4)) for _ in range(3)]
    return f"{'-'.join(letters)}-{datetime.now(UTC):%Y%m}-{secrets.choice('ABCDEFGHJKLMNP')}-1"


def digest(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


async def parse(request: Request, model: type[_M]) -> _M | Response:
    """The body as `model`, or the 400 that SEND would answer."""
    if not is_json(request):
        return problem(400, "PN_GENERIC_INVALIDPARAMETER", "content-type")
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        return problem(400, "PN_GENERIC_INVALIDPARAMETER", *places(error))


def places(error: ValidationError) -> list[str]:
    # SEND repeats the values; this one does not, as the text would end in a developer's log.
    return ["/".join(str(part) for part in found["loc"]) or found["type"] for found in error.errors()]


def is_form(content: bytes, payment: Mapping[str, Any]) -> bool:
    """Whether an upload is the data of one F24, with the costs on one of its lines where the payment has them."""
    try:
        forms = json.loads(content)
    except ValueError:
        return False
    known = {"f24Standard", "f24Simplified", "f24Excise", "f24Elid"}
    if not isinstance(forms, dict) or len(forms) != 1 or not forms.keys() <= known:
        return False
    return json.dumps(forms).count('"applyCost": true') == int(payment["applyCost"])


class Requests(Ledger):
    """Requests that were taken, and what became of them. Each entry is the whole state of one."""

    def __init__(self, path: Path) -> None:
        self.requests: dict[str, dict[str, Any]] = {}
        super().__init__(path)

    def take(self, entry: dict[str, Any]) -> None:
        self.requests[entry["notificationRequestId"]] = entry

    def by_pair(self, protocol: str, token: str) -> dict[str, Any] | None:
        return next((each for each in self.requests.values() if each["pair"] == [protocol, token]), None)

    def by_iun(self, iun: str) -> dict[str, Any] | None:
        return next((each for each in self.requests.values() if each.get("iun") == iun), None)


def moment() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
