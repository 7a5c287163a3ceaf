"""Subscriptions (iscrizioni): a person is enrolled in a service, for a time."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from ..base import LINE, Code, Day, DaysAhead, Model, Summary
from ..identifiers import AmountCents, ExternalId, NoticeNumber, OrganizationTaxCode, Uuid7
from .envelope import Envelope

SubscriptionState = Literal[
    "requested", "waitlisted", "active", "renewal_due", "renewed", "suspended", "cancelled", "ended"
]
Rule = Literal["auto", "manual", "none"]
RequestKind = Literal["renew", "cancel"]
Place = Annotated[int, Field(ge=1, le=1_000_000, json_schema_extra={"format": "int32"})]


class PlannedInstallment(Model):
    """One payment of the plan, which becomes a payment of its own ahead of its date (S38)."""

    n: Annotated[int, Field(ge=1, le=120, json_schema_extra={"format": "int32"})]
    amount_cents: AmountCents
    due_date: Day
    reason: Annotated[str, StringConstraints(min_length=1, max_length=140), LINE]
    payment_external_id: ExternalId | None = None
    """The payment by which the source will ask for it: what the hub makes ahead of it is then that very payment."""
    notice_number: NoticeNumber | None = None
    """Of the pagoPA notice, where there is one already."""
    days_ahead: DaysAhead | None = None
    """When it becomes a payment, in days before `due_date`."""


def add_up(plan: Sequence[PlannedInstallment], total_cents: int | None) -> None:
    """Raises ValueError for a plan that does not add up: its numbers, its days, its total."""
    if [part.n for part in plan] != list(range(1, len(plan) + 1)):
        raise ValueError(
            "Le rate vanno numerate 1, 2, 3 ... in ordine / the instalments are numbered 1, 2, 3 ... in their order"
        )
    days = [part.due_date for part in plan]
    if days != sorted(days):
        raise ValueError("Una rata scade prima della precedente / an instalment is due before the one that precedes it")
    if total_cents is not None and sum(part.amount_cents for part in plan) != total_cents:
        raise ValueError(
            "La somma delle rate non è plan_total_cents / the instalments do not add up to plan_total_cents"
        )
    for name in ("payment_external_id", "notice_number"):
        given = [getattr(part, name) for part in plan if getattr(part, name) is not None]
        if len(set(given)) != len(given):
            raise ValueError(f"Due rate con lo stesso {name} / two instalments have one {name}")


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
            raise ValueError("Un attributo ha un numero o un testo / an attribute has a number or a text")
        return self


class RequestAnswer(Model):
    """What the source says to a request of the citizen (S34, S36), which the hub had relayed."""

    request_id: Uuid7
    outcome: Literal["accepted", "refused"]
    reason: Summary | None = None


class Subscription(Envelope):
    """A subscription. Its recipient is the holder; the child, and who holds it as well, are among `beneficiaries`.

    Unless the source says otherwise, its rules and instalments are those of the subscription service (`settled` 15).
    """

    collection: Literal["subscriptions"] = "subscriptions"
    subscription_service: Code
    state: SubscriptionState
    valid_from: Day
    valid_to: Day | None = None
    renewal: Rule | None = None
    cancellation: Rule | None = None
    notice_days: DaysAhead | None = None
    renewal_of: ExternalId | None = None
    waiting_position: Place | None = None
    rank: Place | None = None
    payment_plan: Annotated[tuple[PlannedInstallment, ...], Field(max_length=120, fail_fast=True)] = ()
    plan_total_cents: AmountCents | None = None
    creditor_tax_code: OrganizationTaxCode | None = None
    """To whom the instalments are paid."""
    attributes: Annotated[tuple[Attribute, ...], Field(max_length=20, fail_fast=True)] = ()
    reason: Summary | None = None
    answers_request: RequestAnswer | None = None
    """The request of the citizen that this version answers."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("valid_to precede valid_from / valid_to is before valid_from")
        if self.renewal_of == self.external_id:
            raise ValueError("renewal_of è l'iscrizione stessa / renewal_of is the subscription itself")
        add_up(self.payment_plan, self.plan_total_cents)
        if self.waiting_position is not None and self.state != "waitlisted":
            raise ValueError(
                "waiting_position vale solo in lista d'attesa / waiting_position belongs to a waitlisted subscription"
            )
        if len({each.code for each in self.attributes}) != len(self.attributes):
            raise ValueError("Un attributo è ripetuto / an attribute occurs twice")
        return self
