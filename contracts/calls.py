"""What a connector says of the calls that it answers at `/callbacks/v1/{ente_id}/{connector_id}/`: facts for whoever
configures the provider, from its `manifest.toml`. The calls themselves are `contracts.answering`'s.
"""

from typing import Annotated, Literal

from pydantic import Field

from .base import Label, Model

Text = Annotated[str, Field(min_length=1, max_length=2000)]
MediaType = Annotated[str, Field(pattern=r"^[a-z]+/[a-z0-9.+-]+$", max_length=100)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=100)]


class _Told(Model):
    """In both languages."""

    italian: Text
    english: Text


class CallHeader(_Told):
    """A header that the provider sends."""

    name: HeaderName
    required: bool = True
    example: Label


class CallProof(_Told):
    """One way in which the provider proves itself. Several of them are alternatives."""

    name: Annotated[str, Field(pattern=r"^([A-Z][a-z0-9]+)+$", max_length=60)]
    header: HeaderName
    """The header that bears the proof, or its usual name where the settings choose it."""


class CallAnswer(_Told):
    """One status, as the provider gets it from the connector."""

    status: Annotated[int, Field(ge=200, le=599)]
    media_type: MediaType | None = None
    """None: an answer without a body."""
    example: Annotated[str, Field(max_length=2000)] | None = None
    """JSON."""


class ProviderCall(_Told):
    """One method of one path below the connector's address."""

    operation_id: Annotated[str, Field(pattern=r"^[a-z]+(_[a-z0-9]+)*$", max_length=60)]
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: Annotated[str, Field(pattern=r"^([A-Za-z0-9._/-]|\{[a-z_]+\})*$", max_length=200)] = ""
    """Empty: the connector's own address, which ends with a slash. `{name}` is one segment."""
    summary: Label
    """Italian / English."""
    media_types: Annotated[tuple[MediaType, ...], Field(strict=False, fail_fast=True, max_length=5)] = ()
    """Of the body; none where there is none."""
    largest_bytes: Annotated[int, Field(ge=1)] | None = None
    """Of the body, besides what the hub allows for any (`RACCORDO_BODY_LIMIT`)."""
    example: Annotated[str, Field(max_length=2000)] | None = None
    """A body of JSON."""
    headers: Annotated[tuple[CallHeader, ...], Field(strict=False, fail_fast=True, max_length=10)] = ()
    proofs: Annotated[tuple[CallProof, ...], Field(strict=False, fail_fast=True, min_length=1, max_length=5)]
    answers: Annotated[tuple[CallAnswer, ...], Field(strict=False, fail_fast=True, min_length=1, max_length=20)]
