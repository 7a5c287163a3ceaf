"""Signatures of Standard Webhooks 1.0.0: `v1` (HMAC-SHA256) and `v1a` (Ed25519) over id, time and the bytes sent."""

import base64
import binascii
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"

MOST_SECRETS: Final = 5
_HMAC, _ED25519 = "whsec_", "whsk_"
_SEED = 32


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret, as what it makes of the bytes to be signed."""

    version: str
    sign: Callable[[bytes], bytes] = field(repr=False)


def read_secrets(text: str) -> tuple[Secret, ...]:
    """The secrets of a setting, between blanks. Raises ValueError, which shows nothing of them."""
    found = tuple(_read(each) for each in text.split())
    if not 0 < len(found) <= MOST_SECRETS:
        raise ValueError(f"one to {MOST_SECRETS} secrets, each whsec_... or whsk_..., with blanks between them")
    return found


def signed(secrets: Sequence[Secret], *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers. `message_id` names the event, the same on each try; `timestamp` is this try's, in seconds.

    Raises:
        ValueError: a full stop in the id would leave open where it ends.
    """
    if "." in message_id:
        raise ValueError("a webhook-id holds no full stop")
    content = f"{message_id}.{timestamp}.".encode() + body
    headers = {ID: message_id, TIMESTAMP: str(timestamp)}
    if secrets:
        signatures = (f"{each.version},{base64.b64encode(each.sign(content)).decode()}" for each in secrets)
        headers[SIGNATURE] = " ".join(signatures)
    return headers


def _read(text: str) -> Secret:
    if text.startswith(_HMAC):
        key = _decoded(text.removeprefix(_HMAC))
        if not 24 <= len(key) <= 64:
            raise ValueError("a whsec_ secret is 24 to 64 bytes in base64")
        return Secret("v1", lambda content: hmac.digest(key, content, sha256))
    if text.startswith(_ED25519):
        raw = _decoded(text.removeprefix(_ED25519))
        private = Ed25519PrivateKey.from_private_bytes(raw[:_SEED]) if len(raw) in (_SEED, 2 * _SEED) else None
        # Its second half, where there is one, is the public key: a wrong one means that the text was cut or mixed up.
        if private is None or raw[_SEED:] not in (b"", private.public_key().public_bytes_raw()):
            raise ValueError("a whsk_ secret is an Ed25519 key in base64: its seed, or seed and public key")
        return Secret("v1a", private.sign)
    raise ValueError("a secret begins with whsec_ (HMAC) or whsk_ (Ed25519)")


def _decoded(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except ValueError:
        raise ValueError("a secret is base64 behind its prefix") from None
