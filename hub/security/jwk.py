"""JSON Web Keys (RFC 7517, RFC 8037): reading, naming and writing them. The only module that imports a JOSE library."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from .algorithms import PrivateKey, PublicKey, algorithms_of
from .causes import Refusal
from .jose import VerifyingKey, unbase64url
from .strict_json import json_object

_AsymmetricKey = RSAKey | ECKey | OKPKey
_KEY_TYPES: Final = ("RSA", "EC", "OKP")
# RFC 7518 6.2.1.2: a coordinate has the full size of the field, leading zeros included.
_COORDINATE_BYTES: Final[Mapping[object, int]] = {"P-256": 32, "P-384": 48, "P-521": 66}


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
    _full_coordinates(jwk)
    # Only what says which key it is: the rest has been looked at, and a library has opinions of its own about it.
    members = {name: jwk[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in jwk}
    if "d" in jwk:
        raise Refusal("key.invalid", "a private key is nobody's to register")
    try:
        key = JWKRegistry.import_key(members)
        if not isinstance(key, _AsymmetricKey):
            raise Refusal("key.invalid", "not an RSA, EC or OKP JWK")
        public = key.public_key
    except (JoseError, ValueError, KeyError, TypeError, OverflowError):
        raise Refusal("key.invalid", "not a JWK, or its point is not on the curve") from None
    if not isinstance(public, PublicKey):
        raise Refusal("key.invalid", "not a key of signatures")
    return public


def _full_coordinates(jwk: Mapping[str, Any]) -> None:
    size = _COORDINATE_BYTES.get(jwk.get("crv")) if jwk["kty"] == "EC" and isinstance(jwk.get("crv"), str) else None
    if size is not None:
        for name in ("x", "y"):
            try:
                found = unbase64url(str(jwk.get(name)).encode("utf-8"))
            except (Refusal, UnicodeEncodeError):
                raise Refusal("key.invalid", f"{name} is not base64url") from None
            if len(found) != size:
                raise Refusal("key.invalid", f"{name} has {len(found)} bytes, {size} are needed on {jwk['crv']}")


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
        ValueError: it is none.
    """
    try:
        members = _asymmetric(json.loads(text))
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
