"""Whether the certificates in `x5c` belong to a vendor: chain, dates, key, usage, subject.

Revocation lists are not read (modi 5.11): an anchor or thumbprint is revoked in the registry, within seconds.
"""

import binascii
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from hub.registry import Key, Vendor

from .causes import Refusal
from .jose import MIN_RSA_BITS, VerifyingKey, algorithm_of

MAX_CERTIFICATES: Final = 5
MIN_EC_BITS: Final = 256

# A leaf signs requests as a TLS client, or as a seal (document signing, e-mail, "any"), or has no EKU at all.
_USES: Final = frozenset(
    {
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.EMAIL_PROTECTION,
        ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
        x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),  # id-kp-documentSigning, RFC 9336
    }
)
_UNDERSTOOD: Final = frozenset(
    {
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.CERTIFICATE_POLICIES,
    }
)
_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Trusted:
    """A signer's key that the registry vouches for, from and until when."""

    key: VerifyingKey
    since: datetime
    until: datetime


def thumbprint(leaf: x509.Certificate) -> str:
    """Lower-case hex SHA-256 of the DER (x5t#S256 is the same in base64url)."""
    return sha256(leaf.public_bytes(Encoding.DER)).hexdigest()


def validate(header: Mapping[str, Any], vendor: Vendor, now: datetime) -> Trusted:
    """The key of the `x5c` leaf, if one of the vendor's usable trust entries vouches for it at `now`.

    In order: form, dates, key size, usage, pinned thumbprint, then anchors with the subject rule of `settled` 2.

    Raises:
        Refusal: `key.reference_missing`, `certificate.*`, `chain.invalid`, `key.unknown`, `key.unusable`.
    """
    leaf, intermediates = read_x5c(header)
    print_ = thumbprint(leaf)
    _dates(leaf, now)
    _strength(leaf)
    _usage(leaf)
    entry, chain = _vouched(leaf, print_, intermediates, vendor, now)
    key = VerifyingKey(public=_signing_key(leaf), alg=_algorithm(leaf), signer=f"x5t#S256:{print_}")
    ends = [end for end in (entry.valid_to, entry.revoked_at) if end is not None]
    return Trusted(
        key=key,
        since=max(one.not_valid_before_utc for one in chain),
        until=min([*(one.not_valid_after_utc for one in chain), *ends]),
    )


def presented_key(header: Mapping[str, Any]) -> VerifyingKey:
    """The key of the `x5c` leaf as presented, believed in nothing. Raises Refusal where it can be no signing key."""
    leaf, _ = read_x5c(header)
    _strength(leaf)
    return VerifyingKey(public=_signing_key(leaf), alg=_algorithm(leaf), signer="")


def read_x5c(header: Mapping[str, Any]) -> tuple[x509.Certificate, list[x509.Certificate]]:
    """The leaf and the intermediates of `x5c` (RFC 7515 4.1.6: standard base64 of DER, leaf first).

    `x5u` is never fetched, `x5t#S256` must be the leaf's own, SHA-1 `x5t`, `jku` and `jwk` are ignored (modi 5.11).
    """
    x5c = header.get("x5c")
    if x5c is None:
        raise Refusal("key.reference_missing", "no x5c")
    if not isinstance(x5c, list) or not 1 <= len(x5c) <= MAX_CERTIFICATES:
        raise Refusal("certificate.malformed", f"x5c is not a list of 1 to {MAX_CERTIFICATES}")
    try:
        ders = [binascii.a2b_base64(one.encode("ascii"), strict_mode=True) for one in x5c]
        certificates = [x509.load_der_x509_certificate(der) for der in ders]
    except (ValueError, AttributeError, TypeError, UnsupportedAlgorithm):
        raise Refusal("certificate.malformed") from None
    reference = header.get("x5t#S256")
    own = urlsafe_b64encode(sha256(ders[0]).digest()).rstrip(b"=").decode("ascii")
    if reference is not None and reference != own:
        raise Refusal("certificate.malformed", "x5t#S256 is not the leaf's")
    return certificates[0], certificates[1:]


def _vouched(
    leaf: x509.Certificate, print_: str, intermediates: list[x509.Certificate], vendor: Vendor, now: datetime
) -> tuple[Key, list[x509.Certificate]]:
    """The trust entry that vouches for the leaf and the chain it was found by; else the most telling refusal."""
    refusal = Refusal("key.unknown", "no certificate or anchor is registered")
    for entry in vendor.keys:
        pinned = entry.kind == "thumbprint" and entry.material.strip().lower() == print_
        if not pinned and entry.kind not in ("anchor", "public_anchor"):
            continue
        if not entry.usable(now):
            refusal = Refusal("key.unusable", f"trust entry {entry.key_id}")
            continue
        if pinned:
            return entry, [leaf]
        try:
            return entry, _under(entry, leaf, intermediates, vendor, now)
        except Refusal as found:
            refusal = found
    raise refusal


