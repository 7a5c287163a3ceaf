"""Deadlines (scadenze): something is to be done, or ends, by a moment (S6)."""

from typing import Annotated, Literal

from pydantic import Field

from ..base import DaysAhead, Model, UtcDatetime
from ..identifiers import ExternalId
from .envelope import Envelope

DeadlineState = Literal["open", "met", "missed", "cancelled"]
DeadlineKind = Literal["citizen_duty", "body_duty", "expiry", "renewal_window", "pick_up"]


class Origin(Model):
    """The item that the deadline comes from."""

    collection: Literal["messages", "documents", "payments", "applications", "subscriptions"]
    external_id: ExternalId


class Deadline(Envelope):
    """A deadline. The hub makes one of every item that has something to be done by a moment; a source may publish more.

    `reminder_offsets` are days before `due_at` on which the citizen is reminded; without them those of the rule hold.
    """

    collection: Literal["deadlines"] = "deadlines"
    due_at: UtcDatetime
    kind: DeadlineKind = "citizen_duty"
    state: DeadlineState = "open"
    origin: Origin | None = None
    reminder_offsets: Annotated[tuple[DaysAhead, ...], Field(max_length=5, fail_fast=True)] | None = None
