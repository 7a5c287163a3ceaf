"""Batches of items as vendors send them, and what they are told of them."""

from typing import Annotated, Literal

from pydantic import Field

from .base import Model, UtcDatetime
from .identifiers import ExternalId, Uuid7
from .items import Application, Deadline, Document, Message, Payment, Receipt, Service, Subscription
from .problem import MAX_FAULTS, FieldError, ProblemCode
from .publishing import Collection, DigestText, MessageId, VersionNumber

MOST_ITEMS = 500
Count = Annotated[int, Field(ge=0, le=MOST_ITEMS, json_schema_extra={"format": "int32"})]


class MessageEntry(Model):
    """A message in a batch, as it would be published alone."""

    collection: Literal["messages"]
    item: Message


class DocumentEntry(Model):
    """A document in a batch, as it would be published alone."""

    collection: Literal["documents"]
    item: Document


class PaymentEntry(Model):
    """A payment in a batch, as it would be published alone."""

    collection: Literal["payments"]
    item: Payment


class ReceiptEntry(Model):
    """A receipt in a batch, as it would be published alone."""

    collection: Literal["receipts"]
    item: Receipt


class ApplicationEntry(Model):
    """An application in a batch, as it would be published alone."""

    collection: Literal["applications"]
    item: Application


class SubscriptionEntry(Model):
    """A subscription in a batch, as it would be published alone."""

    collection: Literal["subscriptions"]
    item: Subscription


class DeadlineEntry(Model):
    """A deadline in a batch, as it would be published alone."""

    collection: Literal["deadlines"]
    item: Deadline


class ServiceEntry(Model):
    """The card of a service in a batch, as it would be published alone."""

    collection: Literal["services"]
    item: Service


Entry = Annotated[
    MessageEntry
    | DocumentEntry
    | PaymentEntry
    | ReceiptEntry
    | ApplicationEntry
    | SubscriptionEntry
    | DeadlineEntry
    | ServiceEntry,
    Field(discriminator="collection"),
]


class ItemBatch(Model):
    """Up to 500 items of any collection, under one signature."""

    items: Annotated[tuple[Entry, ...], Field(min_length=1, max_length=MOST_ITEMS, fail_fast=True)]


class BatchReceipt(Model):
    """The answer to an accepted batch, signed by the hub: every item is durable."""

    batch_id: Uuid7
    state: Literal["running"]
    size: Count
    received_at: UtcDatetime
    request_digest: DigestText
    message_id: MessageId | None = None


class BatchStatus(Model):
    """How far a batch has come."""

    batch_id: Uuid7
    state: Literal["running"]
    size: Count
    decided: Count
    received_at: UtcDatetime


class BatchItemResult(Model):
    """What became of one item: its `outcome` and `item_id`, or the `code` of its refusal and where it is wrong."""

    position: Count
    collection: Collection | None
    external_id: ExternalId | None
    outcome: Literal["created", "updated", "unchanged", "superseded", "refused"]
    item_id: Uuid7 | None
    version: VersionNumber | None
    code: ProblemCode | None
    errors: Annotated[tuple[FieldError, ...], Field(max_length=MAX_FAULTS, fail_fast=True)]


class BatchResult(Model):
    """What became of each item, in the order of the batch; signed by the hub."""

    batch_id: Uuid7
    size: Count
    received_at: UtcDatetime
    finished_at: UtcDatetime
    request_digest: DigestText
    items: Annotated[tuple[BatchItemResult, ...], Field(min_length=1, max_length=MOST_ITEMS, fail_fast=True)]