def _under(
    entry: Key, leaf: x509.Certificate, intermediates: list[x509.Certificate], vendor: Vendor, now: datetime
) -> list[x509.Certificate]:
    anchors = _anchors(entry.material)
    names = _values(leaf, NameOID.ORGANIZATION_IDENTIFIER)
    if entry.kind == "anchor":
        names |= _values(leaf, NameOID.COMMON_NAME)
    elif leaf.issuer not in [anchor.subject for anchor in anchors]:
        # One public CA serves everybody: the issuing CA itself is what is pinned, not a root above many.
        raise Refusal("chain.invalid", "not issued by the pinned public CA itself")
    if vendor.subject not in names:
        what = "CN or organizationIdentifier" if entry.kind == "anchor" else "organizationIdentifier"
        raise Refusal(
            "certificate.subject",
            f"{what} is not the registered one",
            facts=f"expected {vendor.subject!r}, the certificate has {sorted(names)!r}",
        )
    chain = _chain(leaf, intermediates, entry.material, now)
    if entry.kind == "public_anchor" and chain[1] not in anchors:
        raise Refusal("chain.invalid", "not issued by the pinned public CA itself")
    for certificate in chain[1:]:
        _strength(certificate)
    return chain


def _values(leaf: x509.Certificate, oid: x509.ObjectIdentifier) -> set[str]:
    return {str(attribute.value) for attribute in leaf.subject.get_attributes_for_oid(oid)}


@lru_cache(maxsize=1024)
def _anchors(material: str) -> list[x509.Certificate]:
    try:
        found = [x509.load_pem_x509_certificate(pem.encode("ascii")) for pem in _PEM.findall(material)]
    except (ValueError, UnsupportedAlgorithm):
        raise Refusal("chain.invalid", "the registered anchor cannot be read") from None
    if not found:
        raise Refusal("chain.invalid", "the registered anchor holds no certificate")
    return found


@lru_cache(maxsize=1024)
def _store(material: str) -> Store:
    return Store(_anchors(material))


def _chain(
    leaf: x509.Certificate, intermediates: list[x509.Certificate], material: str, now: datetime
) -> list[x509.Certificate]:
    # Seal certificates may lack the SAN that the client profile demands; what is given up with `permit_all`
    # (usage, key size, unknown critical extensions) is checked in this module.
    verifier = (
        PolicyBuilder()
        .time(now)
        .store(_store(material))
        .max_chain_depth(MAX_CERTIFICATES)
        .extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all())
        .build_client_verifier()
    )
    try:
        return verifier.verify(leaf, intermediates).chain
    except VerificationError as failed:
        raise Refusal("chain.invalid", facts=str(failed)[:300]) from None
    except ValueError:
        raise Refusal("certificate.malformed", "an extension cannot be read") from None


def _dates(leaf: x509.Certificate, now: datetime) -> None:
    if not leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc:
        since, until = leaf.not_valid_before_utc.isoformat(), leaf.not_valid_after_utc.isoformat()
        raise Refusal("certificate.expired", f"valid from {since} to {until}")


def _strength(certificate: x509.Certificate) -> None:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise Refusal("certificate.weak", "a key of unknown type") from None
    strong = (isinstance(key, RSAPublicKey) and key.key_size >= MIN_RSA_BITS) or (
        isinstance(key, EllipticCurvePublicKey) and key.key_size >= MIN_EC_BITS
    )
    if not strong:
        raise Refusal("certificate.weak")


def _signing_key(leaf: x509.Certificate) -> RSAPublicKey | EllipticCurvePublicKey:
    key = leaf.public_key()
    assert isinstance(key, RSAPublicKey | EllipticCurvePublicKey)  # _strength saw it
    return key


def _algorithm(leaf: x509.Certificate) -> str:
    try:
        return algorithm_of(_signing_key(leaf))
    except Refusal:
        raise Refusal("certificate.weak", "neither RSA nor P-256") from None


def _usage(leaf: x509.Certificate) -> None:
    """A leaf that may sign: no CA, digitalSignature where KeyUsage is present, an EKU that does not exclude it."""
    try:
        extensions = {extension.oid: extension for extension in leaf.extensions}
    except (ValueError, x509.DuplicateExtension):
        raise Refusal("certificate.malformed", "an extension cannot be read") from None
    for extension in extensions.values():
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise Refusal("certificate.usage", f"critical extension {extension.oid.dotted_string} is not understood")
        match extension.value:
            case x509.BasicConstraints(ca=True):
                raise Refusal("certificate.usage", "a CA certificate is no leaf")
            case x509.KeyUsage(digital_signature=False):
                raise Refusal("certificate.usage", "KeyUsage lacks digitalSignature")
            case x509.ExtendedKeyUsage() as uses if not _USES & set(uses):
                raise Refusal("certificate.usage", "ExtendedKeyUsage excludes client authentication and seals")
            case _:
                pass
