"""Compact JWS: strict parsing, verification with a closed list of algorithms, signing.

The only module that imports a JOSE library, which reads and names keys. Signatures go straight to `cryptography`: a
token is verified twice as fast as by the library's own `decode` (design/performance 1), by the same OpenSSL.
"""

import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, RSAKey

from .causes import Refusal

PublicKey = RSAPublicKey | EllipticCurvePublicKey
PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey

MAX_TOKEN_CHARS: Final = 16 * 1024
MAX_DEPTH: Final = 8
MIN_RSA_BITS: Final = 2048
_P256_BYTES: Final = 32

# `-_` become `+/`; the characters of the other alphabet, and padding, become one that base64 refuses.
_FROM_URL = bytes.maketrans(b"-_+/=", b"+/!!!")
_TO_URL = bytes.maketrans(b"+/", b"-_")
# By characters beyond a multiple of four: which may be the last, and the padding left out. RFC 4648 3.5: the unused
# bits of the last one must be zero, else one signature has several spellings.
_ENDINGS: Final[Mapping[int, tuple[bytes, bytes]]] = {
    0: (bytes(range(256)), b""),
    2: (b"AQgw", b"=="),
    3: (b"AEIMQUYcgkosw048", b"="),
}


class Token(NamedTuple):
    """A parsed JWS whose signature nobody has checked yet."""

    compact: str
    protected: str
    """The first segment as received: what a chain is cached by."""
    header: Mapping[str, Any]
    """Shared between tokens of one protected segment: read, never changed."""
    claims: Mapping[str, Any]
    signing_input: bytes
    signature: bytes


def parse(compact: str) -> Token:
    """Reads a compact JWS (RFC 7515 5.2, RFC 8725): three segments of unpadded base64url, two JSON objects.

    Raises:
        Refusal: `token.too_large`, `token.malformed`, `token.detached`, `token.duplicate_member`.
    """
    if len(compact) > MAX_TOKEN_CHARS:
        raise Refusal("token.too_large", f"{len(compact)} characters, {MAX_TOKEN_CHARS} allowed")
    try:
        protected, payload, signature = compact.encode("ascii").split(b".")
    except ValueError:  # UnicodeEncodeError, or not three parts
        raise Refusal("token.malformed", "not three parts of ASCII") from None
    if not payload:
        raise Refusal("token.detached")
    text, header = _protected(protected)
    return Token(
        compact=compact,
        protected=text,
        header=header,
        claims=_json_object(_unbase64url(payload)),
        signing_input=protected + b"." + payload,
        signature=_unbase64url(signature) if signature else b"",
    )


def _unbase64url(segment: bytes) -> bytes:
    last, padding = _ENDINGS.get(len(segment) % 4, (b"", b""))
    if not segment or segment[-1] not in last:
        raise Refusal("token.malformed", "base64url of an impossible length or ending")
    try:
        return binascii.a2b_base64(segment.translate(_FROM_URL) + padding, strict_mode=True)
    except binascii.Error:
        raise Refusal("token.malformed", "not base64url without padding") from None


@lru_cache(maxsize=512)
def _protected(segment: bytes) -> tuple[str, Mapping[str, Any]]:
    """The first segment as text, the same object for all its tokens so that its hash is kept, and its header."""
    return segment.decode("ascii"), _json_object(_unbase64url(segment))


def _members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        # RFC 7515 4 and RFC 7519 4 allow to refuse; two readers must never see two different claims.
        raise Refusal("token.duplicate_member")
    return members


def _not_a_number(name: str) -> Any:
    raise ValueError(name)


_DECODE: Callable[[str], Any] = json.JSONDecoder(
    object_pairs_hook=_members_once, parse_constant=_not_a_number, strict=True
).decode


def _json_object(raw: bytes) -> dict[str, Any]:
    return _plain_object(raw) or _strict_object(raw)


def _plain_object(raw: bytes) -> dict[str, Any] | None:
    """The object of JSON as most libraries write it; None where it takes the strict reader to tell.

    A dict has each member once. So what is written back as the very bytes that were read repeated none, had no lone
    surrogate, no NaN and no number that another reader takes for another.
    """
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:
        return None
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) and orjson.dumps(value) == raw else None


def _strict_object(raw: bytes) -> dict[str, Any]:
    try:
        value = _DECODE(raw.decode("utf-8"))
        if b"\\u" in raw:
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # a lone surrogate cannot be stored or logged
    except (ValueError, RecursionError):
        raise Refusal("token.malformed", "not JSON in UTF-8") from None
    if not isinstance(value, dict):
        raise Refusal("token.malformed", "not a JSON object")
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and not _shallow(value, MAX_DEPTH):
        raise Refusal("token.malformed", f"nested deeper than {MAX_DEPTH}")
    return value


def _shallow(value: Any, depth: int) -> bool:
    if isinstance(value, dict):
        return depth > 0 and all(_shallow(member, depth - 1) for member in value.values())
    if isinstance(value, list):
        return depth > 0 and all(_shallow(member, depth - 1) for member in value)
    return True


# Algorithms. A new one is one more row here: the key type it is pinned to, how it verifies, how it signs.

_SHA256 = SHA256()
_ECDSA = ECDSA(_SHA256)
_PKCS1 = PKCS1v15()


def _verify_rs256(key: RSAPublicKey, signature: bytes, signed: bytes) -> None:
    key.verify(signature, signed, _PKCS1, _SHA256)


