"""What a publication is before it is written, and what its vendor is told of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from contracts.positions import Numbering

from .citizens import Subject
from .connector_versions import Environment
from .standing import NORMAL

CONNECTOR_UNKNOWN = "-"
"""Stands for the connector of a channel that none serves."""

UNSERVED = "channel.not_configured"
"""Why a delivery was skipped where nothing was wrong but the set-up: no connector serves its channel."""

NO_ADDRESS = "email.no_address"
"""Why an e-mail was skipped: the publication gave no address, and the citizen verified none."""


class Identity(NamedTuple):
    """An item by its vendor's own name, unique in an ente."""

    ente_id: str
    vendor_id: str
    source: str
    external_id: str
    collection: str


@dataclass(frozen=True, slots=True)
class PlannedDelivery:
    """A channel to try. With a `reason` it cannot be tried at all and is recorded as skipped."""

    channel: str
    connector_id: str
    max_age: timedelta = timedelta()
    reason: str | None = None
    ordered: bool = False
    """Its connector wants one citizen's notices about a service one at a time."""
    priority: int = NORMAL


class Appointment(NamedTuple):
    """When the hub looks at an item again by itself, and on which occasion."""

    occasion: str
    at: datetime
    late: bool = False
    """Kept also where the moment has passed already."""


class Enclosure(NamedTuple):
    """An item that goes along with a message, and where the message names it."""

    pointer: str
    identity: Identity


@dataclass(frozen=True, slots=True)
class Registration:
    """The debt position that a payment asks for: who registers it, and where its notice numbers are taken from."""

    connector_id: str
    max_age: timedelta
    numbering: Numbering


@dataclass(frozen=True, slots=True)
class Asked:
    """What a payment's `position` asks for. Who registers it is known once it is known whether the payment is on
    trial (`registering.served`)."""

    creditor_tax_code: str
    missing: tuple[int, ...]
    """As of `Numbers`."""
    several_plans: bool
    by: Mapping[Environment, Registration]
    """The connector of each environment that registers the creditor's positions, where there is one."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """The notice numbers that the hub gives to a payment."""

    numbering: Numbering
    missing: tuple[int, ...]
    """The parts without a number: 0 is the whole, n the n-th instalment."""


class Finding(NamedTuple):
    """In what an application falls short of a criterion, which is noted and no reason to refuse it (S24)."""

    code: str
    criterion: str
    days: int | None = None
    """By which a term is exceeded."""


@dataclass(frozen=True, slots=True)
class Told:
    """The message that a rule makes of an item, its external_id being the rule's name; and where it goes."""

    message: "Draft"
    deliveries: tuple[PlannedDelivery, ...] = ()
    again: bool = False
    """Whenever the item comes into such a state from another; otherwise once in its life."""
    instead_of: frozenset[str] = frozenset()
    """Rules that tell of the same state by another name: where this one did not tell last of them all, it is news."""
    occasion: str = ""
    """Of the item's agenda: once for each."""
    kind: str = "info"
    in_turn: bool = False
    """One channel after the other, until one reaches."""
    worded: "Callable[[str], Draft] | None" = None
    """The message in another language; None where its words are the vendor's own."""
    fact: str = ""
    """A place that changes: told of again where it is not the one told last."""

    @property
    def rule(self) -> str:
        """Its rule's name."""
        return self.message.identity.external_id


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source says to a request about its subscription, with the message that tells of it, by kind of request."""

    request_id: str
    outcome: Literal["accepted", "refused"]
    told: Mapping[str, Told] = field(default_factory=dict)


@dataclass(slots=True)
class Draft:
    """A valid item, as ingest understood it: clear columns, and its canonical JSON to be sealed. Nobody changes one;
    that it were frozen would cost five times its making, with so many fields, and each item makes two or more."""

    identity: Identity
    subject: Subject
    version: int
    content_hash: str
    payload: bytes = field(repr=False)
    state: str
    reported_state: str
    turn: str
    occurred_at: datetime
    service_id: str | None = None
    sensitivity: str = "normal"
    min_loa: int = 2
    visible_from: datetime | None = None
    expires_at: datetime | None = None
    due_at: datetime | None = None
    as_of: datetime | None = None
    notice_key: str | None = None
    on_trial: bool = False
    """Its vendor is in its sandbox, or a connector for tests brought it: it touches nothing else of its notice."""
    settles: bool = False
    """A receipt whose vendor may settle notices of other vendors too."""
    file_sha256: str | None = None
    """The file it announces: a later version with the same one needs no new upload."""
    told: Told | None = None
    """By which a rule tells of it; an item of `messages` is its own."""
    deliveries: tuple[PlannedDelivery, ...] = ()
    """Of an item of `messages`."""
    in_turn: bool = False
    """Of its deliveries: one channel after the other, until one reaches."""
    deadlines: "tuple[Draft, ...]" = ()
    """What is or was due of it, each with the state it has now, its external_id being its kind."""
    agenda: tuple[Appointment, ...] = ()
    findings: tuple[Finding, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    """(rel, external_id) of the items of its vendor and source that it is tied to; of a message none is kept, but for
    what a legal notification asks to pay."""
    encloses: tuple[Enclosure, ...] = ()
    """Of a message that is a legal notification: the documents and payments that go along."""
    handover: str | None = None
    """Where a document on paper is on its way to the citizen."""
    unlisted_type: str | None = None
    """The type of a document, where the administrator has none of that name."""
    renews: Identity | None = None
    """The subscription of the period before."""
    answer: Answer | None = None
    copies: "tuple[Draft, ...]" = ()
    """For those who hold it as well, each under its own citizen."""
    asked: Asked | None = None
    registration: Registration | None = None
    numbers: Numbers | None = None
    instalments: tuple[str | None, ...] = ()
    """Of a payment that may be paid in parts: the notice key of each, None where the hub gives the number."""

    @property
    def names(self) -> tuple[Identity, ...]:
        """The items it changes: its own, and the one it renews."""
        return (self.identity,) if self.renews is None else (self.identity, self.renews)

    def renamed(self, external_id: str) -> "Draft":
        """The same under another name of the hub's own."""
        return replace(self, identity=self.identity._replace(external_id=external_id))


@dataclass(slots=True)
class Published:
    """The answer to a publication; `notification` is known last, when the whole batch is."""

    item_id: str
    external_id: str
    version: int
    lifecycle: str
    outcome: Literal["created", "updated", "unchanged", "superseded"]
    received_at: datetime
    notification: str
