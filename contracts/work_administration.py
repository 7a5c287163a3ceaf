"""Deliveries, quarantine and previews of sources, as operators look after them (`api.md` 3). No personal data."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from .administration import Count, Sentence
from .base import LINE, Code, Model, UtcDatetime
from .connector_administration import VersionNumber
from .feed import DeliveryState
from .identifiers import Uuid7
from .publishing import Cursor

DeliveryReason = Annotated[str, StringConstraints(min_length=1, max_length=100), LINE]
RecordName = Annotated[str, StringConstraints(min_length=1, max_length=300), LINE]
Place = Annotated[str, StringConstraints(max_length=500), LINE]


class DeliveryAttempt(Model):
    """One attempt of a delivery."""

    started_at: UtcDatetime
    ended_at: UtcDatetime | None
    outcome: DeliveryReason | None
    reason: DeliveryReason | None
    detail: Sentence | None


class AdminDelivery(Model):
    """A delivery as an operator sees it."""

    delivery_id: Uuid7
    connector_id: Code | Literal["-"]
    channel: Code
    state: DeliveryState
    reason: DeliveryReason | None
    attempts: Count
    created_at: UtcDatetime
    due_at: UtcDatetime
    updated_at: UtcDatetime
    expires_at: UtcDatetime
    replayable: bool
    attempt_log: Annotated[tuple[DeliveryAttempt, ...], Field(max_length=10_000, fail_fast=True)] = ()
    """Of one delivery alone."""


class AdminDeliveryPage(Model):
    """The deliveries, newest first."""

    items: Annotated[tuple[AdminDelivery, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None


class ReplayWish(Model):
    """Whether only to say what would go out."""

    dry_run: bool = False


class PreviewedCall(Model):
    """One call that the delivery would make; of each value only its length."""

    call: Sentence
    field_lengths: Any


class Replay(Model):
    """What became of a replay, or would."""

    delivery_id: Uuid7
    outcome: Literal["queued", "would_be_queued", "would_fail"]
    connector_id: Code
    reason: DeliveryReason | None
    calls: Annotated[tuple[PreviewedCall, ...], Field(max_length=100, fail_fast=True)]


class SourceFault(Model):
    """Why a record cannot become an item, with its place."""

    pointer: Place
    code: Code
    detail: Place


class QuarantineEntry(Model):
    """A record of a source that did not fit."""

    quarantine_id: Uuid7
    connector_id: Code
    record_name: RecordName
    collection: Annotated[str, StringConstraints(max_length=20), LINE]
    wrong: Annotated[tuple[SourceFault, ...], Field(max_length=100, fail_fast=True)]
    decided: Annotated[str, StringConstraints(min_length=1, max_length=20), LINE] | None
    times: Count
    first_at: UtcDatetime
    last_at: UtcDatetime


class QuarantinePage(Model):
    """What waits for a person, oldest first."""

    items: Annotated[tuple[QuarantineEntry, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None


class MappingPreviewWish(Model):
    """A sample, as the source would send it, and the connector that is to read it."""

    connector_id: Code
    version: VersionNumber | None = None
    sample: Annotated[str, Field(max_length=500_000)]


class PreviewedRecord(Model):
    """What a record of the sample becomes: an item, or every reason why not."""

    record_name: RecordName
    collection: Annotated[str, StringConstraints(max_length=20), LINE]
    item: Any
    wrong: Annotated[tuple[SourceFault, ...], Field(max_length=200, fail_fast=True)]
    is_withdrawn: bool
    withdrawn_reason: Sentence | None = None
    """Why it would be taken back: the source says so, or a list that is all it has lacks it."""


class MappingPreview(Model):
    """What the records of a sample become; nothing is kept."""

    records: Annotated[tuple[PreviewedRecord, ...], Field(max_length=100, fail_fast=True)]
    has_more: bool
