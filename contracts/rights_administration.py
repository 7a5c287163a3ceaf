"""What citizens ask for as data subjects, as those see it who answer (GDPR art. 12-22; `api.md` 3)."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from .base import Day, Model, UtcDatetime
from .identifiers import Uuid7, check_any_tax_code, check_no_tax_code
from .publishing import Cursor
from .rights import FiledBy, RightsKind, RightsOutcome, RightsText

Who = Annotated[
    str,
    StringConstraints(min_length=11, max_length=16, pattern=r"^[A-Z0-9]+$"),
    AfterValidator(check_any_tax_code),
    Field(json_schema_extra={"examples": ["RSSMRA80A01H501U"]}),
]
"""Of a person or an organisation. Not a union of the two: its faults would be told once for each, under inner names."""


Confirmation = Annotated[str, StringConstraints(min_length=64, max_length=64, pattern=r"^[0-9a-f]+$")]
"""Opaque; another one as soon as an erasure would do anything else."""


Despite = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), AfterValidator(check_no_tax_code)
]
"""Why a citizen is erased in spite of a duty to keep."""


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
    erasure_ordered_at: UtcDatetime | None
    """Since when the erasure that it asks for is to be carried out."""
    erased_at: UtcDatetime | None


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


class ErasureOrder(Model):
    """That the erasure which a request asks for is to be carried out as its preview showed it."""

    confirmation: Confirmation
    despite: Despite | None = None
    """Why, though there is a duty to keep; kept in the signed journal of erasures."""


class ErasurePreview(Model):
    """What an erasure would do, and what speaks against it (GDPR art. 17(3)(b))."""

    concerns_somebody: bool
    duties_to_keep: Any
    """By what, how many items: open payments, documents and receipts within their retention."""
    goes: Any
    """What would be destroyed or ended, by name, each with how many."""
    kept: Any
    """What stays, each with why."""
    confirmation: Confirmation | None
    """For an order: that just this was seen. None where there is nobody."""
