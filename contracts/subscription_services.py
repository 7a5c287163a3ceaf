"""What citizens subscribe to (nursery school 2026/27, school meals): the administrator's rules (`settled` 15)."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from .base import Code, Day, DaysAhead, Label, Model, UtcDatetime
from .identifiers import OrganizationTaxCode
from .items.subscription import PlannedInstallment, Rule, add_up

OrderKey = Annotated[str, StringConstraints(min_length=1, max_length=65, pattern=r"^-?[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""The code of an attribute by which a list is ordered; with `-` the largest first (S46)."""


class Period(Model):
    """The days that a subscription covers, both included."""

    first_day: Day
    last_day: Day

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last_day < self.first_day:
            raise ValueError("Il periodo finisce prima di iniziare / the period ends before it begins")
        return self


class EnrolWindow(Model):
    """When one may enrol."""

    opens_at: UtcDatetime
    closes_at: UtcDatetime

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.closes_at <= self.opens_at:
            raise ValueError("Le iscrizioni chiudono prima di aprire / the enrolment window closes before it opens")
        return self


class ListPolicy(Model):
    """Whether and how the list of subscribers is published: off by default, and then without names (S45-S47)."""

    published: bool = False
    order_keys: Annotated[tuple[OrderKey, ...], Field(max_length=10, fail_fast=True)] = ()
    anonymise: bool = True

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len({key.removeprefix("-") for key in self.order_keys}) != len(self.order_keys):
            raise ValueError("Una chiave d'ordine è ripetuta / an order key occurs twice")
        return self


class StatisticsPolicy(Model):
    """Whom statistics are about, and how small a number they tell (S42)."""

    of: Literal["holder", "beneficiary"] = "holder"
    """Whose age and sex: the holder's, or those of the child among the beneficiaries."""
    area_attribute: Code | None = None
    """The attribute that is the area where one lives; without one there are no areas."""
    smallest: Annotated[int, Field(ge=3, le=1000)] = 5
    """A cell with fewer is not told."""


class SubscriptionService(Model):
    """One service in one period, and the rules that hold for its subscriptions unless their source says otherwise."""

    code: Code
    name: Label
    service_id: Code | None = None
    """Of the catalogue."""
    period: Period | None = None
    enrol_window: EnrolWindow | None = None
    capacity: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """Places. The source gives them away; the hub shows how many there are."""
    renewal: Rule = "none"
    """auto: the hub asks the source; manual: the citizen does, within `notice_days` of the end."""
    cancellation: Rule = "none"
    """auto: it ends with its last day; manual: the citizen may ask for it."""
    notice_days: DaysAhead = 30
    """How long before its last day a subscription can be renewed."""
    answer_days: Annotated[int, Field(ge=1, le=365)] = 30
    """How long a source has for the answer to a request (the term of L. 241/1990, art. 2)."""
    payment_plan: Annotated[tuple[PlannedInstallment, ...], Field(max_length=120, fail_fast=True)] = ()
    plan_total_cents: Annotated[int, Field(ge=0, le=99_999_999_999)] | None = None
    days_ahead: DaysAhead = 30
    """How long before its date an instalment becomes a payment (S38)."""
    creditor_tax_code: OrganizationTaxCode | None = None
    """To whom instalments are paid. Without one the source asks for them itself."""
    list_policy: ListPolicy = ListPolicy()
    statistics: StatisticsPolicy = StatisticsPolicy()

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        add_up(self.payment_plan, self.plan_total_cents)
        if any(part.payment_external_id or part.notice_number for part in self.payment_plan):
            raise ValueError(
                "I pagamenti di un modello non sono ancora di nessuno / "
                "the payments of a template are nobody's yet: no payment_external_id, no notice_number"
            )
        return self
