"""Messages: the body writes to the citizen."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from ..base import Code, HttpsUrl, Label, Markdown, MediaType, Model, Sha256Hex, UtcDatetime
from .envelope import Envelope
from .legal import MOST_DOCUMENTS

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

    @property
    def notified(self) -> tuple[str, ...]:
        """The external_ids of the documents that it notifies by SEND, in order; empty where it does not."""
        return self._linked("document") if self.notify.legal is not None else ()

    @property
    def asked_to_pay(self) -> tuple[str, ...]:
        """Those of the payments that go with the notification."""
        return self._linked("payment") if self.notify.legal is not None else ()

    def _linked(self, rel: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(link.external_id for link in self.links if link.rel == rel))

    @model_validator(mode="after")
    def _notifies_something(self) -> Self:
        if self.notify.legal is None:
            return self
        if not 1 <= len(self.notified) <= MOST_DOCUMENTS:
            raise ValueError(
                "Una notifica con send vuole dei documenti / "
                f"a notification by send needs links to 1 to {MOST_DOCUMENTS} documents"
            )
        legal = self.notify.legal
        if len(self.notified) + len(legal.f24) > MOST_DOCUMENTS:
            raise ValueError(
                f"Troppi documenti e modelli F24 / documents and forms of f24 are {MOST_DOCUMENTS} at most"
            )
        if legal.fee_policy == "DELIVERY_MODE" and not (self.asked_to_pay or legal.f24):
            raise ValueError(
                "DELIVERY_MODE vuole un pagamento o un F24 / "
                "fee_policy DELIVERY_MODE needs a link to a payment or an f24, which the costs are added to"
            )
        return self
