"""What the publish API answers: the signed receipt, the vendor's view of an item, its timeline."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from .base import LINE, Code, Model, UtcDatetime
from .identifiers import ExternalId, Uuid7

Collection = Literal[
    "messages", "documents", "payments", "receipts", "applications", "subscriptions", "deadlines", "services"
]
Lifecycle = Literal["active", "withdrawn", "restricted", "erased"]
Outcome = Literal["created", "updated", "unchanged", "superseded"]
Notification = Literal["pending", "sent", "not_sent"]
DigestText = Annotated[str, StringConstraints(max_length=60, pattern=r"^SHA-256=[A-Za-z0-9+/]{43}=$")]
MessageId = Annotated[str, StringConstraints(min_length=1, max_length=256), LINE]
VersionNumber = Annotated[int, Field(ge=1, le=2_147_483_647, json_schema_extra={"format": "int32"})]
ShownVersion = Annotated[int, Field(ge=0, le=2_147_483_647, json_schema_extra={"format": "int32"})]
"""0 where the hub made the item ahead of its source: a payment of an instalment plan."""
Cursor = Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=r"^[A-Za-z0-9_-]+$")]


class PublicationReceipt(Model):
    """The answer to an accepted item, signed by the hub: evidence for both sides."""

    item_id: Uuid7
    external_id: ExternalId
    version: VersionNumber
    lifecycle: Lifecycle
    outcome: Outcome
    received_at: UtcDatetime
    request_digest: DigestText
    notification: Notification
    message_id: MessageId | None = None


class ContentReceipt(Model):
    """The answer to an uploaded file."""

    item_id: Uuid7
    state: Code
    outcome: Literal["created", "unchanged"]
    received_at: UtcDatetime
    request_digest: DigestText
    notification: Notification
    message_id: MessageId | None = None


class Withdrawal(Model):
    """A vendor takes an item back."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=500), LINE]


class WithdrawalReceipt(Model):
    item_id: Uuid7
    lifecycle: Literal["withdrawn"]
    received_at: UtcDatetime
    request_digest: DigestText
    message_id: MessageId | None = None


class TimelineEntry(Model):
    """A fact in an item's life. `data` holds codes and numbers, never personal data."""

    at: UtcDatetime
    event: Code
    data: Annotated[dict[str, Any], Field(default_factory=dict, max_length=20)]


class PublishedItem(Model):
    """What a vendor published and what became of it. The content itself stays with the citizen and the vendor."""

    item_id: Uuid7
    collection: Collection
    source: Code
    external_id: ExternalId
    version: ShownVersion
    lifecycle: Lifecycle
    state: Code
    received_at: UtcDatetime
    updated_at: UtcDatetime
    notification: Notification
    timeline: Annotated[tuple[TimelineEntry, ...], Field(max_length=500, fail_fast=True)]


class PublishedItems(Model):
    items: Annotated[tuple[PublishedItem, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None
