"""A certificate looked up in its CRL (RFC 5280 6.3.3): complete, direct, of its own issuer; nothing else counts."""

from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtensionOID

from .causes import Refusal
from .der import READING_FAILS
from .statements import Unusable, check_dates, sound_signature

_UNDERSTOOD: Final = frozenset({ExtensionOID.ISSUING_DISTRIBUTION_POINT, ExtensionOID.AUTHORITY_KEY_IDENTIFIER})


class Crl:
    """A CRL as it is held. Whether a key signed it is found out once, as that means to hash all of it."""

    __slots__ = ("_signed", "read")

    def __init__(self, read: x509.CertificateRevocationList) -> None:
        self.read = read
        self._signed: dict[bytes, bool] = {}

    def signed_by(self, issuer: x509.Certificate) -> bool:
        """Raises one of READING_FAILS."""
        key = issuer.public_key()
        name = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        held = self._signed.get(name)
        if held is None:
            # The types say which keys a CA may have; others are a TypeError.
            held = self._signed[name] = self.read.is_signature_valid(key)  # type: ignore[arg-type]
        return held


def check(
    held: Crl,
    *,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    url: str,
    now: datetime,
) -> datetime:
    """Until when the CRL found at `url` says that the certificate is not revoked.

    Raises:
        Refusal: `certificate.revoked`, also where it is on hold.
        Unusable: the CRL says nothing about it.
    """
    crl = held.read
    until = check_dates(crl.last_update_utc, crl.next_update_utc, now)
    _made_by(issuer, held)
    _covers(crl, certificate, url)
    try:
        entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
    except READING_FAILS:
        raise Unusable("an entry cannot be read") from None
    if entry is not None:
        raise Refusal("certificate.revoked", f"by CRL, on {entry.revocation_date_utc.isoformat()}")
    return until


def _made_by(issuer: x509.Certificate, held: Crl) -> None:
    crl = held.read
    if crl.issuer != issuer.subject:
        raise Unusable("of another issuer")
    try:
        if not sound_signature(crl.signature_algorithm_oid, crl.signature_hash_algorithm):
            raise Unusable("signed with a weak hash")
        usage = next((e.value for e in issuer.extensions if isinstance(e.value, x509.KeyUsage)), None)
        signed = held.signed_by(issuer)
    except READING_FAILS:
        raise Unusable("its signature cannot be checked") from None
    if usage is not None and not usage.crl_sign:
        raise Unusable("the issuer may not sign CRLs")
    if not signed:
        raise Unusable("not signed by the issuer")


def _covers(crl: x509.CertificateRevocationList, certificate: x509.Certificate, url: str) -> None:
    for extension in crl.extensions:
        if isinstance(extension.value, x509.DeltaCRLIndicator):
            raise Unusable("a delta CRL")
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise Unusable(f"critical extension {extension.oid.dotted_string} is not understood")
        if isinstance(extension.value, x509.IssuingDistributionPoint):
            _in_scope(extension.value, certificate, url)


def _in_scope(point: x509.IssuingDistributionPoint, certificate: x509.Certificate, url: str) -> None:
    if point.indirect_crl or point.only_some_reasons or point.only_contains_attribute_certs or point.relative_name:
        raise Unusable("partial or indirect")
    basic = next((e.value for e in certificate.extensions if isinstance(e.value, x509.BasicConstraints)), None)
    authority = basic is not None and basic.ca
    if (authority and point.only_contains_user_certs) or (not authority and point.only_contains_ca_certs):
        raise Unusable("for another kind of certificate")
    names = [name.value for name in point.full_name or () if isinstance(name, x509.UniformResourceIdentifier)]
    if point.full_name and url not in names:
        # Else the list of one segment, found at the address of another, would clear what it never held.
        raise Unusable("of another distribution point")
