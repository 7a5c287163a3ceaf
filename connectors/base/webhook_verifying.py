"""Believing calls by Standard Webhooks 1.0.0: `v1` (HMAC-SHA256) and `v1a` (Ed25519) over id, time and body."""

import base64
import binascii
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from contracts.answering import Call

TOLERANCE_S: Final = 300
"""How far a call's time may be from ours, either way."""
_MOST_KEYS = 5
_MOST_SIGNATURES = 20


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """One key, as what it says of a signature over bytes."""

    version: str
    holds: Callable[[bytes, bytes], bool] = field(repr=False)


def read_keys(text: str) -> tuple[VerifyingKey, ...]:
    """The keys of a setting, between blanks: `whsec_...` or `whpk_...`. Raises ValueError, which shows none of them."""
    found = tuple(_read(each) for each in text.split())
    if not 0 < len(found) <= _MOST_KEYS:
        raise ValueError(f"one to {_MOST_KEYS} keys, each whsec_... or whpk_..., with blanks between them")
    return found


def is_believed(keys: Sequence[VerifyingKey], call: Call) -> bool:
    """Whether one signature is one of the keys', over this body, at about this time; unknown ones are passed over."""
    message_id, sent_at = call.header("webhook-id"), call.header("webhook-timestamp")
    signatures = call.header("webhook-signature")
    if not message_id or not sent_at or not signatures or not (sent_at.isascii() and sent_at.isdigit()):
        return False
    # With a full stop in the id, where it ends would be anybody's guess.
    if "." in message_id or not message_id.isascii() or abs(call.now.timestamp() - int(sent_at[:15])) > TOLERANCE_S:
        return False
    content = f"{message_id}.{sent_at}.".encode() + call.body
    given = [each.partition(",") for each in signatures.split(" ")[:_MOST_SIGNATURES]]
    return any(
        key.version == version and (raw := _decoded(encoded)) is not None and key.holds(raw, content)
        for version, _, encoded in given
        for key in keys
    )


def _read(text: str) -> VerifyingKey:
    kind, _, encoded = text.partition("_")
    raw = _decoded(encoded)
    if raw is None or kind not in ("whsec", "whpk"):
        raise ValueError("Una chiave è whsec_ o whpk_ e poi base64 / a key is whsec_ or whpk_, and base64 behind it")
    if kind == "whsec":
        if not 24 <= len(raw) <= 64:
            raise ValueError("Una chiave whsec_ ha da 24 a 64 byte / a whsec_ key is 24 to 64 bytes in base64")
        return VerifyingKey("v1", lambda given, content: hmac.compare_digest(given, hmac.digest(raw, content, sha256)))
    if len(raw) != 32:
        raise ValueError(
            "Una chiave whpk_ è Ed25519, 32 byte / a whpk_ key is an Ed25519 public key, 32 bytes in base64"
        )
    public = Ed25519PublicKey.from_public_bytes(raw)

    def holds(given: bytes, content: bytes) -> bool:
        try:
            public.verify(given, content)
        except InvalidSignature:
            return False
        return True

    return VerifyingKey("v1a", holds)


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
