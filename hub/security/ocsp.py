"""A question to an OCSP responder and its answer (RFC 6960): signed by the issuer, or by whom the issuer delegated."""

from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import (
    OCSPCertStatus,
    OCSPRequestBuilder,
    OCSPResponse,
    OCSPResponseStatus,
    OCSPSingleResponse,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from .algorithms import algorithms_of
from .causes import Refusal
from .der import READING_FAILS
from .statements import Unusable, check_dates, sound_signature

MAX_RESPONSES: Final = 16
MAX_RESPONDERS: Final = 4
_RESPONDER_UNDERSTOOD: Final = frozenset(
    {ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE, ExtensionOID.EXTENDED_KEY_USAGE}
)


def question(certificate: x509.Certificate, issuer: x509.Certificate) -> bytes:
    """The DER of the request. Without a nonce, so that it is the same each time and its answer can be kept."""
    # SHA-1 names the issuer here and signs nothing; RFC 5019 2.1.1 knows no other, and responders often neither.
    return OCSPRequestBuilder().add_certificate(certificate, issuer, SHA1()).build().public_bytes(Encoding.DER)  # noqa: S303


def check(answer: OCSPResponse, *, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> datetime:
    """Until when the answer says that the certificate is good.

    Raises:
        Refusal: `certificate.revoked`, also where it is on hold.
        Unusable: the answer says nothing about it.
    """
    if answer.response_status is not OCSPResponseStatus.SUCCESSFUL:
        raise Unusable(f"status {answer.response_status.name}")
    try:
        _signed(answer, issuer, now)
        single = _about(answer, certificate, issuer)
    except READING_FAILS:
        raise Unusable("it cannot be read") from None
    until = check_dates(single.this_update_utc, single.next_update_utc, now)
    if single.certificate_status is OCSPCertStatus.REVOKED:
        when = single.revocation_time_utc
        raise Refusal("certificate.revoked", f"by OCSP, on {when.isoformat() if when else 'a day not told'}")
    if single.certificate_status is not OCSPCertStatus.GOOD:
        raise Unusable("the responder does not know it")
    return until


def _about(answer: OCSPResponse, certificate: x509.Certificate, issuer: x509.Certificate) -> OCSPSingleResponse:
    """The one of its answers that is about this certificate: serial number, and hashes of the issuer's name and key."""
    for counted, single in enumerate(answer.responses):
        if counted >= MAX_RESPONSES:
            break
        if single.serial_number == certificate.serial_number and _names(single, certificate, issuer):
            return single
    raise Unusable("about another certificate")


def _names(single: OCSPSingleResponse, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    asked = OCSPRequestBuilder().add_certificate(certificate, issuer, single.hash_algorithm).build()
    return (single.issuer_name_hash, single.issuer_key_hash) == (asked.issuer_name_hash, asked.issuer_key_hash)


def _signed(answer: OCSPResponse, issuer: x509.Certificate, now: datetime) -> None:
    if not sound_signature(answer.signature_algorithm_oid, answer.signature_hash_algorithm):
        raise Unusable("signed with a weak hash")
    responder = _responder(answer, issuer, now)
    key, hash_ = responder.public_key(), answer.signature_hash_algorithm
    try:
        match key:
            case RSAPublicKey() if hash_ is not None:
                key.verify(answer.signature, answer.tbs_response_bytes, PKCS1v15(), hash_)
            case EllipticCurvePublicKey() if hash_ is not None:
                key.verify(answer.signature, answer.tbs_response_bytes, ECDSA(hash_))
            case Ed25519PublicKey() | Ed448PublicKey() if hash_ is None:
                key.verify(answer.signature, answer.tbs_response_bytes)
            case _:
                raise Unusable("signed with an algorithm that does not fit the key")
    except InvalidSignature:
        raise Unusable("the signature does not hold") from None


def _responder(answer: OCSPResponse, issuer: x509.Certificate, now: datetime) -> x509.Certificate:
    """Whose key must have signed: the issuer's, or that of a responder that the issuer certified (RFC 6960 4.2.2.2)."""
    if _is_meant(issuer, answer):
        return issuer
    for certificate in answer.certificates[:MAX_RESPONDERS]:
        if _is_meant(certificate, answer):
            _delegated(certificate, issuer, now)
            return certificate
    raise Unusable("neither the issuer nor a certificate in it is the responder it names")


def _is_meant(certificate: x509.Certificate, answer: OCSPResponse) -> bool:
    if answer.responder_name is not None:
        return answer.responder_name == certificate.subject
    # RFC 6960 4.2.1: SHA-1 of the key's bits is a name here, not a signature.
    identifier = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest
    return answer.responder_key_hash == identifier


def _delegated(certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> None:
    try:
        certificate.verify_directly_issued_by(issuer)
        algorithms_of(certificate.public_key())
    except (*READING_FAILS, InvalidSignature, Refusal):
        raise Unusable("the responder was not certified by the issuer, or its key is weak") from None
    if not sound_signature(certificate.signature_algorithm_oid, certificate.signature_hash_algorithm):
        raise Unusable("the responder's certificate is signed with a weak hash")
    if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
        raise Unusable("the responder's certificate is outside its validity")
    extensions = {extension.oid: extension for extension in certificate.extensions}
    if any(one.critical and one.oid not in _RESPONDER_UNDERSTOOD for one in extensions.values()):
        raise Unusable("the responder's certificate has a critical extension that is not understood")
    uses = extensions.get(ExtensionOID.EXTENDED_KEY_USAGE)
    if uses is None or ExtendedKeyUsageOID.OCSP_SIGNING not in uses.value:
        raise Unusable("the responder's certificate is not for OCSP")
    if ExtensionOID.OCSP_NO_CHECK not in extensions:
        # Whether the responder itself was revoked would be the next question. Public CAs must set this extension.
        raise Unusable("the responder's certificate lacks id-pkix-ocsp-nocheck")
