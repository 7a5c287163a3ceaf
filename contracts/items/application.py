"""Applications (pratiche): what the citizen asked the body for, and how far it has come."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from ..base import LINE, Code, Day, HttpsUrl, Label, Model, Summary, UtcDatetime
from ..party import EmailAddress
from .document import Protocol
from .envelope import Envelope

ApplicationState = Literal[
    "draft",
    "awaiting_payment",
    "submitted",
    "registered",
    "in_progress",
    "integration_requested",
    "integration_submitted",
    "suspended",
    "completed",
    "withdrawn",
    "revoked",
    "expired",
]
Order = Annotated[int, Field(ge=1, le=100, json_schema_extra={"format": "int32"})]
Phone = Annotated[str, StringConstraints(min_length=3, max_length=30, pattern=r"^[+0-9][0-9 ./()-]*$")]


class SourceStatus(Model):
    """The source's own word for the state, shown beside the canonical one (S25)."""

    code: Code
    label: Label


class FormStep(Model):
    """A page of the form that the citizen fills in (C.SE.1.8)."""

    order: Order
    title: Label
    state: Literal["done", "current", "to_do"]


class ProcedureStep(Model):
    """A milestone of the procedure, past or to come (C.SE.1.9)."""

    order: Order
    title: Label
    state: Literal["done", "current", "to_do", "skipped"]
    planned_on: Day | None = None
    done_at: UtcDatetime | None = None


class Integration(Model):
    """What the body still needs of the citizen, and until when (S29)."""

    requested_at: UtcDatetime
    due_at: UtcDatetime | None = None
    reason: Summary


class Office(Model):
    """Whom to ask."""

    name: Label
    address: Summary | None = None
    email: EmailAddress | None = None
    phone: Phone | None = None


class Milestone(Model):
    """A state that the application was in before the hub heard of it: told by the source, oldest first."""

    at: UtcDatetime
    state: ApplicationState
    label: Label | None = None


class Application(Envelope):
    """An application. Its recipient is the applicant; `contracts.states` has its states.

    `due_date` is the last day on which the body answers (S23); what the citizen must do by when is in `integration` and
    `draft_expires_at`. A draft is kept at least a year from `last_edited_at`, or from when the hub heard of it.
    """

    collection: Literal["applications"] = "applications"
    state: ApplicationState
    source_status: SourceStatus | None = None
    turn: Literal["citizen", "body", "none"] | None = None
    reference_number: Annotated[str, StringConstraints(min_length=1, max_length=64), LINE] | None = None
    protocol: Protocol | None = None
    outcome: Literal["accepted", "rejected"] | None = None
    outcome_reason: Summary | None = None
    submitted_at: UtcDatetime | None = None
    taken_charge_at: UtcDatetime | None = None
    due_date: Day | None = None
    closed_at: UtcDatetime | None = None
    form_steps: Annotated[tuple[FormStep, ...], Field(max_length=30, fail_fast=True)] = ()
    procedure_steps: Annotated[tuple[ProcedureStep, ...], Field(max_length=50, fail_fast=True)] = ()
    resume_url: HttpsUrl | None = None
    last_edited_at: UtcDatetime | None = None
    draft_expires_at: UtcDatetime | None = None
    integration: Integration | None = None
    office: Office | None = None
    history: Annotated[tuple[Milestone, ...], Field(max_length=100, fail_fast=True)] = ()

    @model_validator(mode="after")
    def _what_its_state_needs(self) -> Self:
        if self.state == "draft" and self.resume_url is None:
            raise ValueError("Una bozza vuole resume_url / a draft needs resume_url")
        if self.state == "integration_requested" and self.integration is None:
            raise ValueError("integration_requested vuole integration / integration_requested needs integration")
        if self.outcome is not None and self.state not in ("completed", "revoked"):
            raise ValueError("outcome vale solo a pratica conclusa / outcome belongs to a completed application")
        if self.taken_charge_at and self.submitted_at and self.taken_charge_at < self.submitted_at:
            raise ValueError("taken_charge_at precede submitted_at / taken_charge_at is before submitted_at")
        for steps in (self.form_steps, self.procedure_steps):
            if len({step.order for step in steps}) != len(steps):
                raise ValueError("Due passi con lo stesso ordine / two steps have the same order")
        return self
