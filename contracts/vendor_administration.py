"""Vendors, their keys, the services: as administrators bring them on board (`api.md` 3)."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from .administration import Count, Sentence
from .base import LINE, Code, HttpsUrl, Label, Model, Sha256Hex, UtcDatetime
from .identifiers import Uuid7
from .publishing import Collection, Cursor

TrustKind = Literal["x509", "jwk", "pdnd"]
Stage = Literal["sandbox", "production"]
VendorRight = Literal["alerts", "delivery-detail", "settles-notices"]
VendorKeyKind = Literal[
    "jwk", "anchor", "public_anchor", "certificate", "thumbprint", "channel_anchor", "channel_thumbprint"
]
KeyState = Literal["coming", "current", "retiring", "revoked", "ended"]
Verdict = Literal["passed", "failed", "lapsed"]
"""`lapsed`: it had passed, and the vendor was put back into its sandbox since."""
ServiceState = Literal["draft", "published", "suspended", "retired"]
PdndId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9-]+$")]
Subject = Annotated[str, StringConstraints(min_length=1, max_length=120), LINE]
Aliases = Annotated[tuple[Code, ...], Field(max_length=20, fail_fast=True)]
Collections = Annotated[tuple[Collection, ...], Field(max_length=20, fail_fast=True)]
Services = Annotated[tuple[Code, ...], Field(max_length=1000, fail_fast=True)]
PdndIds = Annotated[tuple[PdndId, ...], Field(max_length=100, fail_fast=True)]
Rights = Annotated[tuple[VendorRight, ...], Field(max_length=3, fail_fast=True)]
Quota = Annotated[int, Field(ge=1, le=2_147_483_647)]
LifeEvents = Annotated[tuple[Label, ...], Field(max_length=50, fail_fast=True)]
ResponseDays = Annotated[int, Field(ge=1, le=3650)]
Level = Annotated[int, Field(ge=1, le=3)]


class ReportView(Model):
    """A report of `raccordo conformance`, as it was attached."""

    report_id: Uuid7
    attached_at: UtcDatetime
    author: Label
    verdict: Verdict
    passed: Count
    failed: Count
    skipped: Count
    tried: Sentence
    sha256: Sha256Hex


class ReportWhole(ReportView):
    """The same, and the report itself."""

    report: Any


class ReportPage(Model):
    """The reports, newest first."""

    items: Annotated[tuple[ReportView, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None


class VendorView(Model):
    """A vendor's record."""

    vendor_id: Code
    display_name: Label
    trust: TrustKind
    stage: Stage
    active: bool
    ended_at: UtcDatetime | None
    """Since when it has left."""
    subject: Subject
    aliases: Aliases
    collections: Collections
    service_ids: Services
    """Empty: every service."""
    rights: Rights
    signature_only: bool
    pdnd_clients: PdndIds
    """Of trust `pdnd`: its clients there, whose vouchers are its own."""
    pdnd_purposes: PdndIds
    """Of trust `pdnd`: the purposes under which it may publish."""
    daily_quota: Quota | None
    usable_keys: Count
    newest_report: ReportView | None


class QuotaDay(Model):
    """How much of its daily quota a vendor used up on a day of Rome."""

    day: date
    used: Count


class QuotaPage(Model):
    """The days, newest first."""

    items: Annotated[tuple[QuotaDay, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None


class VendorPage(Model):
    """The vendors of the ente."""

    items: Annotated[tuple[VendorView, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None


class NewVendor(Model):
    """A vendor to be registered: in its sandbox, and without keys. One of trust `pdnd` needs clients and purposes."""

    vendor_id: Code
    display_name: Label
    trust: TrustKind
    subject: Subject | None = None
    aliases: Aliases = ()
    collections: Collections
    service_ids: Services = ()
    rights: Rights = ()
    signature_only: bool = False
    pdnd_clients: PdndIds = ()
    pdnd_purposes: PdndIds = ()
    daily_quota: Quota | None = None


class VendorPatch(Model):
    """A merge patch (RFC 7396): what is absent stays, lists are given whole."""

    display_name: Label | None = None
    stage: Stage | None = None
    active: bool | None = None
    subject: Subject | None = None
    aliases: Aliases | None = None
    collections: Collections | None = None
    service_ids: Services | None = None
    rights: Rights | None = None
    signature_only: bool | None = None
    pdnd_clients: PdndIds | None = None
    pdnd_purposes: PdndIds | None = None
    daily_quota: Quota | None = None


class NewVendorKey(Model):
    """Trust material: certificates in PEM, a JWK set, or a thumbprint, as `kind` says."""

    kind: VendorKeyKind
    material: Any


class VendorKeyView(Model):
    """A key of a vendor."""

    key_id: Uuid7
    kind: VendorKeyKind
    label: Annotated[str, StringConstraints(min_length=1, max_length=1000), LINE]
    state: KeyState
    valid_from: UtcDatetime | None
    valid_to: UtcDatetime | None
    revoked_at: UtcDatetime | None


class VendorKeyPage(Model):
    """The keys of a vendor."""

    items: Annotated[tuple[VendorKeyView, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None


class NewReport(Model):
    """What `raccordo conformance --json` printed about the vendor."""

    report: Any


class ServiceCard(Model):
    """A service of the catalogue, whose administrator alone decides about it (`settled` 15)."""

    service_id: Code
    display_name: Label
    state: ServiceState
    card_url: HttpsUrl | None
    start_url: HttpsUrl | None
    category: Label | None
    life_events: LifeEvents
    owner_office: Label | None
    max_response_days: ResponseDays | None
    min_loa: Level | None
    named_by: Annotated[tuple[Code, ...], Field(max_length=1000, fail_fast=True)]
    """Connectors in force whose settings name it."""


class ServiceCardPage(Model):
    """The catalogue."""

    items: Annotated[tuple[ServiceCard, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None


class NewServiceCard(Model):
    """A service to be put into the catalogue."""

    service_id: Code
    display_name: Label
    state: ServiceState = "published"
    card_url: HttpsUrl | None = None
    start_url: HttpsUrl | None = None
    category: Label | None = None
    life_events: LifeEvents = ()
    owner_office: Label | None = None
    max_response_days: ResponseDays | None = None
    min_loa: Level | None = None


class ServiceCardPatch(Model):
    """A merge patch (RFC 7396): null takes a value away."""

    display_name: Label | None = None
    state: ServiceState | None = None
    card_url: HttpsUrl | None = None
    start_url: HttpsUrl | None = None
    category: Label | None = None
    life_events: LifeEvents | None = None
    owner_office: Label | None = None
    max_response_days: ResponseDays | None = None
    min_loa: Level | None = None
