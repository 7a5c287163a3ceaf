"""Connectors as administrators see, change, test and activate them (`api.md` 3)."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from .administration import Reason, Sentence
from .base import LINE, Code, Label, Model, UtcDatetime
from .publishing import Cursor

ConnectorEnvironment = Literal["production", "test"]
ConnectorState = Literal["draft", "tested", "active", "paused"]
VersionState = Literal["draft", "tested", "active", "paused", "superseded"]
CheckOutcome = Literal["passed", "failed"]
VersionNumber = Annotated[int, Field(ge=1, le=2_147_483_647)]
Pointer = Annotated[str, StringConstraints(max_length=500), LINE]
FailureCode = Annotated[str, StringConstraints(min_length=1, max_length=100), LINE]


class SecretMember(Model):
    """A secret that is set; it is never shown."""

    pointer: Pointer
    reference: Annotated[str, StringConstraints(min_length=1, max_length=200), LINE] | None
    """Where it is, if it is only named: `env:NAME`, `file:NAME`."""


Secrets = Annotated[tuple[SecretMember, ...], Field(max_length=1000, fail_fast=True)]


class ConnectorTypeView(Model):
    """A type of connector, and what its settings are."""

    connector_type: Code
    title: Label
    channel: Code
    """The channel of notices, `callback` for systems that are told, `none` for a source."""
    settings_schema: Any
    limits_schema: Any
    default_limits: Any
    secret_members: Annotated[tuple[Code, ...], Field(max_length=100, fail_fast=True)]


class ConnectorTypePage(Model):
    """The types that this hub has."""

    items: Annotated[tuple[ConnectorTypeView, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None


class NewConnector(Model):
    """A connector to be made: as a draft, which does nothing until it was tested and activated."""

    connector_id: Code
    connector_type: Code
    environment: ConnectorEnvironment = "production"
    settings: Any
    limits: Any = None
    service_overrides: Any = None


class ConnectorPatch(Model):
    """A merge patch (RFC 7396): what is absent stays, null takes a member away, also a secret."""

    environment: ConnectorEnvironment | None = None
    settings: Any = None
    limits: Any = None
    service_overrides: Any = None


class ConnectorVersion(Model):
    """A version of a connector's settings, without secrets."""

    version: VersionNumber
    state: VersionState
    environment: ConnectorEnvironment
    settings: Any
    limits: Any
    service_overrides: Any
    secrets: Secrets
    author: Label
    made_at: UtcDatetime
    checked_at: UtcDatetime | None
    check_outcome: CheckOutcome | None
    check_reason: FailureCode | None
    activated_at: UtcDatetime | None


class ConnectorVersionPage(Model):
    """The versions, newest first."""

    items: Annotated[tuple[ConnectorVersion, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None


class ConnectorView(Model):
    """A connector: what is in force, and its newest version."""

    connector_id: Code
    connector_type: Code
    state: ConnectorState
    paused_reason: Sentence | None
    version_in_force: VersionNumber | None
    newest: ConnectorVersion


class ConnectorPage(Model):
    """The connectors of the ente."""

    items: Annotated[tuple[ConnectorView, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None


class SettingDifference(Model):
    """One member that differs. Of a secret only that it does."""

    pointer: Pointer
    change: Literal["added", "removed", "changed"]
    secret: bool
    before: Any = None
    after: Any = None


class ConnectorDifference(Model):
    """What differs between two versions."""

    from_version: VersionNumber
    to_version: VersionNumber
    differences: Annotated[tuple[SettingDifference, ...], Field(max_length=10_000, fail_fast=True)]


class VersionWish(Model):
    """Which version; the newest where none is named, to resume what was paused the one in force."""

    version: VersionNumber | None = None


class CheckResult(Model):
    """What a check of a version found: the provider was really called."""

    version: VersionNumber
    outcome: CheckOutcome
    reason: FailureCode | None
    detail: Sentence | None
    it: Sentence
    en: Sentence


class PauseWish(Model):
    """Why a connector is to let nothing out."""

    reason: Reason
