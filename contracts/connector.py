"""What a connector is: facts about itself (Manifest), settings, and one function that takes a delivery a step further.

A connector's life with one delivery is a chain of short steps. Each call of `advance` makes at most one call to the
provider and returns either `Done` or `Continue`; the hub stores the memo of a `Continue` before it calls again. A step
that must not be repeated blindly is announced: the connector returns `Continue(memo, unsafe=True)` *before* it, the hub
commits the mark "about to send", and only then calls `advance` again. If the process dies in an unsafe step, the
delivery stands as `unconfirmed`, because bytes may have left.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, Field

from .answering import Answer
from .base import Code, Label, Model
from .calls import ProviderCall
from .inbound import Afresh, Look, Parts, ProviderDocument, Pull, Read, ReadWhole, Report
from .items import Action, Channel, LegalNotification
from .limits import Limits as Limits
from .paying import MakeCart, Print, Printing
from .positions import Numbering, PositionData
from .proving import Prove
from .settling import NoticeCost, SettledPayment
from .tls import ClientCertificate

Memo = dict[str, Any]
"""What a connector remembers between its steps: JSON values, no personal data."""


class Idempotency(Model):
    """What the provider does with a repeated request."""

    honours_key: bool = False
    resend_unconfirmed: bool = False
    """The connector opts in to sending again after an unknown outcome, with the same identifier."""


class Manifest(Model):
    """Facts about a connector, from its `manifest.toml`."""

    name: Code
    title: Label
    channel: Literal[Channel, "callback", "pagopa", "none"]
    """`callback`: what systems of vendors and of the ente are told; no item can wish for it. `pagopa`: debt positions,
    for which a payment asks by its `position`. `none`: a source, which delivers nothing."""
    auth: Literal["api_key", "smtp", "modi", "proof", "none"] = "none"
    """With `modi` the hub hands `connect` a `sign`, which makes the signer for an issuer and an audience. With `proof`
    the settings say how calls are proved (`contracts.proving`), and `connect` gets a `proof`."""
    limits: Limits = Limits()
    idempotency: Idempotency = Idempotency()
    paced: bool = False
    """The hub hands `connect` a `turn`, for rates that only a part of the deliveries share: a recipient's domain."""
    followed_days: Annotated[int, Field(ge=1, le=3650)] = 60
    """For so long after a delivery was made its `follow_up` is asked, whatever it wants."""
    ordered: bool = False
    """One notice at a time, in the order of their making, for each citizen and service: the next is sent once the one
    before was accepted or has ended."""
    calls: Annotated[tuple[ProviderCall, ...], Field(strict=False, fail_fast=True)] = ()
    """The provider's own calls that it answers, for `openapi/callbacks.yaml`."""


@dataclass(frozen=True, slots=True)
class PaymentData:
    """The pagoPA notice a message asks to pay."""

    notice_number: str
    amount_cents: int
    creditor_tax_code: str
    invalid_after_due: bool
    instalment: int | None = None
    """Which one of a debt's instalments it is, where it is one."""


@dataclass(frozen=True, slots=True)
class NoticeFile:
    """A file that goes with a notice. `repr` shows neither its title nor its content."""

    title: str = field(repr=False)
    media_type: str
    size: int
    sha256: str
    """Hex, of the content."""
    read: Callable[[], bytes] = field(repr=False, compare=False)
    """The content, opened anew each time: a step that needs it keeps it no longer than itself. Raises Deferred where
    it cannot be had now."""


@dataclass(frozen=True, slots=True)
class Legal:
    """What the notice notifies with legal effect, on the channel `send`."""

    wish: LegalNotification = field(repr=False)
    files: tuple[NoticeFile, ...] = ()
    """The documents, in order."""
    payments: tuple[PaymentData, ...] = field(default=(), repr=False)


CALLBACK = "callback"


