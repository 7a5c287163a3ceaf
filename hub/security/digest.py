"""The `Digest` header of RFC 3230 over the bytes as received; base64 SHA-256 alone, as INTEGRITY_REST_01 has it."""

import binascii
import hmac
from base64 import b64encode
from hashlib import sha256
from typing import Final

from .causes import Refusal
from .headers import SignedRequest

ALGORITHM: Final = "SHA-256"
_LENGTH: Final = 32


def digest_header(body: bytes) -> str:
    """`SHA-256=<base64>` of `body`."""
    return header_of(sha256(body).digest())


def header_of(digest: bytes) -> str:
    """The same of a SHA-256 that is known."""
    return f"{ALGORITHM}={b64encode(digest).decode('ascii')}"


def parse(value: str) -> bytes:
    """The 32 bytes that a `Digest` header carries.

    Algorithm names are case-insensitive (RFC 3230 4.1.1). Hex is refused (modi 1.5: it is the commonest mix-up, modi
    5.6), and so is a list of digests: what was signed must be one value.

    Raises:
        Refusal: `digest.malformed`.
    """
    name, equals, encoded = value.partition("=")
    if not equals or name.upper() != ALGORITHM:
        raise Refusal("digest.malformed", "not SHA-256", facts=f"received {value[:100]!r}")
    try:
        raw = binascii.a2b_base64(encoded.encode("ascii"), strict_mode=True)
    except ValueError:  # binascii.Error and UnicodeEncodeError are ValueErrors
        raw = b""
    if len(raw) != _LENGTH:
        hint = "hex instead of base64" if len(encoded) == 2 * _LENGTH else "not 32 bytes of base64"
        raise Refusal("digest.malformed", hint, facts=f"received {value[:100]!r}")
    return raw


def check(value: str, request: SignedRequest) -> None:
    """Compares a `Digest` header with the request's body, in constant time.

    Raises:
        Refusal: `digest.malformed`, `digest.mismatch`.
    """
    if not hmac.compare_digest(parse(value), request.body_digest):
        raise Refusal(
            "digest.mismatch",
            f"the body received has {len(request.body)} bytes",
            facts=f"received {value}, the body's is {header_of(request.body_digest)} over {len(request.body)} bytes",
        )
