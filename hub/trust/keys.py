"""Public keys out of what PDND answers, and nothing else: a JWK that is not exactly what was asked for is refused."""

from collections.abc import Mapping
from typing import Any, Final

from hub.security.causes import Refusal
from hub.security.jose import VerifyingKey
from hub.security.jwk import verifying_key
from hub.security.strict_json import json_object

from .http import FetchFailed

MOST_KEYS: Final = 64
_SECRET: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_KEY: Final = frozenset({"kty", "alg", "n", "e", "crv", "x", "y"})
_USE: Final = frozenset({"use", "key_ops"})


def read_object(body: bytes) -> dict[str, Any]:
    """An object whose members come once each. Raises FetchFailed."""
    try:
        return json_object(body)
    except Refusal:
        raise FetchFailed("malformed") from None


def read_key(jwk: Any, kid: str) -> VerifyingKey:
    """The key that was asked for by `kid`: public, for signatures, of a size that is allowed.

    Raises:
        FetchFailed: `malformed`, `wrong_kid`, `private_key`, `unusable_key`.
    """
    if not isinstance(jwk, dict):
        raise FetchFailed("malformed")
    if _SECRET & jwk.keys():
        raise FetchFailed("private_key")
    if jwk.get("kid") != kid:
        raise FetchFailed("wrong_kid")
    # Members without a part in the key (x5c, x5u and the like) are not even looked at; a use that is null is none.
    members = {name: value for name, value in jwk.items() if name in _KEY or (name in _USE and value is not None)}
    try:
        return verifying_key(members)
    except Refusal:
        raise FetchFailed("unusable_key") from None


def read_set(body: bytes) -> Mapping[str, VerifyingKey]:
    """The keys of a JWK set by kid; those not for signatures are left out (RFC 7517 5).

    Raises:
        FetchFailed: `malformed`, `private_key` for any secret member, `repeated_kid`, `no_keys`.
    """
    jwks = read_object(body).get("keys")
    if not isinstance(jwks, list) or len(jwks) > MOST_KEYS:
        raise FetchFailed("malformed")
    found: dict[str, VerifyingKey] = {}
    for jwk in jwks:
        kid = jwk.get("kid") if isinstance(jwk, dict) else None
        if not isinstance(kid, str):
            continue
        try:
            key = read_key(jwk, kid)
        except FetchFailed as failure:
            if failure.problem == "unusable_key":
                continue
            raise
        if kid in found:
            raise FetchFailed("repeated_kid")
        found[kid] = key
    if not found:
        raise FetchFailed("no_keys")
    return found
