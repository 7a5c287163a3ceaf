"""The certificates that a token's header presents: in `x5c`, behind an allowed `x5u`, or named by `x5t#S256`.

They are believed in nothing yet: `certificates` decides. Only the forms configured for a vendor are honoured: `x5u`
where it has hosts, `x5t#S256` where a certificate is registered; `jku`, `jwk` and SHA-1 `x5t` never are (modi 5.11).
"""

import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from contracts.addresses import LOOPBACK
from hub.registry import Key, Vendor

from . import der
from .causes import Refusal
from .jose import base64url
from .material import Shelf
from .revocation import Consulted, Mode

MAX_CERTIFICATES: Final = 5
MAX_URL_CHARS: Final = 1000


@dataclass(frozen=True, slots=True)
class CertificateRules:
    """How one vendor's certificates may come besides `x5c`, and whether their revocation is asked for."""

    x5u_hosts: frozenset[str] = frozenset()
    """`host` or `host:port`, in lower case: only these are ever asked for certificates. Empty: `x5u` is ignored."""
    revocation: Mode = "off"


@dataclass(frozen=True, slots=True)
class Presented:
    """A leaf and what came with it."""

    leaf: x509.Certificate
    intermediates: tuple[x509.Certificate, ...]
    consulted: tuple[Consulted, ...] = ()
    """What was fetched for it."""


def thumbprint(leaf: x509.Certificate) -> str:
    """Lower-case hex SHA-256 of the DER (x5t#S256 is the same in base64url)."""
    return sha256(leaf.public_bytes(Encoding.DER)).hexdigest()


def read(header: Mapping[str, Any], vendor: Vendor, rules: CertificateRules, shelf: Shelf, now: datetime) -> Presented:
    """The certificates of the first form in the header that is configured: `x5c`, `x5u`, then `x5t#S256`.

    Raises:
        Wanted: what lies behind `x5u` is not at hand.
        Refusal: `key.reference_missing`, `certificate.malformed`, `certificate.host`, `certificate.unreachable`,
            `key.unknown`.
    """
    if "x5c" in header:
        found = read_x5c(header)
    elif "x5u" in header and rules.x5u_hosts:
        found = _read_x5u(header["x5u"], rules, shelf, now)
    elif "x5t#S256" in header and (registered := [one for one in vendor.keys if one.kind == "certificate"]):
        return _registered(header["x5t#S256"], registered)
    else:
        raise Refusal("key.reference_missing", "no x5c")
    if "x5t#S256" in header and header["x5t#S256"] != _x5t(found.leaf):
        raise Refusal("certificate.malformed", "x5t#S256 is not the leaf's")
    return found


def read_x5c(header: Mapping[str, Any]) -> Presented:
    """The certificates of `x5c` (RFC 7515 4.1.6: standard base64 of DER, leaf first).

    Raises:
        Refusal: `certificate.malformed`.
    """
    x5c = header.get("x5c")
    if not isinstance(x5c, list) or not 1 <= len(x5c) <= MAX_CERTIFICATES:
        raise Refusal("certificate.malformed", f"x5c is not a list of 1 to {MAX_CERTIFICATES}")
    try:
        return _certificates([binascii.a2b_base64(one.encode("ascii"), strict_mode=True) for one in x5c])
    except (ValueError, AttributeError, TypeError):
        raise Refusal("certificate.malformed") from None


def _certificates(ders: Sequence[bytes]) -> Presented:
    if not 1 <= len(ders) <= MAX_CERTIFICATES:
        raise Refusal("certificate.malformed", f"not 1 to {MAX_CERTIFICATES} certificates")
    try:
        leaf, *others = [der.certificate(one) for one in dict.fromkeys(ders)]
    except der.Unreadable:
        raise Refusal("certificate.malformed") from None
    return Presented(leaf, tuple(others))


def _read_x5u(x5u: Any, rules: CertificateRules, shelf: Shelf, now: datetime) -> Presented:
    """What the shelf holds for that address, which must be one of an allowed host (RFC 8725 3.10)."""
    if not isinstance(x5u, str) or len(x5u) > MAX_URL_CHARS or not x5u.isascii() or not x5u.isprintable():
        raise Refusal("certificate.malformed", "x5u is no address")
    if not _allowed(x5u, rules.x5u_hosts):
        raise Refusal("certificate.host")
    held = shelf.get("x5u", x5u, now.timestamp())
    if held.value is None:
        raise Refusal("certificate.unreachable", held.problem)
    found = _certificates(held.value)
    return Presented(found.leaf, found.intermediates, (Consulted("x5u", x5u, held),))


def _allowed(url: str, hosts: frozenset[str]) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    # http for a simulator on the same machine; whoever fetches still has to be allowed to.
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return False
    # Readers of addresses disagree about a backslash.
    if not parts.hostname or "@" in parts.netloc or parts.fragment or " " in url or "\\" in url:
        return False
    return f"{parts.hostname}:{port or 443}" in hosts or (port in (None, 443) and parts.hostname in hosts)


def _registered(x5t: Any, entries: Sequence[Key]) -> Presented:
    """The registered certificate of that thumbprint. A name alone says nothing about a certificate not yet known."""
    if not isinstance(x5t, str):
        raise Refusal("certificate.malformed", "x5t#S256 is no text")
    for entry in entries:
        leaf, *others = registered_certificates(entry)
        if _x5t(leaf) == x5t:
            return Presented(leaf, tuple(others))
    raise Refusal("key.unknown", "no registered certificate has that x5t#S256", facts=f"x5t#S256 is {x5t[:100]!r}")


def registered_certificates(entry: Key) -> list[x509.Certificate]:
    """The certificates of a registry entry in PEM, in their order; at least one.

    Raises:
        Refusal: `chain.invalid`.
    """
    return _registered_pem(entry.material)


@lru_cache(maxsize=1024)
def _registered_pem(material: str) -> list[x509.Certificate]:
    try:
        found = [der.pem_certificate(pem) for pem in der.pem_parts(material.encode())]
    except ValueError:  # Unreadable, or no text that can be encoded
        raise Refusal("chain.invalid", "the registered certificate cannot be read") from None
    if not found:
        raise Refusal("chain.invalid", "the registry entry holds no certificate")
    return found


def _x5t(leaf: x509.Certificate) -> str:
    return base64url(bytes.fromhex(thumbprint(leaf)))
