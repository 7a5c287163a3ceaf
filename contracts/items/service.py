"""Services: a vendor's proposal of the card data of a service, which an administrator accepts (`settled` 15)."""

from typing import Annotated, Literal

from pydantic import Field

from ..base import Code, HttpsUrl, Label
from .envelope import Published


class Service(Published):
    """The public card of a service. What binds the body (deadlines, levels, IO keys) is the administrator's to set."""

    collection: Literal["services"] = "services"
    service_id: Code
    name: Label
    card_url: HttpsUrl
    start_url: HttpsUrl | None = None
    category: Label | None = None
    life_events: Annotated[tuple[Label, ...], Field(max_length=20, fail_fast=True)] = ()
    owner_office: Label | None = None
    state: Literal["published", "suspended", "retired"] = "published"