@dataclass(frozen=True, slots=True)
class Push:
    """What a system is told at its own address: no personal data. `repr` does not show it all the same."""

    correlation_id: str
    """The same on every attempt; where the vendor asked, that of its request."""
    content: bytes = field(repr=False)
    """JSON."""
    url: str | None = None
    """Where to; None for the address that is registered."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One message for one citizen on one channel, as the connector receives it. `repr` shows no personal data."""

    delivery_id: str
    """Stable over all attempts: the idempotency key, the seed of a Message-ID."""
    ente_name: str
    kind: str
    """A message kind of the canonical model: info, payment_notice, document_issued, ..."""
    language: str
    created_at: datetime
    deep_link: str
    """Opaque address in the portal, without personal data."""
    tax_code: str = field(repr=False)
    email: str | None = field(repr=False)
    title: str = field(repr=False)
    body_markdown: str = field(repr=False)
    sensitive: bool = False
    """The notice itself must then carry neither title nor text, only that something waits."""
    due_at: datetime | None = None
    payment: PaymentData | None = None
    action: Action | None = field(default=None, repr=False)
    digital_address: str | None = field(default=None, repr=False)
    """The domicilio digitale, where the publication has one: for the channel `pec`."""
    unsubscribe_url: str | None = None
    """One-click address (RFC 8058); None where the person cannot switch the notice off."""
    service_id: str | None = None
    """The service of the catalogue that it is about: a provider's key may belong to one."""
    has_files: bool = False
    """A file of it is in the hub: `contracts.answering.Reading` gives it."""
    unreached: tuple[str, ...] = ()
    """The scopes of `contracts.inbound.Reach` in which the person is known not to be reached."""
    application: str | None = None
    """The `external_id` of the application that the message is about or links to, as its source names it."""
    legal: Legal | None = None
    """On the channel `send`, until the provider has accepted it."""
    withdrawn: bool = False
    """Its item was taken back after the provider may have got it: it is to be cancelled there, and not to be sent."""
    version: int = 1
    """Of the message: it may be corrected while it is on its way."""
    push: Push | None = None
    """On the channel `callback`: then the fields about a citizen are empty, unless a system of the ente is told."""
    settled: SettledPayment | None = None
    """On the channel `settled`: all that is told."""
    position: PositionData | None = None
    """On the channel `pagopa`: then `title` is the reason of the payment, and there is no text."""


@dataclass(frozen=True, slots=True)
class Done:
    """The provider has it for good. `provider_id` is the provider's own name of the message.

    `follow_up`: something may still be learned of it (that it was read, or paid). Its memo goes to
    `Connector.follow_up` after its `after`; whatever comes of that, the delivery stays delivered.
    """

    provider_id: str | None = None
    detail: str = ""
    reports: tuple[Report, ...] = ()
    """What was learned, to be kept in the same commit."""
    follow_up: "Continue | None" = None
    documents: tuple[ProviderDocument, ...] = ()
    """What a `FollowUp` found or missed."""
    costs: tuple[NoticeCost, ...] = ()
    """What it learned that the notification adds to payments."""


@dataclass(frozen=True, slots=True)
class Continue:
    """One step done, another to come after `after` (at once when zero).

    `accepted` says that the provider has taken the message and only its final word is awaited: the delivery shows as
    `waiting`. `unsafe` announces that the next step must not be repeated blindly. `provider_id`, where it is known
    before the end, is what a `contracts.inbound.Report` may name the delivery by.
    """

    memo: Memo
    after: timedelta = timedelta()
    unsafe: bool = False
    accepted: bool = False
    provider_id: str | None = None
    reports: tuple[Report, ...] = ()
    documents: tuple[ProviderDocument, ...] = ()
    """What a `FollowUp` found or missed, kept before the memo is."""
    costs: tuple[NoticeCost, ...] = ()
    """As in `Done`, likewise."""


Advance = Callable[[Notice, Memo], Done | Continue]
"""One step. Raises a `contracts.failures.Failure`; anything else is a bug of the connector."""

Lookup = Callable[[Notice, Memo], Done | Continue | None]
"""Asks the provider what became of a delivery that may have been sent: Done or an accepted Continue where it has it,
None where it surely has not. Raises Unconfirmed where it cannot tell, Deferred where it cannot be asked now."""


FollowUp = Callable[[Notice, Memo], Done | Continue]
"""Asks what became of a delivery that is done: Continue to ask again after `after`, Done where nothing more is to be
learned. It changes nothing at the provider, so that it may be asked twice. Any Failure puts the question off."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that an administrator can do at the provider, besides deliveries: make a service, change a key."""

    title: str
    arguments: type[BaseModel]
    """Closed; its JSON Schema is what an administrator is shown."""
    run: Callable[[Any], Mapping[str, Any]] = field(repr=False)
    """Takes validated arguments, and gives what the provider answered, as JSON values; it may hold a new key, and is
    shown to the administrator alone. Raises a Failure."""
    begins: bool = field(kw_only=True)
    """Whether something begins at the provider that goes on there: a new service, one that is published. It is refused
    for a body that leaves. What only looks, sets right or ends is not."""


