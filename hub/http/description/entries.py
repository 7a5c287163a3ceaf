"""The form in which an operation is told: what publish.py and feed.py fill and document.py assembles."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BaseModel, Field

from contracts.base import Label, Model
from hub.errors import HubError

from .json_schema import Json

Errors = tuple[type[HubError], ...]
FILE_TYPES = ("application/pdf", "application/octet-stream", "application/*", "image/*", "text/*")
BINARY: Json = {"type": "string", "format": "binary"}


class ServiceStatus(Model):
    """A problem of status 200, which is none (RAC_REST_NAME_011)."""

    type: Label
    title: Label
    status: Annotated[int, Field(ge=200, le=200)]
    detail: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What is sent in the body: one of `media`; a file where there is no `model`."""

    media: tuple[str, ...] = ("application/json",)
    model: type[BaseModel] | None = None
    description: str = ""
    examples: Mapping[str, Json] = field(default_factory=dict)
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A success: `headers` besides those of every response; no `body` for 304."""

    description: str
    body: Body | None = None
    headers: tuple[str, ...] = ()
    file_types: tuple[str, ...] = ()
    """Media types in which the same may be asked for as a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """All that is said of one operation. Texts are Italian first, then English."""

    tag: str
    summary: str
    description: str
    answers: Mapping[int, Answer]
    errors: Errors
    parameters: tuple[str, ...] = ()
    request: Body | None = None
    error_headers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


def both(italian: str, english: str) -> str:
    """One description in the two languages."""
    return f"{italian}\n\n{english}"
