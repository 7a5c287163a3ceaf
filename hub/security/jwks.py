"""Keys that senders registered as JWK, found by `kid` among one sender's own keys and nobody else's."""

from collections.abc import Mapping
from datetime import datetime

from hub.registry import Key, KeyKind

from .causes import Refusal
from .jose import VerifyingKey
from .jwk import jwk_key


def registered_key(header: Mapping[str, object], keys: tuple[Key, ...], kind: KeyKind, now: datetime) -> VerifyingKey:
    """The usable key of that kind and `kid` among one sender's own keys.

    Raises:
        Refusal: `key.reference_missing`, `key.unknown`, `key.unusable`, `key.invalid`.
    """
    kid = header.get("kid")
    if not isinstance(kid, str):
        raise Refusal("key.reference_missing", "no kid")
    found = [key for key in keys if key.kind == kind and key.kid == kid]
    if not found:
        raise Refusal("key.unknown", facts=f"kid is {kid[:100]!r}")
    for key in found:
        if key.usable(now):
            return jwk_key(key.material)
    raise Refusal("key.unusable", f"key {found[0].key_id}")
