"""JSON Web Keys (RFC 7517, RFC 8037): reading, naming and writing them. The only module that imports a JOSE library."""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurve,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from contracts.once import each_once

from .algorithms import PrivateKey, PublicKey, algorithms_of
from .causes import Refusal
from .jose import VerifyingKey, unbase64url
from .strict_json import json_object
from .weak_keys import check_rsa

_AsymmetricKey = RSAKey | ECKey | OKPKey
_KEY_TYPES: Final = ("RSA", "EC", "OKP")
_CURVES: Final[Mapping[str | None, tuple[Callable[[], EllipticCurve], int]]] = {
    "P-256": (SECP256R1, 32),
    "P-384": (SECP384R1, 48),
    "P-521": (SECP521R1, 66),
}
MAX_MEMBER_BYTES: Final = 2 * 1024


@lru_cache(maxsize=4096)
def jwk_key(material: str) -> VerifyingKey:
    """The key in the JSON of a public JWK, read once; its signer id is the RFC 7638 thumbprint.

    A JWK that names its `alg` verifies that one alone; `use` and `key_ops`, where present, must be for signatures.

    Raises:
        Refusal: `key.invalid`, `key.weak`.
    """
    try:
        jwk = json_object(material.encode("utf-8"))
    except (Refusal, UnicodeEncodeError):
        raise Refusal("key.invalid", "not a JSON object") from None
    return verifying_key(jwk)


def verifying_key(jwk: Mapping[str, Any]) -> VerifyingKey:
    """The same of a JWK that has been read already.

    Raises:
        Refusal: `key.invalid`, `key.weak`.
    """
    if jwk.get("kty") not in _KEY_TYPES:
        raise Refusal("key.invalid", "not an RSA, EC or OKP JWK")
    if jwk.get("use", "sig") != "sig":
        raise Refusal("key.invalid", "use is not sig")
    if "key_ops" in jwk and (not isinstance(jwk["key_ops"], list) or "verify" not in jwk["key_ops"]):
        raise Refusal("key.invalid", "key_ops lacks verify")
    public = _public(jwk)
    algs = algorithms_of(public)
    if "alg" in jwk:
        # modi 5.22: a published set pairs an RSA key with ES256. What fits no key pins it to nothing.
        if jwk["alg"] not in algs:
            raise Refusal("key.invalid", f"its alg is none of {', '.join(algs)}, which such a key verifies")
        algs = (jwk["alg"],)
    return VerifyingKey(public=public, algs=algs, signer=f"jwk:{thumbprint(public)}")


def _public(jwk: Mapping[str, Any]) -> PublicKey:
    if "d" in jwk:
        raise Refusal("key.invalid", "a private key is nobody's to register")
    curve = jwk.get("crv") if isinstance(jwk.get("crv"), str) else None
    match jwk["kty"]:
        case "RSA":
            n, e = _number(jwk, "n"), _number(jwk, "e")
            check_rsa(n, e)
            return RSAPublicNumbers(e, n).public_key()
        case "EC" if curve in _CURVES:
            make, size = _CURVES[curve]
            x, y = (int.from_bytes(_octets(jwk, name, size), "big") for name in ("x", "y"))
            try:
                return EllipticCurvePublicNumbers(x, y, make()).public_key()
            except ValueError:
                raise Refusal("key.invalid", f"the point is not on {curve}") from None
        case "OKP" if curve == "Ed25519":
            return Ed25519PublicKey.from_public_bytes(_octets(jwk, "x", 32))
        case "OKP" if curve == "Ed448":
            return Ed448PublicKey.from_public_bytes(_octets(jwk, "x", 57))
    raise Refusal("key.invalid", "none of RSA, P-256, P-384, P-521, Ed25519 and Ed448")


def _octets(jwk: Mapping[str, Any], name: str, size: int | None = None) -> bytes:
    """RFC 7518 6.2.1.2, RFC 8037 2: a coordinate has its full size, leading zeros included."""
    value = jwk.get(name)
    try:
        found = unbase64url(value.encode("ascii")) if isinstance(value, str) else b""
    except (Refusal, UnicodeEncodeError):
        found = b""
    if not found or len(found) > MAX_MEMBER_BYTES:
        raise Refusal("key.invalid", f"{name} is missing or not base64url")
    if size is not None and len(found) != size:
        raise Refusal("key.invalid", f"{name} has {len(found)} bytes where {size} are needed")
    return found


def _number(jwk: Mapping[str, Any], name: str) -> int:
    # RFC 7518 6.3.1.1 knows that libraries put a zero byte before a modulus; it changes nothing.
    return int.from_bytes(_octets(jwk, name), "big")


def _named(key: PublicKey) -> _AsymmetricKey:
    if isinstance(key, RSAPublicKey):
        return RSAKey.import_key(key)
    return ECKey.import_key(key) if isinstance(key, EllipticCurvePublicKey) else OKPKey.import_key(key)


def thumbprint(key: PublicKey) -> str:
    """RFC 7638, of the key itself: however its JWK was spelled, a key has one name."""
    return _named(key).thumbprint()


def public_jwk(key: PublicKey, alg: str | None = None) -> dict[str, str]:
    """The public JWK of a key, with `kid` (RFC 7638 thumbprint), `use` and `alg`; by default the first that fits it."""
    named = _named(key)
    members = {name: str(value) for name, value in named.as_dict(private=False).items() if name != "kid"}
    return members | {"kid": named.thumbprint(), "use": "sig", "alg": alg or algorithms_of(key)[0]}


def private_key_of_jwk(text: str) -> tuple[PrivateKey, str | None]:
    """The private key in the JSON of a JWK, and the `alg` that it names.

    Raises:
        ValueError: it is none, or names a member twice.
    """
    try:
        members = _asymmetric(json.loads(text))
        each_once(text)
        jwk = JWKRegistry.import_key(members)
    except (JoseError, KeyError, TypeError) as exc:
        raise ValueError("not a JWK") from exc
    if not isinstance(jwk, _AsymmetricKey) or not jwk.is_private:
        raise ValueError("not a private RSA, EC or OKP JWK")
    private = jwk.private_key
    if not isinstance(private, PrivateKey):
        raise ValueError("not a private RSA, EC or OKP JWK")  # noqa: TRY004  (as above: the caller asks what it can use)
    return private, members.get("alg")


def _asymmetric(jwk: Any) -> dict[str, Any]:
    if not isinstance(jwk, dict) or jwk.get("kty") not in _KEY_TYPES:
        raise ValueError("not an RSA, EC or OKP JWK")
    return jwk