@dataclass(frozen=True, slots=True)
class Preview:
    """One call that a delivery makes, for the person who decides whether it is sent again. No secret is in it.

    `call` says what goes where, without personal data; `fields` what goes out under which name. The same notice and
    settings give the same preview, so that two of them can be compared: what changes with every attempt is left out.
    """

    call: str
    fields: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Connector:
    """A connector ready for use: what `connect(settings)` of a connector folder returns."""

    manifest: Manifest
    advance: Advance
    check: Callable[[], str]
    """Really calls the provider; returns a sentence for the administrator or raises a Failure."""
    close: Callable[[], None] = lambda: None
    lookup: Lookup | None = None
    """Where the provider can be asked: then nothing that may have been sent is sent again unasked."""
    preview: Callable[[Notice], tuple[Preview, ...]] | None = None
    """The calls of a delivery from its first step on, as far as they can be known, without making any. Raises the
    Failure that the delivery would meet before its first call."""
    pull: Pull | None = None
    """Asks the provider for what it has; where that is items, its settings are a `contracts.inbound.SourceSettings`."""
    afresh: Afresh | None = None
    """Where `pull` puts off by itself what could not be read."""
    look: Look | None = None
    """Where the source can be asked about one thing: without it nothing that is missing is taken back."""
    looks_at_lists: bool = False
    """Whether `look` knows no more than the lists of all that there is (`Pulled.all_names`): then two of them, one
    after the other, have to lack a thing before it is asked. Pages move under a walk: one may lack what is there."""
    parts: Parts = field(default_factory=dict)
    """What is taken back with that."""
    answer: Answer | None = None
    """Answers the provider's own calls."""
    read: Read | None = None
    """Reads what an administrator uploads or pastes, and what stands in quarantine."""
    read_whole: ReadWhole | None = None
    """Where what an administrator uploads is all that the source has."""
    cart: MakeCart | None = None
    """Makes a cart in which notices are paid in a browser."""
    printed: Print | None = None
    """Prints a notice."""
    printing: Printing | None = None
    """Prints many of them, meanwhile."""
    numbering: Numbering | None = None
    """Where the hub takes the notice numbers from that vendors leave out of payments with a `position`."""
    follow_up: FollowUp | None = None
    certificates: tuple[ClientCertificate, ...] = ()
    """Those that it shows to servers; the hub puts them here."""
    operations: Mapping[str, Operation] = field(default_factory=dict)

    @property
    def may_repeat(self) -> bool:
        """Whether a delivery goes on by itself after an unknown outcome; else a person decides."""
        own = self.manifest.idempotency
        return self.lookup is not None or own.honours_key or own.resend_unconfirmed


Turn = Callable[[str, float], timedelta]
"""Takes the next place among those who share a rate of so many per second, by the name of what they share, for all
processes together: how long until it is theirs. Each call takes one."""


@dataclass(frozen=True, slots=True)
class ConnectorType:
    """A connector folder as the registry found it."""

    manifest: Manifest
    settings: type[BaseModel]
    connect: Callable[..., Connector]
    """Takes the validated settings and the limits in force (the manifest's, or the administrator's); and `sign` or
    `proof`, where the manifest's `auth` is `modi` or `proof`."""
    prove: Prove | None = None
    """Makes the `proof`, of the ente and the settings; the hub puts it here."""
    turns: Callable[[str, str], Turn] | None = None
    """Makes the `turn`, of the ente and the connector's id; the hub puts it here."""
    refer: Callable[[str, str], str] | None = None
    """The secret that a reference in the settings of an ente names (`env:NAME`, `file:NAME`); the hub puts it here.
    Raises ValueError."""


class Simulation(Protocol):
    """A simulated provider: what `simulate(folder, **options)` of a connector's `simulator` module returns."""

    def start(self) -> Mapping[str, Any]:
        """Begin to serve on loopback; returns the settings that point a connector at it."""
        ...

    def stop(self) -> None: ...
