"""Compact JWS (RFC 7515): strict parsing, verification under a pinned key, signing; see `algorithms`."""

import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .algorithms import ALGORITHMS, PrivateKey, PublicKey
from .causes import Refusal
from .strict_json import json_object

__all__ = [
    "ALGORITHMS",
    "PrivateKey",
    "PublicKey",
    "Token",
    "VerifyingKey",
    "base64url",
    "parse",
    "public_pem",
    "segment",
    "sign",
    "unbase64url",
    "verify",
]

MAX_TOKEN_CHARS: Final = 16 * 1024

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


def parse(compact: str, *, most: int = MAX_TOKEN_CHARS) -> Token:
    """Reads a compact JWS (RFC 7515 5.2, RFC 8725): three segments of unpadded base64url, two JSON objects.

    Raises:
        Refusal: `token.too_large`, `token.malformed`, `token.detached`, `token.duplicate_member`.
    """
    if len(compact) > most:
        raise Refusal("token.too_large", f"{len(compact)} characters, {most} allowed")
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
        claims=json_object(unbase64url(payload)),
        signing_input=protected + b"." + payload,
        signature=unbase64url(signature) if signature else b"",
    )


def unbase64url(segment: bytes) -> bytes:
    """The bytes of base64url without padding in its one spelling.

    Raises:
        Refusal: `token.malformed`.
    """
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
    return segment.decode("ascii"), json_object(unbase64url(segment))


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key with the algorithms it is pinned to and the name its owner is known by."""

    public: PublicKey
    algs: tuple[str, ...]
    """By type, curve and size, and by its JWK where that names one (RFC 8725 3.1): never by a token."""
    signer: str
    der: bytes = field(default=b"", repr=False, compare=False)
    """SubjectPublicKeyInfo of the public key: what evidence keeps of a key that has no certificate."""

    def __post_init__(self) -> None:
        if not self.der:
            der = self.public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            object.__setattr__(self, "der", der)


def public_pem(key: VerifyingKey) -> bytes:
    """The key in PEM."""
    return key.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def verify(token: Token, key: VerifyingKey) -> None:
    """Checks the signature; the token's `alg` must be one that the key is pinned to.

    Raises:
        Refusal: `alg.mismatch`, `signature.invalid`.
    """
    alg = token.header.get("alg")
    if alg not in key.algs:
        raise Refusal("alg.mismatch", f"the registered key verifies {', '.join(key.algs)}")
    try:
        ALGORITHMS[alg].verify(key.public, token.signature, token.signing_input)
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
