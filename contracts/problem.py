"""RFC 9457 problem details, as every error of the four APIs is sent."""

from typing import Annotated

from pydantic import Field, StringConstraints

from .base import LINE, Model

MAX_FAULTS = 100

ShortText = Annotated[str, StringConstraints(max_length=500), LINE]
ProblemCode = Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z][a-z_]*(\.[a-z][a-z_]*)+$")]


class FieldError(Model):
    """One fault of the request, with its place: a JSON pointer into the body, or `#query/<name>`, `#header/<name>`."""

    pointer: Annotated[str, StringConstraints(max_length=500)]
    code: ProblemCode
    detail: ShortText


class Problem(Model):
    """`code` is stable and for programs, `title` and `detail` are for people; none repeats personal data."""

    type: Annotated[str, StringConstraints(max_length=200)]
    title: ShortText
    status: Annotated[int, Field(ge=100, le=599, json_schema_extra={"format": "int32"})]
    detail: ShortText
    code: ProblemCode
    request_id: Annotated[str, StringConstraints(max_length=64)]
    errors: Annotated[tuple[FieldError, ...], Field(max_length=MAX_FAULTS, fail_fast=True)] = ()
