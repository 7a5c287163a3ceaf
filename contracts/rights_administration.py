"""What citizens ask for as data subjects, as those see it who answer (GDPR art. 12-22; `api.md` 3)."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from .base import Day, Model, UtcDatetime
from .identifiers import Uuid7, check_any_tax_code
from .publishing import Cursor
from .rights import FiledBy, RightsKind, RightsOutcome, RightsText

Who = Annotated[
    str,
    StringConstraints(min_length=11, max_length=16, pattern=r"^[A-Z0-9]+$"),
    AfterValidator(check_any_tax_code),
    Field(json_schema_extra={"examples": ["RSSMRA80A01H501U"]}),
]
"""Of a person or an organisation. Not a union of the two: its faults would be told once for each, under inner names."""


class NewRightsRequest(Model):
    """A request as it was received. Whose it is stands in the body, never in an address."""

    kind: RightsKind
    tax_code: Who
    received_on: Day | None = None
    """Today, where none is given."""


class RightsRequest(Model):
    """A request, and by when it is to be answered."""

    request_id: Uuid7
    kind: RightsKind
    citizen_id: Uuid7 | None
    """Random, and means nothing outside the hub; None where nothing is held about whoever asks."""
    received_on: Day
    due_on: Day
    late: bool
    closed_at: UtcDatetime | None
    outcome: RightsOutcome | None
    filed_by: FiledBy
    delegation_id: Uuid7 | None
    """Under which a delegate asked."""
    item_id: Uuid7 | None
    """The item that the request is about."""


class RightsRequestDetail(RightsRequest):
    """A request whole: who asks, in which words, and what was answered. Whoever was erased has none of it left."""

    tax_code: Who | None
    text: RightsText | None
    answer: RightsText | None


class RightsRequestPage(Model):
    """The requests, in the order in which they are due."""

    items: Annotated[tuple[RightsRequest, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None


class RightsClosure(Model):
    """How the request was answered. Of what was asked through the portal a refusal says why (GDPR art. 12(4))."""

    outcome: RightsOutcome
    answer: RightsText | None = None
    """What the citizen reads."""


class ErasureWish(Model):
    """Whose erasure is thought of."""

    tax_code: Who


class ExportWish(Model):
    """Whose data is exported."""

    tax_code: Who


class ErasurePreview(Model):
    """Whether there is anybody to erase, and what speaks against it (GDPR art. 17(3)(b))."""

    concerns_somebody: bool
    duties_to_keep: Any
    """By what, how many items: open payments, documents and receipts within their retention."""
