"""A provider's call, and how a connector answers it.

The connector authenticates the caller, may read what the call is about (`Reading`), and gives a `Reply`, or says what
payment is to be made (`Demanded`). It writes nothing: what it found is the hub's to keep, before the answer leaves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, Protocol

from .inbound import Found, Report, Wrong
from .positions import Numbering, StampDuty


@dataclass(frozen=True, slots=True)
class Call:
    """A request of a provider to `/callbacks/v1/{ente_id}/{connector_id}/{path}`. `repr` shows no content."""

    method: str
    path: str
    """What comes after the connector's own address, without a slash at its start."""
    url: str = field(repr=False)
    """The whole public address that was called, for signatures that cover it."""
    query: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    now: datetime
    address: str = field(default="", repr=False)
    """Of the caller, or of whom a trusted proxy speaks for."""
    certificate: bytes | None = field(default=None, repr=False)
    """The client certificate of the TLS connection (DER), as a trusted proxy handed it over; not validated."""

    def header(self, name: str) -> str | None:
        """The only value of a header; None where there is none, or more than one."""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        return found[0] if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer, sent once `found` and `reports` are kept. Where the store does not take them it is 503 instead, and
    where one of them cannot become an item `otherwise`, if given."""

    status: int
    body: bytes = field(default=b"", repr=False)
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    found: tuple[Found, ...] = field(default=(), repr=False)
    reports: tuple[Report, ...] = ()
    otherwise: "Reply | None" = None
    declined: Wrong | None = None
    """Why what was asked for was not done, for operators: it is logged and counted."""


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file that belongs to a message."""

    file_id: str
    filename: str = field(repr=False)
    media_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that was delivered by this connector, as its citizen may read it whole."""

    delivery_id: str
    title: str = field(repr=False)
    body_markdown: str = field(repr=False)
    ente_name: str
    language: str
    created_at: datetime
    deep_link: str
    """Opaque address in the portal, as in `contracts.connector.Notice`."""
    withdrawn: bool
    sensitive: bool = False
    """It is read in the personal area alone, and not through a provider."""
    service_id: str | None = None
    """Of the ente's catalogue, by which it was sent."""
    files: tuple[AttachedFile, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class OwedPart:
    """One beneficiary's share of a payment, or a digital revenue stamp."""

    kind: Literal["pagopa", "stamp"]
    amount_cents: int
    receiver_tax_code: str
    reason: str | None = field(default=None, repr=False)
    category: str | None = None
    """Of pagoPA's taxonomy, where its source said it."""
    stamp: StampDuty | None = None
    """The document that a revenue stamp is for, where its source said it."""


@dataclass(frozen=True, slots=True)
class OwedPayment:
    """A pagoPA notice that the hub knows of."""

    item_id: str
    state: str
    amount_cents: int
    """What a legal notification adds to it is not in it, nor in the parts."""
    cost_cents: int
    """That: it is the creditor's."""
    due_date: date | None
    reason: str = field(repr=False)
    tax_code: str = field(repr=False)
    notice_number: str
    creditor_tax_code: str
    service_id: str | None
    parts: tuple[OwedPart, ...]
    """As its source published them; empty: all of it is the creditor's."""
    receipt_numbers: tuple[str, ...]
    """Of the receipts that are here for this notice: another one would be a second payment."""

    @property
    def to_pay_cents(self) -> int:
        """What is to be paid of it, now."""
        return self.amount_cents + self.cost_cents


@dataclass(frozen=True, slots=True)
class Demanded:
    """A payment that a provider's call asks to be made on the spot, in the place of a reply. It is published as a
    vendor's would be, with a notice number of the hub's, and the reply is sent once it is kept.

    Demanded again while it can be paid it is the same one, by its `external_id`, or where it has none by what it says:
    an answer that was lost makes no second one. With an `external_id` it is one payment for ever, and until it is paid
    what is said of it otherwise is its new version. `refused` is the reply where the contract, or what its vendor may
    do, forbids it: then nothing is kept.
    """

    item: Mapping[str, Any] = field(repr=False)
    """As its vendor would publish it, without `version` and `notice_number`, and with an `external_id` or without."""
    vendor_id: str
    """Whose it is."""
    numbering: Numbering
    passing: frozenset[str]
    """Fields that tell of the moment of the call: they make it no other payment."""
    answer: Callable[[OwedPayment], Reply] = field(repr=False)
    refused: Reply


class Reading(Protocol):
    """What a callback may read: of its own ente, and each reading of a citizen's data is in the access log."""

    def message(self, delivery_id: str, tax_code: str) -> SentMessage | None:
        """The message of one of the connector's deliveries; None where that is another's, or another citizen's."""
        ...

    def file(self, delivery_id: str, tax_code: str, file_id: str) -> bytes | None:
        """A file of such a message. None as above, and where its content is not held."""
        ...

    def payment(self, creditor_tax_code: str, notice_number: str) -> OwedPayment | None:
        """A payment by its notice."""
        ...


Answer = Callable[[Call, Reading], Reply | Demanded]
"""Answers a provider's call. It authenticates the caller as the provider documents it, and refuses others."""
