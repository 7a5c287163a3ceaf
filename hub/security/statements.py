"""What a CA's statements on revocation, CRL or OCSP answer, have in common: when they hold and who may make them."""

from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.x509.oid import SignatureAlgorithmOID

SKEW: Final = timedelta(minutes=5)
"""By how much the clock of a CA may be ahead. Nothing is granted behind: after `nextUpdate` a statement is over."""
_EDWARDS: Final = frozenset({SignatureAlgorithmOID.ED25519, SignatureAlgorithmOID.ED448})


class Unusable(Exception):
    """A statement proves nothing about this certificate; the text says why."""


def check_dates(this_update: datetime, next_update: datetime | None, now: datetime) -> datetime:
    """When the statement is over. One without an end could be shown for ever, and is of no use (RFC 5019 2.2.4).

    Raises:
        Unusable
    """
    if next_update is None:
        raise Unusable("no nextUpdate")
    if this_update > now + SKEW:
        raise Unusable("thisUpdate is in the future")
    if next_update <= now:
        raise Unusable(f"over since {next_update.isoformat()}")
    return next_update


def sound_signature(oid: x509.ObjectIdentifier, hash_: HashAlgorithm | None) -> bool:
    """Whether a certificate, CRL or answer is signed with SHA-2 of 256 bits or more, or with EdDSA."""
    return oid in _EDWARDS if hash_ is None else isinstance(hash_, SHA256 | SHA384 | SHA512)
