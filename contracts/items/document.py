"""Documents: what a service issues, as a file, a card or a thing on paper."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from ..base import LINE, Code, Day, HttpsUrl, Label, MediaType, Model, Sha256Hex, Summary, UtcDatetime
from ..identifiers import holds_tax_code
from .envelope import Envelope

DocumentState = Literal["announced", "available", "superseded", "revoked", "expired"]
HandoverState = Literal["preparing", "shipped", "ready", "delivered", "collected", "returned"]
_OF_MODE = {
    "ship": ("preparing", "shipped", "delivered", "returned"),
    "collect": ("preparing", "ready", "collected", "returned"),
}
FieldName = Annotated[str, StringConstraints(min_length=1, max_length=60), LINE]


class CardField(Model):
    label: FieldName
    value: Annotated[str, StringConstraints(min_length=1, max_length=200), LINE]


class Card(Model):
    """What a digital card shows, and until when it holds."""

    fields: Annotated[tuple[CardField, ...], Field(min_length=1, max_length=20, fail_fast=True)]
    valid_to: UtcDatetime | None = None


class Handover(Model):
    """How a physical document reaches the citizen (S52, S53); `contracts.states` has its states.

    The address is the one that held when the document was asked for: a copy, which no later change of residence moves.
    """

    mode: Literal["ship", "collect"]
    state: HandoverState = "preparing"
    address: Summary | None = None
    place: Label | None = None
    hours: Summary | None = None
    tracking: Label | None = None
    ready_at: UtcDatetime | None = None
    collect_by: UtcDatetime | None = None

    @model_validator(mode="after")
    def _where(self) -> Self:
        if self.mode == "ship" and self.address is None:
            raise ValueError("Una spedizione vuole un indirizzo / a shipment needs an address")
        if self.mode == "collect" and self.place is None:
            raise ValueError("Un ritiro vuole un luogo / a collection needs a place")
        if self.state not in _OF_MODE[self.mode]:
            raise ValueError(
                f"Lo stato {self.state} non è di {self.mode} / state {self.state} is none of mode {self.mode}"
            )
        if self.state == "ready" and self.ready_at is None:
            raise ValueError("Lo stato ready vuole ready_at / state ready needs ready_at")
        if self.ready_at and self.collect_by and self.collect_by < self.ready_at:
            raise ValueError("collect_by precede ready_at / collect_by is before ready_at")
        return self


class Signature(Model):
    """The vendor's word on the file's electronic signature."""

    format: Literal["pades", "cades", "xades"]
    verified_at: UtcDatetime | None = None
    result: Literal["valid", "invalid", "unknown"] = "unknown"


class Protocol(Model):
    """Registration in the body's register (DPR 445/2000, art. 53)."""

    number: Label
    year: Annotated[int, Field(ge=1900, le=2200, json_schema_extra={"format": "int32"})]
    registered_on: Day | None = None
    office: Label | None = None


class Document(Envelope):
    """A document. `pdf` needs the file's name, type, size and digest; its bytes come by `content_url` or an upload.

    States: announced (file still to come), available, superseded, revoked, expired. A link `replaces` to another
    document of the same vendor and source supersedes that one once this one is available; `valid_to` ends it by itself.
    """

    collection: Literal["documents"] = "documents"
    doc_type: Code
    form: Literal["pdf", "card", "physical", "other"] = "pdf"
    filename: Label | None = None
    media_type: MediaType | None = None
    size: Annotated[int, Field(ge=1, le=104_857_600, json_schema_extra={"format": "int64"})] | None = None
    sha256: Sha256Hex | None = None
    content_url: HttpsUrl | None = None
    issuer: Label | None = None
    issued_at: UtcDatetime | None = None
    valid_from: UtcDatetime | None = None
    valid_to: UtcDatetime | None = None
    card: Card | None = None
    delivery: Handover | None = None
    signature: Signature | None = None
    protocol: Protocol | None = None
    state: Literal["superseded", "revoked", "expired"] | None = None

    @property
    def has_file(self) -> bool:
        """Whether a file belongs to it at all."""
        return self.filename is not None

    @property
    def ends_at(self) -> datetime | None:
        """When it ceases to be valid: the earlier of its own end and its card's."""
        ends = [end for end in (self.valid_to, self.card.valid_to if self.card else None) if end is not None]
        return min(ends, default=None)

    @property
    def replaced(self) -> tuple[str, ...]:
        """The external_ids of the documents that this one takes the place of."""
        return tuple(sorted({link.external_id for link in self.links if link.rel == "replaces"}))

    @field_validator("doc_type")
    @classmethod
    def _type_names_no_person(cls, value: str) -> str:
        # Types that nobody listed are noted in clear.
        if holds_tax_code(value):
            raise ValueError("Non deve contenere un codice fiscale / must not contain a tax code")
        return value

    @model_validator(mode="after")
    def _what_its_form_needs(self) -> Self:
        file_facts = (self.filename, self.media_type, self.size, self.sha256)
        if any(fact is not None for fact in file_facts) and not all(fact is not None for fact in file_facts):
            raise ValueError("Vanno dati insieme / filename, media_type, size and sha256 go together")
        if self.form == "pdf" and not self.has_file:
            raise ValueError(
                "La forma pdf vuole i dati del file / form pdf needs filename, media_type, size and sha256"
            )
        if self.content_url is not None and not self.has_file:
            raise ValueError(
                "content_url vuole i dati del file / content_url needs filename, media_type, size and sha256"
            )
        if self.form == "card" and self.card is None:
            raise ValueError("La forma card vuole card / form card needs card")
        if self.form == "physical" and self.delivery is None:
            raise ValueError("La forma physical vuole delivery / form physical needs delivery")
        if self.valid_from and self.ends_at and self.ends_at < self.valid_from:
            raise ValueError("valid_to precede valid_from / valid_to is before valid_from")
        if self.external_id in self.replaced:
            raise ValueError("Un documento non sostituisce se stesso / a document does not replace itself")
        return self
