"""Certificates, CRLs and OCSP answers as strangers wrote them: read whole, or not at all.

The library reads many parts only when they are asked for, and says what it finds wrong in exceptions of several kinds.
"""

import re
import warnings
from collections.abc import Callable
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.ocsp import OCSPResponse, load_der_ocsp_response

_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

READING_FAILS: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    CryptographyDeprecationWarning,
)


class Unreadable(ValueError):
    """It is not what it should be, or a part of it is not."""


def certificate(der: bytes) -> x509.Certificate:
    """Raises Unreadable."""
    try:
        return _whole(der, x509.load_der_x509_certificate)
    except READING_FAILS:
        raise Unreadable("no certificate") from None


def pem_parts(text: bytes) -> list[bytes]:
    """The certificates of a file in PEM (RFC 7468), none of them read; what stands between them is left aside."""
    return _PEM.findall(text)


def pem_certificate(pem: bytes) -> x509.Certificate:
    """Raises Unreadable."""
    try:
        return _whole(pem, x509.load_pem_x509_certificate)
    except READING_FAILS:
        raise Unreadable("no certificate in PEM") from None


def _whole(content: bytes, load: Callable[[bytes], x509.Certificate]) -> x509.Certificate:
    with warnings.catch_warnings():
        # What RFC 5280 forbids, such as a serial number of zero or less, the library still reads, and only warns.
        warnings.simplefilter("error", CryptographyDeprecationWarning)
        found = load(content)
    # The names keep what they hold; the values of extensions are read with the list of them.
    _ = (found.subject, found.issuer, list(found.extensions), found.not_valid_before_utc, found.not_valid_after_utc)
    return found


def crl(raw: bytes) -> x509.CertificateRevocationList:
    """Of DER, or of PEM, as some publish it. Its entries are not looked at. Raises Unreadable."""
    try:
        pem = raw.lstrip().startswith(b"-----BEGIN")
        found = x509.load_pem_x509_crl(raw) if pem else x509.load_der_x509_crl(raw)
        _ = (found.issuer, list(found.extensions), found.last_update_utc, found.next_update_utc)
    except READING_FAILS:
        raise Unreadable("no CRL") from None
    return found


def ocsp_answer(der: bytes) -> OCSPResponse:
    """Raises Unreadable."""
    try:
        return load_der_ocsp_response(der)
    except READING_FAILS:
        raise Unreadable("no OCSP answer") from None
