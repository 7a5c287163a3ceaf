"""What the simulated PDND signs: vouchers (modi 2.3) and the answers of its API (modi 1.5)."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Collection, Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from joserfc import jws
from joserfc.jwk import RSAKey

from .assertions import Compact, Granted, holds, read
from .records import new_jti

API_LIFETIME_S: Final = 600
ANSWER_LIFETIME_S: Final = 60
_ANY_HEADER: Final = jws.JWSRegistry(algorithms=["RS256"], strict_check_header=False)


class PlatformKeys:
    """The platform's own keys: the newest signs, all are published until they are retired."""

    def __init__(self) -> None:
        self._keys: list[RSAKey] = []
        self.rotate()

    def rotate(self) -> str:
        """Sign with a new key from now on; gives its kid."""
        self._keys.insert(0, RSAKey.generate_key(2048, private=True))
        return self.kid

    def retire(self) -> None:
        """Publish only the newest key: vouchers signed with older ones can no longer be verified."""
        del self._keys[1:]

    @property
    def kid(self) -> str:
        return self._keys[0].thumbprint()

    @property
    def private(self) -> RSAPrivateKey:
        """The key that signs now: for whoever makes vouchers that the platform never would."""
        private = self._keys[0].private_key
        assert private is not None
        return private

    def jwks(self) -> list[dict[str, Any]]:
        return [
            {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": "RS256"} for key in self._keys
        ]

    def sign(self, claims: Mapping[str, Any], **header: str) -> str:
        protected = {"alg": "RS256", "kid": self.kid, **header}
        payload = json.dumps(claims, separators=(",", ":")).encode()
        return jws.serialize_compact(protected, payload, self._keys[0], ["RS256"], _ANY_HEADER)

    def verified(self, text: str) -> Compact | None:
        """A token of our own; None where it is none."""
        token = read(text)
        known = {key["kid"]: key for key in self.jwks()}
        jwk = known.get(str(token.header.get("kid"))) if token else None
        return token if token and jwk and holds(token, jwk, ("RS256",)) else None


def voucher(
    keys: PlatformKeys,
    granted: Granted,
    *,
    issuer: str,
    api_audience: str,
    now: int,
    thumbprint: str | None,
    audience_as_list: bool,
    with_ids: bool,
) -> tuple[str, int]:
    """The voucher and its life in seconds. `with_ids`: the platform's feature flag for the ids of the e-service."""
    purpose = granted.purpose
    lifetime_s = purpose.lifetime_s if purpose else API_LIFETIME_S
    audiences = list(purpose.audience) if purpose else [api_audience]
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": audiences if audience_as_list or len(audiences) > 1 else audiences[0],
        "sub": granted.client.client_id,
        "client_id": granted.client.client_id,
        "jti": new_jti(),
        "iat": now,
        "nbf": now,
        "exp": now + lifetime_s,
    }
    if purpose:
        claims["purposeId"] = purpose.purpose_id
        if with_ids:
            claims["producerId"] = purpose.producer_id
            claims["consumerId"] = granted.client.consumer_id
            claims["eserviceId"] = purpose.eservice_id
            claims["descriptorId"] = purpose.descriptor_id
    if granted.digest:
        claims["digest"] = dict(granted.digest)
    if thumbprint:
        claims["cnf"] = {"jkt": thumbprint}
    return keys.sign(claims, typ="at+jwt", use="sig"), lifetime_s


def signed_answer(
    keys: PlatformKeys, body: bytes, headers: Mapping[str, str], *, issuer: str, client_id: str, now: int
) -> dict[str, str]:
    """`Digest` and `Agid-JWT-Signature` of an answer: INTEGRITY_REST_02, but without `aud` (modi 1.5)."""
    digest = "SHA-256=" + b64encode(hashlib.sha256(body).digest()).decode()
    signed = [{"digest": digest}, *({name.lower(): value} for name, value in headers.items())]
    claims = {
        "iss": issuer,
        "client_id": client_id,
        "jti": new_jti(),
        "iat": now,
        "exp": now + ANSWER_LIFETIME_S,
        "signed_headers": signed,
    }
    return {"Digest": digest, "Agid-JWT-Signature": keys.sign(claims, typ="JWT")}


def bearer(token: Compact, *, issuer: str, audience: str, api_clients: Collection[str], now: float) -> str | None:
    """The API client that a voucher of ours admits now; None where it admits none."""
    claims = token.claims
    aud = claims.get("aud")
    admitted = (
        token.header.get("typ") == "at+jwt"
        and claims.get("iss") == issuer
        and audience in ([aud] if isinstance(aud, str) else aud or [])
        and claims.get("nbf", 0) <= now < claims.get("exp", 0)
        and "purposeId" not in claims
        and claims.get("client_id") in api_clients
    )
    return str(claims["client_id"]) if admitted else None
