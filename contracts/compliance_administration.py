"""Which services fall short of the model of municipal services, as administrators read it (`personal-area` B3)."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .administration import Count
from .base import Code, Model, UtcDatetime

Criterion = Literal["C.SE.1.2", "C.SE.1.9", "C.SE.1.10"]
ReasonCode = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[a-z0-9_.]+$")]


class Shortfall(Model):
    """One cause, and how many applications it concerns."""

    code: ReasonCode
    applications: Count


class ComplianceRow(Model):
    """A service and a criterion. Without `service_id`: applications that name no service."""

    service_id: Code | None
    criterion: Criterion
    fails: bool
    applications: Count
    """That were sent and not withdrawn."""
    failing: Count
    why: Annotated[tuple[Shortfall, ...], Field(max_length=100, fail_fast=True)]


class ComplianceReport(Model):
    """Every service that has had an application, by each criterion."""

    reported_at: UtcDatetime
    rows: Annotated[tuple[ComplianceRow, ...], Field(max_length=30_000, fail_fast=True)]
