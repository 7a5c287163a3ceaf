"""The signature algorithms of ModI and PDND (RFC 7518 3, RFC 8037): a closed table, never `none`, never a MAC.

Signatures go straight to `cryptography`: a token is verified twice as fast as by a JOSE library's own `decode`
(design/performance 1), by the same OpenSSL. Which of them a key may be used with, and which keys are refused, is also
said here: `algorithms_of`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey, Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from .causes import Refusal
from .weak_keys import check_edwards, check_rsa

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | Ed448PublicKey
PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey | Ed448PrivateKey

RSA_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
"""Any hash goes with any size. A key without a word on it signs with the first."""
PSS_ALGORITHMS: Final = ("PS256", "PS384", "PS512")
_BY_CURVE: Final[Mapping[str, tuple[str, ...]]] = {
    "secp256r1": ("ES256",),
    "secp384r1": ("ES384",),
    "secp521r1": ("ES512",),
}
EDWARDS_ALGORITHMS: Final = ("EdDSA",)


@dataclass(frozen=True, slots=True)
class Algorithm:
    """Any: a row takes the key type of its own, which `algorithms_of` pinned."""

    verify: Callable[[Any, bytes, bytes], None]
    """(key, signature, what was signed); raises InvalidSignature."""
    sign: Callable[[Any, bytes], bytes]


def _rsa(padding: PKCS1v15 | PSS, hash_: HashAlgorithm) -> Algorithm:
    def verify(key: RSAPublicKey, signature: bytes, signed: bytes) -> None:
        # RFC 8017 8.1.2, 8.2.2: exactly as long as the modulus, so that a signature has one spelling.
        if len(signature) != (key.key_size + 7) // 8:
            raise InvalidSignature
        key.verify(signature, signed, padding, hash_)

    def sign(key: RSAPrivateKey, signed: bytes) -> bytes:
        return key.sign(signed, padding, hash_)

    return Algorithm(verify, sign)


def _pss(hash_: HashAlgorithm) -> Algorithm:
    # RFC 7518 3.5: MGF1 of the same hash, a salt exactly as long as the hash.
    return _rsa(PSS(mgf=MGF1(hash_), salt_length=PSS.DIGEST_LENGTH), hash_)


def _ecdsa(hash_: HashAlgorithm, size: int) -> Algorithm:
    scheme = ECDSA(hash_)

    def verify(key: EllipticCurvePublicKey, signature: bytes, signed: bytes) -> None:
        # RFC 7518 3.4: r and s of the curve's size each, never the DER form. Both (r, s) and (r, n - s) verify, as in
        # FIPS 186-5; that a request counts once is the business of its jti.
        if len(signature) != 2 * size:
            raise InvalidSignature
        r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
        if not r or not s:  # OpenSSL refuses them too: CVE-2022-21449 was a library that did not
            raise InvalidSignature
        key.verify(encode_dss_signature(r, s), signed, scheme)

    def sign(key: EllipticCurvePrivateKey, signed: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(signed, scheme))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    return Algorithm(verify, sign)


def _eddsa() -> Algorithm:
    # RFC 8037 3.1. That s is below the order of the group, which makes a signature unique, OpenSSL checks.
    def verify(key: Ed25519PublicKey | Ed448PublicKey, signature: bytes, signed: bytes) -> None:
        key.verify(signature, signed)

    def sign(key: Ed25519PrivateKey | Ed448PrivateKey, signed: bytes) -> bytes:
        return key.sign(signed)

    return Algorithm(verify, sign)


ALGORITHMS: Final[Mapping[str, Algorithm]] = {
    "RS256": _rsa(PKCS1v15(), SHA256()),
    "RS384": _rsa(PKCS1v15(), SHA384()),
    "RS512": _rsa(PKCS1v15(), SHA512()),
    "PS256": _pss(SHA256()),
    "PS384": _pss(SHA384()),
    "PS512": _pss(SHA512()),
    "ES256": _ecdsa(SHA256(), 32),
    "ES384": _ecdsa(SHA384(), 48),
    "ES512": _ecdsa(SHA512(), 66),
    "EdDSA": _eddsa(),
}


def algorithms_of(key: object) -> tuple[str, ...]:
    """The algorithms that a sound key, public or private, verifies or signs with: the pin of RFC 8725 3.1.

    Raises:
        Refusal: `key.weak` for a key that proves nothing or takes too long, `key.invalid` for any other type or curve.
    """
    if isinstance(key, PrivateKey):
        key = key.public_key()
    match key:
        case RSAPublicKey():
            numbers = key.public_numbers()
            check_rsa(numbers.n, numbers.e)
            return RSA_ALGORITHMS
        case EllipticCurvePublicKey() if key.curve.name in _BY_CURVE:  # OpenSSL read it: the point is on the curve
            return _BY_CURVE[key.curve.name]
        case Ed25519PublicKey():
            check_edwards(key.public_bytes_raw(), "Ed25519")
            return EDWARDS_ALGORITHMS
        case Ed448PublicKey():
            check_edwards(key.public_bytes_raw(), "Ed448")
            return EDWARDS_ALGORITHMS
        case _:
            raise Refusal("key.invalid", "neither RSA, P-256, P-384, P-521, Ed25519 nor Ed448")
