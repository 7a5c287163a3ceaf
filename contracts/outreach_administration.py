"""Broadcasts and ranked lists, as those see them who are responsible for a service (`api.md` 3; S41, S45-S47)."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from .administration import Count
from .base import LINE, Code, Day, Label, Model, Summary, Title, UtcDatetime
from .broadcasts import Broadcast, impersonal
from .identifiers import Uuid7
from .publishing import Cursor
from .work_administration import DeliveryReason

BroadcastState = Literal["running", "stopped", "done"]
ListState = Literal["draft", "published", "withdrawn"]
Pseudonym = Annotated[str, StringConstraints(min_length=1, max_length=20), LINE]


PublicTitle = Annotated[Title, AfterValidator(impersonal)]
PublicReason = Annotated[Summary, AfterValidator(impersonal)]


class BroadcastSample(Model):
    """What they would read, with the service's name in the places."""

    title: Annotated[str, StringConstraints(max_length=1000)]
    body: Annotated[str, StringConstraints(max_length=100_000)]


class BroadcastPreview(Model):
    """How many persons a broadcast would reach, and what they would read."""

    persons: Count
    it: BroadcastSample
    en: BroadcastSample | None


class BroadcastWish(Model):
    """A broadcast to begin: to as many persons as its preview said, and no others."""

    broadcast: Broadcast
    expected_persons: Annotated[int, Field(ge=1, le=2_147_483_647)]


class BroadcastDelivery(Model):
    """How many deliveries came that far."""

    channel: Code
    state: Code
    reason: DeliveryReason | None
    count: Count


class BroadcastView(Model):
    """A broadcast, and how far it is."""

    broadcast_id: Uuid7
    code: Code
    state: BroadcastState
    expected: Count
    written: Count
    failed: Count
    created_at: UtcDatetime
    ended_at: UtcDatetime | None


class BroadcastOutcome(Model):
    """What has become of its messages: each delivery is counted when it is asked for."""

    deliveries: Annotated[tuple[BroadcastDelivery, ...], Field(max_length=1000, fail_fast=True)]


class BroadcastPage(Model):
    """The broadcasts, oldest first."""

    items: Annotated[tuple[BroadcastView, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None


class NewRankedList(Model):
    """A list to be frozen as the subscriptions stand now; nobody reads it until it is published."""

    code: Code
    title: PublicTitle


class ListPublication(Model):
    """The last day on which anybody can read the list."""

    until: Day


class ListCorrection(Model):
    """Why the list is frozen anew: everybody reads it."""

    reason: PublicReason


class ListEntry(Model):
    """A subscription in its place, under its pseudonym."""

    position: Count
    pseudonym: Pseudonym
    state: Code
    tied: bool
    shown: Any
    """The numbers that ordered it."""


class CorrectionLine(Model):
    """A line of the list's public log."""

    at: UtcDatetime
    reason: PublicReason
    changed: Count


class RankedListView(Model):
    """A ranked list as it is frozen."""

    list_id: Uuid7
    code: Code
    title: Label
    state: ListState
    size: Count
    frozen_at: UtcDatetime
    published_at: UtcDatetime | None
    until: UtcDatetime | None
    withdrawn_at: UtcDatetime | None
    corrections: Annotated[tuple[CorrectionLine, ...], Field(max_length=10_000, fail_fast=True)] = ()
    """Of one list alone, as `entries`."""
    entries: Annotated[tuple[ListEntry, ...], Field(max_length=10_000, fail_fast=True)] = ()


class RankedListPage(Model):
    """The lists, oldest first."""

    items: Annotated[tuple[RankedListView, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None
