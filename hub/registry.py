"""Who is known to the hub: enti, vendors, portals and their keys, as plain values.

The store loads them, security decides with them; neither knows the other. A `Registry` is a whole, immutable picture
with the trust version it was read at: a change replaces it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

KeyKind = Literal["anchor", "public_anchor", "thumbprint", "certificate", "jwk", "assertion_jwk"]
TrustKind = Literal["x509", "jwk"]


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

    def ente_of_audience(self, audiences: tuple[str, ...], *, api: Literal["publish", "feed"]) -> Ente | None:
        """The one ente whose audience of that API is among `audiences`; None when there is none or more than one."""
        found = [e for e in self.enti if (e.publish_audience if api == "publish" else e.feed_audience) in audiences]
        return found[0] if len(found) == 1 else None

    def ente(self, ente_id: str) -> Ente:
        """The ente of that code. Raises KeyError."""
        for ente in self.enti:
            if ente.ente_id == ente_id:
                return ente
        raise KeyError(ente_id)
