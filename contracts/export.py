"""Everything the hub holds of one citizen, for himself and for machines (GDPR art. 15 and 20; S63)."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from .base import Code, Model, Sha256Hex, Summary, UtcDatetime
from .feed import Count, DeliveryState, Turn
from .identifiers import IpaCode, Uuid7
from .items import Item
from .items.subscription import RequestKind
from .party import SubjectKind
from .preferences import NoticeLanguage, QuietHours
from .publishing import Collection, Lifecycle, VersionNumber
from .rights import RightsText

FORMAT = "raccordo.export.v1"
_MANY = 1_000_000
Number = Annotated[int, Field(ge=0, le=2_147_483_647, json_schema_extra={"format": "int32"})]
Note = Annotated[str, StringConstraints(max_length=500)]
Path = Annotated[str, StringConstraints(min_length=1, max_length=400)]


class ExportIdentity(Model):
    """Who the citizen is to the hub."""

    citizen_id: Uuid7
    subject_kind: SubjectKind
    tax_code: Annotated[str, StringConstraints(min_length=11, max_length=16, pattern=r"^[A-Z0-9]+$")]
    created_at: UtcDatetime


class ExportContact(Model):
    contact_id: Uuid7
    kind: Code
    value: Annotated[str, StringConstraints(min_length=1, max_length=320)]
    verified_at: UtcDatetime | None
    source: Code
    updated_at: UtcDatetime


class ExportAttribute(Model):
    """What a register says."""

    code: Code
    value: Summary
    source: Code
    as_of: UtcDatetime
    updated_at: UtcDatetime


class ExportOptOut(Model):
    """A topic that the citizen switched off; the address is kept as a keyed hash alone."""

    channel: Code
    topic: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    at: UtcDatetime


class ExportPreferences(Model):
    """How the citizen wishes to be told; what is switched off stands in `opt_outs`."""

    language: NoticeLanguage | None
    quiet_hours: QuietHours | None
    updated_at: UtcDatetime


class ExportVersion(Model):
    """A version of an item as it was received."""

    version: VersionNumber
    content_hash: Sha256Hex
    outcome: Code
    received_at: UtcDatetime
    content: Item


class ExportEvent(Model):
    event_id: Uuid7
    at: UtcDatetime
    event: Code
    data: Annotated[dict[str, Any], Field(max_length=20)]


class ExportUserState(Model):
    read_at: UtcDatetime | None
    seen_version: Number | None
    archived_at: UtcDatetime | None
    starred_at: UtcDatetime | None
    confirmed_at: UtcDatetime | None
    updated_at: UtcDatetime


class ExportAppointment(Model):
    occasion: Code
    at: UtcDatetime


class ExportAttempt(Model):
    started_at: UtcDatetime
    ended_at: UtcDatetime | None
    outcome: Code | None
    reason: Note | None
    detail: Note | None


class ExportDelivery(Model):
    """A message on its way by one channel."""

    delivery_id: Uuid7
    connector_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    """`-` where there was no connector for the channel."""
    channel: Code
    state: DeliveryState
    reason: Note | None
    provider_id: Note | None
    created_at: UtcDatetime
    due_at: UtcDatetime
    expires_at: UtcDatetime
    updated_at: UtcDatetime
    attempts: Annotated[tuple[ExportAttempt, ...], Field(max_length=_MANY, fail_fast=True)]
    last_request: Annotated[str, StringConstraints(max_length=1_000_000)] | None
    """JSON: what the last attempt that did not deliver asked of the provider."""


class ExportFinding(Model):
    """What a rule found about an application."""

    code: Code
    criterion: Code
    days: Number | None
    found_at: UtcDatetime


class ExportSourceRequest(Model):
    """What was asked of the source of a subscription."""

    request_id: Uuid7
    kind: RequestKind
    asked_by: Code
    state: Code
    asked_at: UtcDatetime
    answer_by: UtcDatetime
    answered_at: UtcDatetime | None


class ExportItem(Model):
    """An item with all that hangs on it."""

    item_id: Uuid7
    vendor_id: Code
    source: Code
    external_id: Annotated[str, StringConstraints(min_length=1, max_length=400)]
    collection: Collection
    version: VersionNumber
    content_hash: Sha256Hex
    lifecycle: Lifecycle
    state: Code
    reported_state: Code
    turn: Turn
    service_id: Code | None
    sensitivity: Literal["normal", "sensitive"]
    min_loa: Number
    hidden: bool
    visible_from: UtcDatetime | None
    expires_at: UtcDatetime | None
    due_at: UtcDatetime | None
    occurred_at: UtcDatetime
    as_of: UtcDatetime | None
    cost_cents: Count | None
    """What a legal notification adds to a payment, and when that was heard."""
    cost_at: UtcDatetime | None
    received_at: UtcDatetime
    updated_at: UtcDatetime
    settles: bool
    about_item_id: Uuid7 | None
    content_sha256: Sha256Hex | None
    file: Path | None
    """Where the file of a document is in the ZIP; by itself it is `documents/{item_id}/content`."""
    versions: Annotated[tuple[ExportVersion, ...], Field(max_length=_MANY, fail_fast=True)]
    timeline: Annotated[tuple[ExportEvent, ...], Field(max_length=_MANY, fail_fast=True)]
    user_state: ExportUserState | None
    agenda: Annotated[tuple[ExportAppointment, ...], Field(max_length=_MANY, fail_fast=True)]
    findings: Annotated[tuple[ExportFinding, ...], Field(max_length=_MANY, fail_fast=True)]
    source_requests: Annotated[tuple[ExportSourceRequest, ...], Field(max_length=_MANY, fail_fast=True)]
    deliveries: Annotated[tuple[ExportDelivery, ...], Field(max_length=_MANY, fail_fast=True)]


class ExportAccess(Model):
    """A line of the access log. An administrator has no name here (GDPR art. 4(9))."""

    access_id: Uuid7
    at: UtcDatetime
    request_id: Annotated[str, StringConstraints(max_length=64)]
    portal_id: Code
    pseudonym: Annotated[str, StringConstraints(max_length=200)] | None
    acr: Annotated[str, StringConstraints(max_length=100)]
    operation: Code
    outcome: Code
    item_id: Uuid7 | None
    delegation_id: Uuid7 | None


class ExportDelegation(Model):
    """A delegation that the citizen gave."""

    delegation_id: Uuid7
    delegate_id: Uuid7
    valid_from: UtcDatetime
    valid_to: UtcDatetime
    ended_at: UtcDatetime | None


class ExportRequest(Model):
    """A request of the citizen as a data subject."""

    request_id: Uuid7
    kind: Code
    received_on: Annotated[str, StringConstraints(max_length=10, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    due_on: Annotated[str, StringConstraints(max_length=10, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    closed_at: UtcDatetime | None
    outcome: Code | None
    portal_id: Code | None
    """Through which it was filed; None where an administrator noted it."""
    delegation_id: Uuid7 | None
    item_id: Uuid7 | None
    min_loa: Number
    text: RightsText | None
    answer: RightsText | None


class LeftOut(Model):
    """What this export does not hold, and why: how many items and requests need a higher level of assurance, how many
    are not to be shown yet. What the vendors signed (the evidence) repeats the versions; an administrator's export has
    it."""

    higher_level: Count
    not_yet_visible: Count
    evidence: bool


class ExportEvidence(Model):
    """A record that proves a publication."""

    evidence_id: Uuid7
    at: UtcDatetime
    request_id: Annotated[str, StringConstraints(max_length=64)]
    operation: Code
    vendor_id: Code | None
    signer: Annotated[str, StringConstraints(max_length=200)] | None
    verdict: Code
    code: Code
    body_sha256: Annotated[str, StringConstraints(max_length=64)]
    item_id: Uuid7 | None
    version: Number | None
    message_id: Annotated[str, StringConstraints(max_length=256)] | None
    body: Annotated[str, StringConstraints(max_length=40_000_000)] | None
    """The very bytes that were signed, as text."""


class Export(Model):
    """All of it. For somebody of whom nothing is held `identity` is null and the lists are empty."""

    format: Literal["raccordo.export.v1"]
    ente_id: IpaCode
    exported_at: UtcDatetime
    identity: ExportIdentity | None
    contacts: Annotated[tuple[ExportContact, ...], Field(max_length=_MANY, fail_fast=True)]
    attributes: Annotated[tuple[ExportAttribute, ...], Field(max_length=_MANY, fail_fast=True)]
    opt_outs: Annotated[tuple[ExportOptOut, ...], Field(max_length=_MANY, fail_fast=True)]
    preferences: Annotated[tuple[ExportPreferences, ...], Field(max_length=1, fail_fast=True)]
    items: Annotated[tuple[ExportItem, ...], Field(max_length=_MANY, fail_fast=True)]
    accesses: Annotated[tuple[ExportAccess, ...], Field(max_length=_MANY, fail_fast=True)]
    delegations: Annotated[tuple[ExportDelegation, ...], Field(max_length=_MANY, fail_fast=True)]
    requests: Annotated[tuple[ExportRequest, ...], Field(max_length=_MANY, fail_fast=True)]
    evidence: Annotated[tuple[ExportEvidence, ...], Field(max_length=_MANY, fail_fast=True)]
    left_out: LeftOut
