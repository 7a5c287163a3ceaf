"""What the simulator knows of IO's data: NewMessage with its limits, problems, and the ledger of accepted messages.

Written from `spec/app-io.md` and not from `mapping.py`, so that one's mistake is not the other's.
"""

import hashlib
import json
import re
import secrets
import time
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse

from connectors.base.ledger import Ledger
from connectors.base.simulated_requests import bears_key, is_json

_FISCAL_CODE = r"^[A-Z]{6}[0-9LMNPQRSTUV]{2}[ABCDEHLMPRST][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z]$"
_UTC = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3])(:[0-5][0-9]){2}(\.[0-9]{1,3})?Z$"
GATEWAY = {401: "Access denied due to missing or invalid subscription key.", 429: "Rate limit is exceeded."}
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def _between(least: int, most: int) -> AfterValidator:
    def check(value: str) -> str:
        # IO counts JavaScript's characters.
        if not least <= len(value.encode("utf-16-le")) // 2 <= most:
            raise ValueError(f"must have {least} to {most} characters")
        return value

    return AfterValidator(check)


FiscalCode = Annotated[str, StringConstraints(pattern=_FISCAL_CODE)]
Timestamp = Annotated[str, StringConstraints(pattern=_UTC)]
NonEmpty = Annotated[str, StringConstraints(min_length=1)]


class Closed(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Profile(Closed):
    fiscal_code: FiscalCode


class Payee(Closed):
    fiscal_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{11}$")]


class PaymentData(Closed):
    amount: Annotated[int, Field(ge=1, le=9_999_999_999)]
    notice_number: Annotated[str, StringConstraints(pattern=r"^[0123][0-9]{17}$")]
    invalid_after_due_date: bool = False
    payee: Payee | None = None


class ThirdPartyData(Closed):
    id: NonEmpty
    original_sender: NonEmpty | None = None
    original_receipt_date: Timestamp | None = None
    has_attachments: bool = False
    has_remote_content: bool = False
    has_precondition: Literal["ALWAYS", "ONCE", "NEVER"] | None = None
    summary: NonEmpty | None = None
    configuration_id: NonEmpty | None = None


class Content(Closed):
    subject: Annotated[str, _between(10, 120)]
    markdown: Annotated[str, _between(80, 10_000)]
    due_date: Timestamp | None = None
    require_secure_channels: bool = False
    payment_data: PaymentData | None = None
    third_party_data: ThirdPartyData | None = None


class DefaultAddresses(Closed):
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None


class NewMessage(Closed):
    """The form with the tax code in the body, which therefore is required."""

    fiscal_code: FiscalCode
    content: Content
    time_to_live: Annotated[int, Field(ge=3600, le=604_800)] = 3600
    feature_level_type: Literal["STANDARD", "ADVANCED"] = "STANDARD"
    default_addresses: DefaultAddresses | None = None


_M = TypeVar("_M", bound=BaseModel)


async def parse(request: Request, model: type[_M]) -> _M | JSONResponse:
    """The body as `model`, or the 400 that IO would answer."""
    if not is_json(request):
        return problem(400, "Bad Request", "The content type is not application/json.")
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        # IO's decoder repeats the values; this one does not, as the text would end in a developer's log.
        places = ("/".join(str(part) for part in found["loc"]) + f": {found['type']}" for found in error.errors())
        return problem(400, f"Invalid {model.__name__}", "; ".join(places))


def problem(status: int, title: str, detail: str) -> JSONResponse:
    """IO's own error form (the gateway's is another)."""
    return JSONResponse({"title": title, "status": status, "detail": detail}, status, {}, "application/problem+json")


def gateway_error(status: int) -> JSONResponse:
    """The form of the gateway, which answers before IO does."""
    return JSONResponse({"statusCode": status, "message": GATEWAY[status]}, status)


def refused_key(request: Request, known: Collection[str] | None) -> JSONResponse | None:
    """The gateway's answer to a request that bears none of these keys; None: any will do."""
    return None if bears_key(request, known) else gateway_error(401)


def shape_of_fiscal_code(value: str) -> bool:
    return re.match(_FISCAL_CODE, value) is not None


class Messages(Ledger):
    """The accepted messages, by id."""

    def __init__(self, path: Path) -> None:
        self.messages: dict[str, dict[str, Any]] = {}
        super().__init__(path)

    def take(self, entry: dict[str, Any]) -> None:
        self.messages[entry["message_id"]] = entry

    def add(self, fiscal_code: str, body: bytes) -> dict[str, Any]:
        """Store a message under a new id; it is on the disk when this returns."""
        stored = {
            "at": datetime.now(UTC).isoformat(),
            "message_id": ulid(),
            "fiscal_code": fiscal_code,
            "sha256": hashlib.sha256(body).hexdigest(),
            "message": json.loads(body),
        }
        self.append(stored)
        return stored

    def public(self, stored: dict[str, Any], organization: str) -> dict[str, Any]:
        """A stored message as IO shows it to its sender (ExternalCreatedMessageWithContent)."""
        message = stored["message"]
        content = dict(message["content"])
        if "payment_data" in content:
            content["payment_data"] = {"payee": {"fiscal_code": organization}} | content["payment_data"]
        return {
            "id": stored["message_id"],
            "fiscal_code": stored["fiscal_code"],
            "created_at": stored["at"].replace("+00:00", "Z"),
            "content": content,
            "sender_service_id": "SIMULATED-SERVICE",
            "feature_level_type": message.get("feature_level_type", "STANDARD"),
            "time_to_live": message.get("time_to_live", 3600),
        }


def ulid() -> str:
    """A new name in IO's form."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "".join(_CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))
