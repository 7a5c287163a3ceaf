"""Batches of items as vendors send them, and what they are told of them."""

from typing import Annotated, Literal

from pydantic import Field

from .base import Model, UtcDatetime
from .identifiers import ExternalId, Uuid7
from .items import Item
from .problem import MAX_FAULTS, FieldError, ProblemCode
from .publishing import Collection, DigestText, VersionNumber

MOST_ITEMS = 500
Count = Annotated[int, Field(ge=0, le=MOST_ITEMS, json_schema_extra={"format": "int32"})]


class BatchItem(Model):
    """One item of a batch, as it would be published alone."""

    collection: Collection
    item: Item


class ItemBatch(Model):
    """Up to 500 items of any collection, under one signature."""

    items: Annotated[tuple[BatchItem, ...], Field(min_length=1, max_length=MOST_ITEMS)]


class BatchReceipt(Model):
    """The answer to an accepted batch, signed by the hub: every item is durable."""

    batch_id: Uuid7
    state: Literal["running"]
    size: Count
    received_at: UtcDatetime
    request_digest: DigestText


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
    errors: Annotated[tuple[FieldError, ...], Field(max_length=MAX_FAULTS)]


class BatchResult(Model):
    """What became of each item, in the order of the batch; signed by the hub."""

    batch_id: Uuid7
    size: Count
    received_at: UtcDatetime
    finished_at: UtcDatetime
    request_digest: DigestText
    items: Annotated[tuple[BatchItemResult, ...], Field(min_length=1, max_length=MOST_ITEMS)]
