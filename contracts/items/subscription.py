"""Subscriptions (iscrizioni): a person is enrolled in a service, for a time."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from ..base import LINE, Code, Day, Model, Summary
from ..identifiers import AmountCents, ExternalId
from .envelope import Envelope

SubscriptionState = Literal[
    "requested", "waitlisted", "active", "renewal_due", "renewed", "suspended", "cancelled", "ended"
]
Rule = Literal["auto", "manual", "none"]
Place = Annotated[int, Field(ge=1, le=1_000_000, json_schema_extra={"format": "int32"})]


class PlannedInstallment(Model):
    """One payment of the plan, which becomes a payment of its own ahead of its date (S38)."""

    n: Annotated[int, Field(ge=1, le=120, json_schema_extra={"format": "int32"})]
    amount_cents: AmountCents
    due_date: Day
    reason: Annotated[str, StringConstraints(min_length=1, max_length=140), LINE]
    payment_external_id: ExternalId | None = None
    """The payment by which the source asks for it, where the source does."""


class Attribute(Model):
    """A fact by which lists are ordered and statistics are made (S42, S46): a score, a distance, an area."""

    code: Code
    number: Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000, json_schema_extra={"format": "int32"})] | None = (
        None
    )
    text: Annotated[str, StringConstraints(min_length=1, max_length=60), LINE] | None = None

    @model_validator(mode="after")
    def _one_value(self) -> Self:
        if (self.number is None) == (self.text is None):
            raise ValueError("an attribute has a number or a text")
        return self


class Subscription(Envelope):
    """A subscription. Its recipient is the holder; the child, and who holds it as well, are among `beneficiaries`.

    Unless the source says otherwise, `renewal` and `cancellation` are those of the subscription service (`settled` 15).
    """

    collection: Literal["subscriptions"] = "subscriptions"
    subscription_service: Code
    state: SubscriptionState
    valid_from: Day
    valid_to: Day | None = None
    renewal: Rule | None = None
    cancellation: Rule | None = None
    renewal_of: ExternalId | None = None
    waiting_position: Place | None = None
    rank: Place | None = None
    payment_plan: Annotated[tuple[PlannedInstallment, ...], Field(max_length=120, fail_fast=True)] = ()
    plan_total_cents: AmountCents | None = None
    attributes: Annotated[tuple[Attribute, ...], Field(max_length=20, fail_fast=True)] = ()
    reason: Summary | None = None

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("valid_to is before valid_from")
        numbers = [part.n for part in self.payment_plan]
        if numbers != list(range(1, len(numbers) + 1)):
            raise ValueError("the instalments are numbered 1, 2, 3 ... in their order")
        days = [part.due_date for part in self.payment_plan]
        if days != sorted(days):
            raise ValueError("an instalment is due before the one that precedes it")
        total = sum(part.amount_cents for part in self.payment_plan)
        if self.plan_total_cents is not None and total != self.plan_total_cents:
            raise ValueError("the instalments do not add up to plan_total_cents")
        if self.waiting_position is not None and self.state != "waitlisted":
            raise ValueError("waiting_position belongs to a waitlisted subscription")
        if len({each.code for each in self.attributes}) != len(self.attributes):
            raise ValueError("an attribute occurs twice")
        return self
