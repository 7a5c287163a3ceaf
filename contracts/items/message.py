"""Messages: the body writes to the citizen."""

from typing import Annotated, Final, Literal

from pydantic import Field

from ..base import Code, HttpsUrl, Label, Markdown, MediaType, Model, Sha256Hex, UtcDatetime
from .envelope import Envelope

MessageKind = Literal[
    "info",
    "status_change",
    "integration_request",
    "outcome",
    "deadline_reminder",
    "payment_notice",
    "document_issued",
    "service_opening",
    "broadcast",
    "alert",
]

ALWAYS_TOLD: Final[frozenset[MessageKind]] = frozenset({"integration_request", "outcome", "alert"})
"""What the person asked for or must act on cannot be switched off (email-and-pec, "List-Unsubscribe")."""


class Attachment(Model):
    """A file the message refers to; it stays where the vendor keeps it."""

    filename: Label
    media_type: MediaType
    url: HttpsUrl
    size: Annotated[int, Field(ge=1, le=104_857_600, json_schema_extra={"format": "int64"})] | None = None
    sha256: Sha256Hex | None = None


class Message(Envelope):
    """A message. States: scheduled, published, withdrawn, expired; they follow `visible_from` and `expires_at`."""

    collection: Literal["messages"] = "messages"
    kind: MessageKind = "info"
    body_markdown: Markdown
    attachments: Annotated[tuple[Attachment, ...], Field(max_length=20, fail_fast=True)] = ()
    requires_confirmation: bool = False
    is_legal_service: Literal[False] = False
    thread_id: Code | None = None
    reply_url: HttpsUrl | None = None
    due_at: UtcDatetime | None = None
