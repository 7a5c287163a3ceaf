"""Who is known to the hub: enti, vendors, portals and their keys, as plain values.

The store loads them, security decides with them; neither knows the other. A `Registry` is a whole, immutable picture
with the trust version it was read at: a change replaces it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from contracts.subscription_services import SubscriptionService

from .catalogue import DRAFT_DAYS, Card, card_of
from .profile import DEFAULT_PROFILE, Profile

ALERTS = "alerts"
"""The right of a vendor (civil protection) whose messages of kind `alert` go before all others, and at any hour."""

KeyKind = Literal[
    "anchor",
    "public_anchor",
    "thumbprint",
    "certificate",
    "jwk",
    "assertion_jwk",
    "channel_anchor",
    "channel_thumbprint",
]
TrustKind = Literal["x509", "jwk", "pdnd"]


@dataclass(frozen=True, slots=True)
class Pdnd:
    """What an ente registered at PDND as erogatore: one e-service, and the environment it is in."""

    issuer: str
    """`iss` of the environment's vouchers, such as `interop.pagopa.it`."""
    jwks_url: str
    """Where the keys of those vouchers are published."""
    audience: str
    """The e-service's audience: `aud` of vouchers, and of what is signed with PDND keys."""
    keys_url: str = ""
    """Base of the API that gives the clients' keys by kid."""
    api_version: str = "v3"
    """Of that API, whose shapes differ."""
    eservice_id: str = ""
    producer_id: str = ""
    descriptor_ids: frozenset[str] = frozenset()
    """Compared where a voucher carries them; empty means not configured (modi 2.3)."""


@dataclass(frozen=True, slots=True)
class Ente:
    """A body. The verified `aud` of a token selects it (`settled` 1)."""

    ente_id: str
    name: str
    public_url: str
    publish_audience: str
    feed_audience: str
    portal_url: str
    """Base of the deep links that notices carry."""
    pdnd: Pdnd | None = None
    ended_at: datetime | None = None
    """Since when it has left: nothing is taken or shown for it any more."""


@dataclass(frozen=True, slots=True)
class Key:
    """One piece of trust material of a vendor or portal."""

    key_id: str
    kind: KeyKind
    material: str
    """PEM of certificates (anchors, or a leaf and its issuer), hex SHA-256 thumbprint, or JSON of a public JWK."""
    kid: str | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    revoked_at: datetime | None = None

    def usable(self, now: datetime) -> bool:
        """Whether the key may verify a signature at `now`."""
        return (
            (self.revoked_at is None or now < self.revoked_at)
            and (self.valid_from is None or self.valid_from <= now)
            and (self.valid_to is None or now < self.valid_to)
        )


@dataclass(frozen=True, slots=True)
class Vendor:
    """A registered organisation that publishes."""

    ente_id: str
    vendor_id: str
    name: str
    trust: TrustKind
    active: bool
    keys: tuple[Key, ...]
    subject: str
    """The CN or organizationIdentifier its certificates must carry under a private anchor."""
    aliases: frozenset[str] = frozenset()
    collections: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    """Empty means every service."""
    rights: frozenset[str] = frozenset()
    signature_only: bool = False
    """The vendor may send `Agid-JWT-Signature` alone (`modi` 5.13)."""
    daily_quota: int | None = None
    profile: Profile = DEFAULT_PROFILE
    stage: Literal["sandbox", "production"] = "production"
    """What a vendor in its sandbox publishes goes out by connectors for tests alone."""
    ended_at: datetime | None = None
    """Since when it has left; it is not active either. Its keys verify still, so that it is told why it is refused."""


@dataclass(frozen=True, slots=True)
class Portal:
    """A client that reads the feed on behalf of a logged-in citizen."""

    ente_id: str
    portal_id: str
    name: str
    active: bool
    keys: tuple[Key, ...]
    """`jwk` for its own token, `assertion_jwk` for the citizen assertion."""
    scopes: frozenset[str] = frozenset()


OTHERS = "*"


@dataclass(frozen=True, slots=True)
class DocumentType:
    """A type of document that the administrator knows (S54)."""

    label_it: str = ""
    label_en: str = ""
    retention_months: int | None = None
    """A hint for whoever sets retention; None: as long as the municipality keeps the archive (`settled` 17)."""
    keep_copy: bool = False
    """Of a file by reference the hub keeps a copy of its own, under the citizen's key (S55)."""
    refused: bool = False
    """Of `OTHERS`: a document of a type that is not listed is refused."""
    seen: str | None = None
    """The vendor that published a document of a type that is not listed: the administrator has to decide about it."""


