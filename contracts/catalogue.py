"""The catalogue of services in the feed: what can be started, where it is explained, where it begins (S9)."""

from typing import Annotated, Literal

from pydantic import Field

from .base import Code, HttpsUrl, Label, Model
from .publishing import Cursor

ShownState = Literal["published", "suspended"]
"""What citizens are shown of `hub.catalogue.CardState`: drafts and what was retired are not theirs to start."""


class CatalogueService(Model):
    """A service of the municipality. Without `start_url` it cannot be started online; `suspended`: not now."""

    service_id: Code
    name: Label
    state: ShownState
    card_url: HttpsUrl | None
    start_url: HttpsUrl | None
    category: Label | None
    life_events: Annotated[tuple[Label, ...], Field(max_length=20, fail_fast=True)]
    owner_office: Label | None
    max_response_days: Annotated[int, Field(ge=1, le=3650, json_schema_extra={"format": "int32"})] | None
    """Days from taking charge within which the body answers (S24)."""
    min_loa: Annotated[int, Field(ge=1, le=3, json_schema_extra={"format": "int32"})] | None
    """The lowest SPID or CIE level at which items of the service are shown (C.SE.1.1)."""


class CataloguePage(Model):
    items: Annotated[tuple[CatalogueService, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None
