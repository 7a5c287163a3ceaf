"""How sources stand, what connectors can do at their provider, extracts of registers (`api.md` 3)."""

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from .administration import Count, Sentence
from .base import Code, Label, Model, Summary, UtcDatetime
from .connector_administration import FailureCode
from .identifiers import TaxCode
from .profile import MOST_ATTRIBUTES
from .publishing import Cursor

LONGEST_SILENCE_S = 366 * 86_400
Silence = Annotated[int, Field(ge=0, le=LONGEST_SILENCE_S)]
DraftDays = Annotated[int, Field(ge=365, le=3650)]
"""At least a year (S18)."""


class ConnectorOperation(Model):
    """Something that a connector can do at its provider besides deliveries."""

    operation: Code
    title: Label
    arguments_schema: Any


class ConnectorOperationPage(Model):
    """What a connector can do at its provider."""

    items: Annotated[tuple[ConnectorOperation, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None


class OperationWish(Model):
    """What is to be done at the provider, and with which arguments."""

    operation: Code
    arguments: Any = None


class OperationResult(Model):
    """What became of it. What the provider answers is shown this once and kept nowhere: it may hold a new key."""

    operation: Code
    outcome: Literal["done", "failed"]
    answer: Any = None
    reason: FailureCode | None
    detail: Sentence | None
    it: Sentence
    en: Sentence


class SourceReading(Model):
    """How the reading of a source goes."""

    connector_id: Code
    due_at: UtcDatetime | None
    read_at: UtcDatetime | None
    failures: Count
    reason: FailureCode | None
    quarantined: Count
    missing: Count


class SourceReadingPage(Model):
    """The connectors that read sources."""

    items: Annotated[tuple[SourceReading, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None


class Intake(Model):
    """What became of the records of a file."""

    connector_id: Code
    taken: Count
    withdrawn: Count
    unchanged: Count
    quarantined: Count
    passed: Count


class VendorSource(Model):
    """A system of a vendor: what is agreed with it, and how fresh it is."""

    vendor_id: Code
    source: Code
    every_s: Silence | None
    heard_at: UtcDatetime | None
    stale: bool
    draft_days: Count
    open_applications: Count
    fresh: Count


class VendorSourcePage(Model):
    """The sources with which something is agreed, and those with open applications."""

    items: Annotated[tuple[VendorSource, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None


class VendorSourcePatch(Model):
    """A merge patch (RFC 7396): what is absent stays."""

    every_s: Silence | None = None
    draft_days: DraftDays | None = None


class RegisterPerson(Model):
    """One person of a register's extract."""

    tax_code: TaxCode
    as_of: UtcDatetime
    attributes: Annotated[
        dict[Code, Summary | None], Field(min_length=1, max_length=MOST_ATTRIBUTES), WithJsonSchema({})
    ]
    """By their names; null where the register says nothing any more."""


class RegisterExtract(Model):
    """An extract of a register (S40)."""

    register_id: Code
    people: Annotated[tuple[RegisterPerson, ...], Field(min_length=1, max_length=200, fail_fast=True)]


class RegisterImport(Model):
    """What became of an extract."""

    register_id: Code
    people: Count
    changed: Count
