"""Statistics of subscribers, as administrators read them (`api.md` 3, S42-S44). No number speaks of a person."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .administration import Count
from .base import LINE, Code, Model, UtcDatetime

StatisticsDimension = Literal["total", "state", "age", "sex", "area"]
StatisticsValue = Annotated[str, StringConstraints(max_length=60), LINE]


class StatisticsCell(Model):
    """How many subscriptions have the value; `number` is null where it is so small that it would tell of a person, or
    would let such a one be worked out. The total has no value."""

    dimension: StatisticsDimension
    value: StatisticsValue
    number: Count | None


class SubscriptionStatistics(Model):
    """Subscriptions to a service that are not over, in tables of one dimension each."""

    subscription_service: Code
    counted_at: UtcDatetime
    smallest: Annotated[int, Field(ge=3, le=1000)]
    """The smallest number that is told."""
    cells: Annotated[tuple[StatisticsCell, ...], Field(max_length=2000, fail_fast=True)]