@dataclass(frozen=True, slots=True)
class Registry:
    """Everyone, at one trust version."""

    version: int
    enti: tuple[Ente, ...] = ()
    vendors: Mapping[tuple[str, str], Vendor] = field(default_factory=lambda: MappingProxyType({}))
    """By (ente_id, vendor id or alias)."""
    portals: Mapping[tuple[str, str], Portal] = field(default_factory=lambda: MappingProxyType({}))
    """By (ente_id, portal_id)."""
    services: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType({}))
    """The catalogue, by (ente_id, service_id)."""
    rules: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType({}))
    """What administrators changed of the rules of notices, by (ente_id, name of the rule)."""
    subscription_services: Mapping[tuple[str, str], SubscriptionService] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """By (ente_id, code)."""
    document_types: Mapping[tuple[str, str], DocumentType] = field(default_factory=lambda: MappingProxyType({}))
    """By (ente_id, doc_type); under `OTHERS`, what becomes of a document of a type that is none of these."""
    clients: Mapping[tuple[str, str], Vendor] = field(default_factory=lambda: MappingProxyType({}))
    """By (ente_id, PDND client id): the vendor that uses the client."""
    draft_days: Mapping[tuple[str, str, str], int] = field(default_factory=lambda: MappingProxyType({}))
    """By (ente_id, vendor_id, source), where an administrator set more than `DRAFT_DAYS`."""

    @property
    def served(self) -> tuple[Ente, ...]:
        """The enti that have not left."""
        return tuple(ente for ente in self.enti if ente.ended_at is None)

    @property
    def left(self) -> frozenset[str]:
        """The codes of those that have."""
        return frozenset(ente.ente_id for ente in self.enti if ente.ended_at is not None)

    def card(self, ente_id: str, service_id: str) -> Card | None:
        """The card of a service, None where the catalogue has none."""
        record = self.services.get((ente_id, service_id))
        return None if record is None else card_of(service_id, record)

    def catalogue(self, ente_id: str) -> tuple[Card, ...]:
        """All cards of an ente by their id, whatever their state; citizens are shown those that are `published`."""
        mine = ((name, record) for (owner, name), record in self.services.items() if owner == ente_id)
        return tuple(card_of(name, record) for name, record in sorted(mine, key=lambda each: each[0]))

    def days_of_drafts(self, ente_id: str, vendor_id: str, source: str) -> int:
        """How many days a draft of that source is kept from its last edit (S18)."""
        return self.draft_days.get((ente_id, vendor_id, source), DRAFT_DAYS)

    def ente_of_audience(self, audiences: tuple[str, ...], *, api: Literal["publish", "feed"]) -> Ente | None:
        """The one ente whose audience of that API is among `audiences`; None when there is none or more than one.

        What is signed for publishing may also name the ente by its e-service at PDND (modi 5.4).
        """
        if api == "feed":
            found = [ente for ente in self.enti if ente.feed_audience in audiences]
        else:
            found = [
                ente
                for ente in self.enti
                if ente.publish_audience in audiences or (ente.pdnd is not None and ente.pdnd.audience in audiences)
            ]
        return found[0] if len(found) == 1 else None

    def ente_of_eservice(self, audiences: tuple[str, ...]) -> Ente | None:
        """The one ente whose e-service at PDND is among `audiences`: what a voucher names."""
        found = [ente for ente in self.enti if ente.pdnd is not None and ente.pdnd.audience in audiences]
        return found[0] if len(found) == 1 else None

    def document_type(self, ente_id: str, doc_type: str) -> DocumentType | None:
        """The type of that name; None where it is not listed, also where only vendors used it."""
        found = self.document_types.get((ente_id, doc_type))
        return None if found is None or found.seen is not None else found

    def other_types(self, ente_id: str) -> DocumentType:
        """What becomes of documents of types that are not listed: unless the administrator said so, they are taken."""
        return self.document_types.get((ente_id, OTHERS), DocumentType())

    def ente(self, ente_id: str) -> Ente:
        """The ente of that code. Raises KeyError."""
        for ente in self.enti:
            if ente.ente_id == ente_id:
                return ente
        raise KeyError(ente_id)
