"""Whether the certificates that a header presents belong to a vendor: path, dates, keys, usage, subject, revocation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID, PublicKeyAlgorithmOID
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from hub.registry import Key, Vendor

from . import revocation
from .algorithms import PSS_ALGORITHMS, PublicKey, algorithms_of
from .causes import Refusal
from .der import READING_FAILS
from .jose import VerifyingKey
from .material import Shelf
from .presented import MAX_CERTIFICATES, CertificateRules, Presented, registered_certificates, thumbprint
from .revocation import Consulted
from .statements import sound_signature

# A leaf signs requests as a TLS client, or as a seal (document signing, e-mail, "any"), or has no EKU at all.
_USES: Final = frozenset(
    {
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.EMAIL_PROTECTION,
        ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
        x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),  # id-kp-documentSigning, RFC 9336
        x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.12"),  # the same before the RFC, in many seals
    }
)
_CLIENTS: Final = frozenset({ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})
_OF_AN_AUTHORITY: Final = (ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE, ExtensionOID.EXTENDED_KEY_USAGE)
_UNDERSTOOD: Final = frozenset(
    {
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.CERTIFICATE_POLICIES,
    }
)


@dataclass(frozen=True, slots=True)
class Trusted:
    """A signer's key that the registry vouches for, from and until when."""

    key: VerifyingKey
    since: datetime
    until: datetime
    chain: tuple[x509.Certificate, ...] = ()
    """Leaf first, up to the anchor; of a pinned leaf, itself and its issuer where that is known."""
    ders: tuple[bytes, ...] = ()
    """The same in DER, for evidence."""
    consulted: tuple[Consulted, ...] = ()
    """What was fetched for it: the verdict does not outlive it."""


def validate(found: Presented, vendor: Vendor, rules: CertificateRules, shelf: Shelf, now: datetime) -> Trusted:
    """The key of the leaf, if one of the vendor's usable trust entries vouches for it at `now`.

    In order: dates, key size, usage, pinned certificate, then anchors with the subject rule of `settled` 2, and last
    what the issuers say of revocation.

    Raises:
        Wanted: revocation data that is not at hand.
        Refusal: `certificate.*`, `chain.invalid`, `key.unknown`, `key.unusable`, `revocation.unknown`.
    """
    leaf, print_ = found.leaf, thumbprint(found.leaf)
    _dates(leaf, now)
    key = _key(leaf, f"x5t#S256:{print_}")
    _usage(leaf)
    entry, chain = _vouched(found, print_, vendor, now)
    ends = [end for end in (entry.valid_to, entry.revoked_at) if end is not None]
    until = min([*(one.not_valid_after_utc for one in chain), *ends])
    cleared = revocation.check(chain, mode=rules.revocation, shelf=shelf, now=now, until=until)
    return Trusted(
        key=key,
        since=max(one.not_valid_before_utc for one in chain),
        until=min([cleared.until, *(one.ends(now) for one in found.consulted)]),
        chain=tuple(chain),
        ders=tuple(one.public_bytes(Encoding.DER) for one in chain),
        consulted=(*found.consulted, *cleared.consulted),
    )


def presented_key(found: Presented) -> VerifyingKey:
    """The key of the leaf as presented, believed in nothing.

    Raises:
        Refusal: `certificate.weak` where it, or one that came along, can be no signing key: what is looked at
            afterwards takes a bounded time.
    """
    for one in found.intermediates:
        _sound(one)
    return _key(found.leaf, "")


def check_authority(one: x509.Certificate) -> None:
    """Whether chains may end at the certificate at all, as `validate` takes them; an administrator who registers it is
    to hear of it, as the refusals of all requests under it say nothing.

    Raises:
        Refusal: `chain.invalid`, `certificate.weak`.
    """
    if isinstance(_sound(one), Ed25519PublicKey):
        raise Refusal("chain.invalid", "its key is Ed25519: chains are verified under RSA and EC alone")
    try:
        found = {extension.oid: extension for extension in one.extensions}
    except READING_FAILS:
        raise Refusal("chain.invalid", "its extensions cannot be read") from None
    basic, usage, uses = (found.get(oid) for oid in _OF_AN_AUTHORITY)
    if basic is None or not basic.value.ca:
        raise Refusal("chain.invalid", "it is no CA")
    if not basic.critical:
        raise Refusal("chain.invalid", "its basicConstraints are not critical (RFC 5280 4.2.1.9)")
    if usage is None or not usage.value.key_cert_sign:
        raise Refusal("chain.invalid", "its keyUsage does not say keyCertSign (RFC 5280 4.2.1.3)")
    if uses is not None and not _CLIENTS & set(uses.value):
        raise Refusal("chain.invalid", "its extendedKeyUsage leaves out client authentication")
    _unconstrained(one)


def _vouched(found: Presented, print_: str, vendor: Vendor, now: datetime) -> tuple[Key, Sequence[x509.Certificate]]:
    """The trust entry that vouches for the leaf and the chain it was found by; else the most telling refusal."""
    refusal = Refusal("key.unknown", "no certificate or anchor is registered")
    for entry in vendor.keys:
        pinned = _pins(entry, print_)
        if not pinned and entry.kind not in ("anchor", "public_anchor"):
            continue
        if not entry.usable(now):
            refusal = Refusal("key.unusable", f"trust entry {entry.key_id}")
            continue
        try:
            return entry, _pinned(entry, found, now) if pinned else _under(entry, found, vendor, now)
        except Refusal as reason:
            refusal = reason
    raise refusal


