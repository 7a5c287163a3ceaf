"""A system of the municipality that follows the personal area: what it wants to know of items, and what it is told."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from .base import Code, Form, Language, Model, UtcDatetime
from .identifiers import ExternalId, OrganizationTaxCode, Uuid7
from .naming import Named
from .publishing import Collection

FollowedEvent = Literal[
    "accepted",
    "updated",
    "superseded",
    "available",
    "paid",
    "overdue",
    "missed",
    "reopened",
    "withdrawn",
    "planned",
    "cancelled",
    "renewal_due",
    "renewed",
    "ended",
    "requested",
    "request_ended",
    "request_unanswered",
    "expired",
    "flagged",
    "replaced",
    "handover",
    "content_unreachable",
    "content_reachable",
    "proposal_accepted",
    "proposal_refused",
    "numbered",
    "position",
    "notified",
    "notice_ended",
]
Payload = Literal["ids", "notice"]
LARGEST_EVENT = 20_000
"""Bytes of a body (Standard Webhooks: under 20 kB); a text that would make it longer is left out."""


def _listed(value: Any) -> Any:
    """A list as text, `a,b`, as a command line and a form give it."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Listed = BeforeValidator(_listed)

# Not strict: a list comes as one, from JSON.
Collections = Annotated[tuple[Collection, ...], Field(max_length=20, fail_fast=True, strict=False), Listed]
Services = Annotated[tuple[Code, ...], Field(max_length=200, fail_fast=True, strict=False), Listed]
Events = Annotated[tuple[FollowedEvent, ...], Field(min_length=1, max_length=40, fail_fast=True, strict=False), Listed]


class Follows(Form):
    """Which events of items; an empty filter is none."""

    collections: Collections = ()
    """Di quali raccolte si è informati; nessuna: di tutte. / Of which collections it is told; none: of all."""
    services: Services = ()
    """Di quali servizi del catalogo si è informati; nessuno: di tutti. / Of which services of the catalogue it is told;
    none: of all."""
    events: Events = ("accepted", "updated", "available", "paid", "overdue", "missed", "reopened", "withdrawn")
    """Quali eventi si ricevono. / Which events are told."""

    def admits(self, event: str, collection: str, service_id: str | None) -> bool:
        """Whether such an event of such an item is to be told."""
        return (
            event in self.events
            and (not self.collections or collection in self.collections)
            and (not self.services or service_id in self.services)
        )


class FollowSettings(Follows):
    """The same as settings of a connector, and how much it is told."""

    payload: Payload = "ids"
    """`ids`: i nomi dell'elemento e nulla della persona; chi ha bisogno d'altro lo chiede dove l'accesso è autorizzato.
    `notice`: anche chi riguarda e che cosa legge il cittadino. / `ids`: names of the item, and nothing about a person;
    whoever needs more asks where access is authorised. `notice`: whom it concerns and what the citizen is told, too."""

    def named(self) -> Iterator[Named]:
        """contracts.naming.Naming."""
        yield from (Named("service", one, f"/services/{n}") for n, one in enumerate(self.services))


class FollowedPayment(Model):
    """The pagoPA notice, while it can be paid."""

    notice_number: str
    amount_cents: int
    creditor_tax_code: OrganizationTaxCode


class FollowedNotice(Model):
    """Whom the item concerns and what it says: personal data."""

    tax_code: str
    kind: Code
    """A message's kind; of other items their collection."""
    language: Language
    title: str | None
    """None, as the text, where the item is sensitive."""
    body_markdown: str | None
    """None too where it would make the body longer than 20,000 bytes."""
    sensitive: bool
    deep_link: str
    due_at: UtcDatetime | None = None
    payment: FollowedPayment | None = None


class FollowedItem(Model):
    """The item that something happened to, by its names."""

    ente_id: Code
    event_id: Uuid7
    item_id: Uuid7
    collection: Collection
    vendor_id: Code
    source: Code
    external_id: ExternalId
    detail: Annotated[dict[str, Any], Field(max_length=20)]
    """What the event says: `version`, `state`, `channel`, ... Names may be added."""
    notice: FollowedNotice | None = None
    """None with the payload `ids`, and for an item that was withdrawn."""


class ItemEvent(Model):
    """The body of a call, as Standard Webhooks wants it. `webhook-id` is `data.event_id`: the same on every try."""

    type: Annotated[str, StringConstraints(pattern=r"^item\.[a-z_]{1,40}$")]
    """`item.paid`: one of the events of `Follows`."""
    timestamp: UtcDatetime
    """When it happened; `webhook-timestamp` is that of the try."""
    data: FollowedItem
