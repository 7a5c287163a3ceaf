"""The envelope that every published item shares (`personal-area` B2, names as the publish API spells them)."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from ..base import Code, HttpsUrl, Label, Language, Markdown, Model, Summary, Title, UtcDatetime
from ..identifiers import ExternalId, holds_tax_code
from ..party import Beneficiary, Recipient
from .legal import LegalNotification

Channel = Literal["io", "email", "pec", "opencity", "send"]
"""`pec` needs a `recipient.digital_address`, and is used only where a publication asks for it. `opencity`: the messages
of an application at OpenCity Italia, for what links to such an application. `send`: a legal notification, of a message
with `notify.legal`."""
SEND: Final = "send"
USUAL_CHANNELS: Final[tuple[Channel, ...]] = ("io", "email")
"""Where notices go when a publication does not say: every ente is expected to serve these."""
ActionKind = Literal[
    "pay", "complete", "integrate", "sign", "confirm", "book", "renew", "cancel", "download", "collect", "inform"
]


class Action(Model):
    """Something the citizen can do about the item, in a window of time, behind a link of the vendor or the portal."""

    kind: ActionKind
    label: Label
    url: HttpsUrl
    valid_from: UtcDatetime | None = None
    valid_to: UtcDatetime | None = None
    primary: bool = False

    @model_validator(mode="after")
    def _window(self) -> Self:
        if self.valid_from and self.valid_to and self.valid_from > self.valid_to:
            raise ValueError("valid_from segue valid_to / valid_from is after valid_to")
        return self


class Link(Model):
    """A tie to another item of the same vendor and source, by its external_id."""

    rel: Literal[
        "payment", "receipt", "document", "message", "application", "subscription", "deadline", "about", "replaces"
    ]
    external_id: ExternalId


def rel_of(collection: str) -> str:
    """How a tie to an item of that collection is called."""
    return collection.removesuffix("s")


class Notify(Model):
    """How the vendor would like the citizen to be told. `channels: []` means: put it in the feed and stay silent.

    `mode` says what their order means: `all` (which is meant without it) tries each by itself; `first_that_reaches`
    begins with the first and goes on to the next only where one has ended without being known to have reached the
    citizen. Whatever reaches nobody stays in the feed.
    """

    channels: Annotated[tuple[Channel, ...], Field(max_length=8, fail_fast=True)] = USUAL_CHANNELS
    mode: Literal["all", "first_that_reaches"] | None = None
    subject: Title | None = None
    body: Markdown | None = None
    legal: LegalNotification | None = None
    """What the channel `send` needs, and only there."""

    @model_validator(mode="after")
    def _legal_by_send(self) -> Self:
        if (SEND in self.channels) is not (self.legal is not None):
            raise ValueError("Il canale send e legal vanno insieme / the channel send and legal go together")
        return self

    def wordless(self) -> Self:
        """The same way for something else: the words, and the legal notification, are about the item that they came
        with."""
        channels = tuple(channel for channel in self.channels if channel != SEND)
        return self.model_copy(update={"channels": channels, "subject": None, "body": None, "legal": None})


class Published(Model):
    """What every item has, `services` included."""

    external_id: ExternalId
    version: Annotated[int, Field(ge=1, le=2_147_483_647, json_schema_extra={"format": "int32"})]
    source: Code
    title: Title
    occurred_at: UtcDatetime
    summary: Summary | None = None
    language: Language = "it"

    @field_validator("external_id")
    @classmethod
    def _names_no_person(cls, value: str) -> str:
        # It is stored in clear and stands in URLs' query strings of vendors.
        if holds_tax_code(value):
            raise PersonalExternalId
        return value


class PersonalExternalId(ValueError):
    """The external_id contains a tax code."""

    def __str__(self) -> str:
        return "Non deve contenere un codice fiscale / external_id must not contain a tax code"


class Envelope(Published):
    """What every item of a citizen has."""

    recipient: Recipient
    service_id: Code | None = None
    sensitivity: Literal["normal", "sensitive"] = "normal"
    min_loa: Annotated[int, Field(ge=2, le=3, json_schema_extra={"format": "int32"})] = 2
    visible_from: UtcDatetime | None = None
    expires_at: UtcDatetime | None = None
    as_of: UtcDatetime | None = None
    actions: Annotated[tuple[Action, ...], Field(max_length=10, fail_fast=True)] = ()
    links: Annotated[tuple[Link, ...], Field(max_length=50, fail_fast=True)] = ()
    beneficiaries: Annotated[tuple[Beneficiary, ...], Field(max_length=20, fail_fast=True)] = ()
    notify: Notify = Notify()

    @model_validator(mode="after")
    def _one_primary_action(self) -> Self:
        if sum(action.primary for action in self.actions) > 1:
            raise ValueError("Una sola azione può essere primary / at most one action is primary")
        return self

    @model_validator(mode="after")
    def _only_messages_are_notified(self) -> Self:
        # What a rule tells of another item it may tell again, and in its own words; a legal notification is one.
        if self.notify.legal is not None and getattr(self, "collection", None) != "messages":
            raise ValueError(
                "Il canale send è dei soli messaggi / "
                "the channel send is of messages, which link to the documents and payments notified"
            )
        return self