def _verify_es256(key: EllipticCurvePublicKey, signature: bytes, signed: bytes) -> None:
    # RFC 7518 3.4: r and s of 32 bytes each, never the DER form.
    if len(signature) != 2 * _P256_BYTES:
        raise InvalidSignature
    r = int.from_bytes(signature[:_P256_BYTES], "big")
    s = int.from_bytes(signature[_P256_BYTES:], "big")
    if not r or not s:  # OpenSSL refuses them too: CVE-2022-21449 was a library that did not
        raise InvalidSignature
    key.verify(encode_dss_signature(r, s), signed, _ECDSA)


def _sign_rs256(key: RSAPrivateKey, signed: bytes) -> bytes:
    return key.sign(signed, _PKCS1, _SHA256)


def _sign_es256(key: EllipticCurvePrivateKey, signed: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(signed, _ECDSA))
    return r.to_bytes(_P256_BYTES, "big") + s.to_bytes(_P256_BYTES, "big")


@dataclass(frozen=True, slots=True)
class Algorithm:
    """Any: a row takes the key type of its own, which `algorithm_of` pinned; with another it is a TypeError."""

    verify: Callable[[Any, bytes, bytes], None]
    sign: Callable[[Any, bytes], bytes]


ALGORITHMS: Final[Mapping[str, Algorithm]] = {
    "RS256": Algorithm(_verify_rs256, _sign_rs256),
    "ES256": Algorithm(_verify_es256, _sign_es256),
}


def algorithm_of(key: PublicKey | PrivateKey) -> str:
    """The one algorithm that a key verifies or signs with: the pin against confusion (RFC 8725 3.1).

    Raises:
        Refusal: `key.invalid` for any other type, curve or size.
    """
    if isinstance(key, RSAPublicKey | RSAPrivateKey) and key.key_size >= MIN_RSA_BITS:
        return "RS256"
    if isinstance(key, EllipticCurvePublicKey | EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return "ES256"
    raise Refusal("key.invalid")


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key with the algorithm it is pinned to and the name its owner is known by."""

    public: PublicKey
    alg: str
    signer: str


def verify(token: Token, key: VerifyingKey) -> None:
    """Checks the signature with the key's own algorithm; the token's `alg` must be that one.

    Raises:
        Refusal: `alg.mismatch`, `signature.invalid`.
    """
    if token.header.get("alg") != key.alg:
        raise Refusal("alg.mismatch", f"the registered key verifies {key.alg}")
    try:
        ALGORITHMS[key.alg].verify(key.public, token.signature, token.signing_input)
    except InvalidSignature:
        raise Refusal("signature.invalid") from None


def sign(protected: str, claims: Mapping[str, Any], key: PrivateKey, alg: str) -> str:
    """The compact JWS of `claims` under a protected segment made by `segment`."""
    signing_input = f"{protected}.{segment(claims)}"
    signature = ALGORITHMS[alg].sign(key, signing_input.encode("ascii"))
    return f"{signing_input}.{base64url(signature)}"


def segment(value: Mapping[str, Any]) -> str:
    """A JSON object as one segment."""
    try:
        return base64url(orjson.dumps(value))
    except TypeError:  # a whole number of more than 64 bits
        return base64url(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8"))


def base64url(raw: bytes) -> str:
    """Base64url without padding (RFC 7515 2)."""
    return binascii.b2a_base64(raw, newline=False).translate(_TO_URL, delete=b"=").decode("ascii")


def _asymmetric(jwk: Any) -> dict[str, Any]:
    if not isinstance(jwk, dict) or jwk.get("kty") not in ("RSA", "EC"):
        raise Refusal("key.invalid", "not an RSA or EC JWK")
    return jwk


@lru_cache(maxsize=4096)
def jwk_key(material: str) -> VerifyingKey:
    """The key in the JSON of a registered public JWK, read once; its signer id is the RFC 7638 thumbprint.

    Raises:
        Refusal: `key.invalid`.
    """
    try:
        jwk = JWKRegistry.import_key(_asymmetric(_json_object(material.encode("utf-8"))))
        if not isinstance(jwk, RSAKey | ECKey) or jwk.is_private:
            raise Refusal("key.invalid", "not a public RSA or EC JWK")
        public = jwk.public_key
        return VerifyingKey(public=public, alg=algorithm_of(public), signer=f"jwk:{jwk.thumbprint()}")
    except (JoseError, ValueError, KeyError, TypeError):
        raise Refusal("key.invalid", "not a JWK") from None


def public_jwk(key: PublicKey) -> dict[str, str]:
    """The public JWK of a key, with `kid` (RFC 7638 thumbprint), `use` and `alg`."""
    jwk: RSAKey | ECKey = RSAKey.import_key(key) if isinstance(key, RSAPublicKey) else ECKey.import_key(key)
    members = {name: str(value) for name, value in jwk.as_dict(private=False).items() if name != "kid"}
    return members | {"kid": jwk.thumbprint(), "use": "sig", "alg": algorithm_of(key)}


def private_key_of_jwk(text: str) -> PrivateKey:
    """The private key in the JSON of a JWK.

    Raises:
        ValueError: it is none.
    """
    try:
        jwk = JWKRegistry.import_key(_asymmetric(json.loads(text)))
    except (JoseError, Refusal, KeyError, TypeError) as exc:
        raise ValueError("not a JWK") from exc
    if not isinstance(jwk, RSAKey | ECKey) or not jwk.is_private:
        raise ValueError("not a private RSA or EC JWK")
    private = jwk.private_key
    if not isinstance(private, RSAPrivateKey | EllipticCurvePrivateKey):
        raise TypeError("not a private RSA or EC JWK")
    return private
