"""Where the kit's vouchers come from: a simulated PDND of its own, or PDND by its token endpoint (modi 2)."""

import time
from collections.abc import Mapping
from typing import Any, Final, Protocol

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from hub.pdnd.assertions import ASSERTION_TYPE
from hub.pdnd.records import new_jti
from hub.pdnd.simulator import Pdnd
from hub.security.keys import new_key
from hub.security.sign import SigningKey
from hub.security.vouchers import client_assertion, dpop_proof

VOUCHER_TYP: Final = "at+jwt"
_EARLY_S: Final = 30
_LIFETIME_S: Final = 600


class Unobtained(Exception):
    """There is no voucher to be had; its text says why, and holds no token."""


class Issuer(Protocol):
    """Gives vouchers of one client for one purpose."""

    client_id: str
    purpose_id: str
    kid: str
    """Of the client's key at PDND; empty: its RFC 7638 thumbprint."""
    platform: SigningKey | None
    """With it the kit makes vouchers itself, wrong ones too. None: PDND alone makes them."""

    def claims(self, now: int) -> dict[str, Any]:
        """Of a good bearer voucher; with `platform` alone."""
        ...

    def header(self) -> dict[str, Any]: ...

    def evidence(self, claims: dict[str, Any]) -> dict[str, Any]:
        """The claims to be tracked by: kept ones where a voucher is tied to them and there are no more to be had."""
        ...

    def obtained(self, *, digest: str | None, proof_key: SigningKey | None) -> str:
        """A voucher, used again as long as it is good; without `platform` alone. Raises Unobtained."""
        ...


class Simulated:
    """A simulated PDND, whose own keys are at hand. Whoever is tried must trust it: a test set-up, never production.

    `ids` are `producerId`, `eserviceId` and `descriptorId` of vouchers, where the hub compares them.
    """

    def __init__(
        self,
        pdnd: Pdnd,
        *,
        client_id: str,
        purpose_id: str,
        key: SigningKey,
        audience: str,
        ids: Mapping[str, str] | None = None,
    ) -> None:
        self.client_id, self.purpose_id, self.audience, self.ids = client_id, purpose_id, audience, dict(ids or {})
        self._issuer = pdnd.issuer
        self.platform: SigningKey | None = SigningKey(pdnd.keys.private)
        pdnd.records.add_client(client_id=client_id)
        self.kid = pdnd.records.add_key(client_id, dict(key.public_jwk()))
        pdnd.records.add_purpose(
            client_id,
            audience=audience,
            purpose_id=purpose_id,
            producer_id=self.ids.get("producerId", ""),
            eservice_id=self.ids.get("eserviceId", ""),
            descriptor_id=self.ids.get("descriptorId", ""),
        )
        self.other_key = SigningKey(new_key("es256"))
        """Of another client at the same PDND."""
        self.other_client = pdnd.records.add_client()
        pdnd.records.add_key(self.other_client, dict(self.other_key.public_jwk()))

    def claims(self, now: int) -> dict[str, Any]:
        names = {"iss": self._issuer, "aud": self.audience, "sub": self.client_id, "client_id": self.client_id}
        times = {"iat": now, "nbf": now, "exp": now + _LIFETIME_S}
        return {**names, **times, "jti": new_jti(), "purposeId": self.purpose_id, **self.ids}

    def header(self) -> dict[str, Any]:
        assert self.platform is not None
        return {"alg": "RS256", "kid": self.platform.kid, "typ": VOUCHER_TYP, "use": "sig"}

    def evidence(self, claims: dict[str, Any]) -> dict[str, Any]:
        return claims

    def obtained(self, *, digest: str | None, proof_key: SigningKey | None) -> str:
        raise Unobtained("the simulated PDND's vouchers are made by the kit")


class Obtained:
    """PDND's token endpoint, asked as a client asks it. Vouchers are kept by digest and key, and used again."""

    platform: SigningKey | None = None

    def __init__(
        self,
        http: httpx.Client,
        *,
        token_url: str,
        audience: str,
        client_id: str,
        kid: str,
        purpose_id: str,
        key: SigningKey,
    ) -> None:
        """Raises ValueError: the key is not RSA, which client assertions must be signed with."""
        if not isinstance(key.private, RSAPrivateKey):
            raise ValueError("PDND takes client assertions by RSA keys alone (RS256)")  # noqa: TRY004 - of the file
        self.client_id, self.purpose_id, self.kid = client_id, purpose_id, kid
        self._http, self._url, self._audience, self._key = http, token_url, audience, key.private
        self._kept: dict[tuple[str | None, str | None], tuple[str, float]] = {}
        self._evidence: dict[str, Any] = {}

    def claims(self, now: int) -> dict[str, Any]:
        raise Unobtained("vouchers are PDND's own")

    def header(self) -> dict[str, Any]:
        raise Unobtained("vouchers are PDND's own")

    def evidence(self, claims: dict[str, Any]) -> dict[str, Any]:
        if self._evidence.get("exp", 0) < time.time() + 10 * _EARLY_S:
            self._evidence = dict(claims)
        return dict(self._evidence)

    def obtained(self, *, digest: str | None, proof_key: SigningKey | None) -> str:
        place = (digest, proof_key.kid if proof_key is not None else None)
        token, until = self._kept.get(place, ("", 0.0))
        if time.time() < until:
            return token
        token, lifetime_s = self._asked(digest, proof_key)
        self._kept[place] = (token, time.time() + lifetime_s - _EARLY_S)
        return token

    def _asked(self, digest: str | None, proof_key: SigningKey | None) -> tuple[str, float]:
        now = time.time()
        assertion = client_assertion(
            self._key,
            kid=self.kid,
            client_id=self.client_id,
            audience=self._audience,
            now=now,
            purpose_id=self.purpose_id,
            digest=digest,
        )
        form = {
            "client_id": self.client_id,
            "client_assertion": assertion,
            "client_assertion_type": ASSERTION_TYPE,
            "grant_type": "client_credentials",
        }
        proof = {} if proof_key is None else {"DPoP": dpop_proof(proof_key, method="POST", url=self._url, now=now)}
        try:
            answer = self._http.post(self._url, data=form, headers=proof)
            content = answer.json()
            token, lifetime_s = content["access_token"], float(content["expires_in"])
        except httpx.HTTPError as error:
            raise Unobtained(f"the token endpoint gives no answer: {type(error).__name__}") from None
        except (ValueError, KeyError, TypeError):
            raise Unobtained(f"the token endpoint answered {answer.status_code} {_refusal(answer)}".rstrip()) from None
        if not isinstance(token, str):
            raise Unobtained("the token endpoint gave no access_token")
        return token, lifetime_s


def _refusal(answer: httpx.Response) -> str:
    """PDND's code, in either of its styles (modi 2.2)."""
    try:
        content = answer.json()
        return str(content.get("error") or content["errors"][0]["code"])[:40]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return ""