def _pins(entry: Key, print_: str) -> bool:
    if entry.kind == "certificate":
        return thumbprint(registered_certificates(entry)[0]) == print_
    return entry.kind == "thumbprint" and entry.material.strip().lower() == print_


def _pinned(entry: Key, found: Presented, now: datetime) -> list[x509.Certificate]:
    """The leaf, and its issuer where that came along: nobody needs it for trust, but revocation is its to tell."""
    known = registered_certificates(entry)[1:] if entry.kind == "certificate" else []
    for one in (*known, *found.intermediates):
        try:
            _dates(one, now)
            _sound(one)
            found.leaf.verify_directly_issued_by(one)
        except (*READING_FAILS, InvalidSignature, Refusal):
            continue
        return [found.leaf, one]
    return [found.leaf]


def _under(entry: Key, found: Presented, vendor: Vendor, now: datetime) -> list[x509.Certificate]:
    leaf, anchors = found.leaf, registered_certificates(entry)
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
    chain = _chain(found, entry.material, anchors, now)
    if entry.kind == "public_anchor" and chain[1] not in anchors:
        raise Refusal("chain.invalid", "not issued by the pinned public CA itself")
    for certificate in chain[1:]:
        _sound(certificate)
        _unconstrained(certificate)
    for certificate in chain[:-1]:
        _signed_soundly(certificate)
    return chain


def _values(leaf: x509.Certificate, oid: x509.ObjectIdentifier) -> set[str]:
    return {str(attribute.value) for attribute in leaf.subject.get_attributes_for_oid(oid)}


@lru_cache(maxsize=1024)
def _store(material: str, anchors: tuple[x509.Certificate, ...]) -> Store:
    del material  # the key under which the anchors, read from it, are remembered
    return Store(list(anchors))


def _chain(
    found: Presented, material: str, anchors: Sequence[x509.Certificate], now: datetime
) -> list[x509.Certificate]:
    # Seal certificates may lack the SAN that the client profile demands; what is given up with `permit_all`
    # (usage, key size, unknown critical extensions) is checked in this module. Dates, basic constraints, path length,
    # key usage and critical extensions of the CAs, and constraints on alternative names, are the library's work.
    verifier = (
        PolicyBuilder()
        .time(now)
        .store(_store(material, tuple(anchors)))
        .max_chain_depth(MAX_CERTIFICATES - 1)  # without leaf and anchor
        .extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all())
        .build_client_verifier()
    )
    try:
        return verifier.verify(found.leaf, list(found.intermediates)).chain
    except VerificationError as failed:
        raise Refusal("chain.invalid", facts=str(failed)[:300]) from None
    except READING_FAILS:
        raise Refusal("certificate.malformed", "a part of it cannot be read") from None


def _dates(leaf: x509.Certificate, now: datetime) -> None:
    if not leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc:
        since, until = leaf.not_valid_before_utc.isoformat(), leaf.not_valid_after_utc.isoformat()
        raise Refusal("certificate.expired", f"valid from {since} to {until}")


def _sound(certificate: x509.Certificate) -> PublicKey:
    """The certificate's key, of a type and size that can be relied on."""
    try:
        key = certificate.public_key()
        algorithms_of(key)
    except Refusal as refusal:
        raise Refusal("certificate.weak", refusal.note) from None
    except READING_FAILS:
        raise Refusal("certificate.weak", "a key of unknown type, or a point that is not on its curve") from None
    assert isinstance(key, PublicKey)  # algorithms_of knows no other
    return key


def _key(leaf: x509.Certificate, signer: str) -> VerifyingKey:
    public = _sound(leaf)
    pss = leaf.public_key_algorithm_oid == PublicKeyAlgorithmOID.RSASSA_PSS  # RFC 4055 1.2: for PSS alone
    return VerifyingKey(public=public, algs=PSS_ALGORITHMS if pss else algorithms_of(public), signer=signer)


def _signed_soundly(certificate: x509.Certificate) -> None:
    try:
        sound = sound_signature(certificate.signature_algorithm_oid, certificate.signature_hash_algorithm)
    except READING_FAILS:
        sound = False
    if not sound:
        raise Refusal("certificate.weak", "signed with SHA-1, MD5 or a hash of unknown strength")


def _unconstrained(authority: x509.Certificate) -> None:
    """A vendor is known by its subject: constraints that nothing here holds against it are refused (RFC 5280 4.2.1.10).

    Exclusions of alternative names were held against the leaf's by `_chain`.
    """
    for extension in authority.extensions:
        if isinstance(extension.value, x509.NameConstraints):
            excluded = extension.value.excluded_subtrees or []
            if extension.value.permitted_subtrees or any(isinstance(one, x509.DirectoryName) for one in excluded):
                raise Refusal("chain.invalid", "a CA of the chain has name constraints that cannot be checked here")


def _usage(leaf: x509.Certificate) -> None:
    """A leaf that may sign: no CA, a KeyUsage and an EKU, where present, that do not exclude it.

    A seal may have contentCommitment (once nonRepudiation) in the place of digitalSignature.
    """
    for extension in leaf.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise Refusal("certificate.usage", f"critical extension {extension.oid.dotted_string} is not understood")
        match extension.value:
            case x509.BasicConstraints(ca=True):
                raise Refusal("certificate.usage", "a CA certificate is no leaf")
            case x509.KeyUsage(digital_signature=False, content_commitment=False):
                raise Refusal("certificate.usage", "KeyUsage lacks digitalSignature and contentCommitment")
            case x509.ExtendedKeyUsage() as uses if not _USES & set(uses):
                raise Refusal("certificate.usage", "ExtendedKeyUsage excludes client authentication and seals")
            case _:
                pass
