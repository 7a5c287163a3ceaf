"""A member of the simulated PDND: its keys, assertions, proofs and vouchers, made with PyJWT."""

import base64
import hashlib
import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from hub.bootstrap import simulated_pdnd
from hub.pdnd.simulator import Pdnd
from hub.security.keys import private_pem
from hub.store.pdnd_clients import PdndCredentials
from hub.trust.environment import PdndAccess, PdndEnvironment, VoucherUnavailable
from tests.harness import ENTE

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
NO_TLS = httpx.create_ssl_context(verify=False)
"""Made once: reading the authorities' certificates takes longer than a test."""


@lru_cache
def rsa_key(name: str = "assertions", bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@lru_cache
def ec_key(name: str = "proofs") -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def jwk_of(key: Any, **more: Any) -> dict[str, Any]:
    """The public JWK of a private key."""
    family = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    found = json.loads(family.to_jwk(key.public_key()))
    found.pop("key_ops", None)
    return found | more


@contextmanager
def running_pdnd(folder: Path, **options: Any) -> Iterator[Pdnd]:
    """A simulated PDND on loopback; `pdnd.base_url` is where."""
    simulation = simulated_pdnd(folder, **options)
    simulation.start()
    try:
        yield simulation.pdnd
    finally:
        simulation.stop()


class Client:
    """A client registered at a simulated PDND. `header`, `claims` and `form` override or, with None, leave out."""

    def __init__(self, pdnd: Pdnd, kind: Any = "consumer", key: Any = None) -> None:
        self.pdnd = pdnd
        self.key = key or rsa_key(f"client {len(pdnd.records.clients)}")  # kept for the next test's platform
        self.client_id = pdnd.records.add_client(kind)
        self.kid = pdnd.records.add_key(self.client_id, jwk_of(self.key))
        self.purpose_id = None
        if kind == "consumer":
            self.purpose_id = pdnd.records.add_purpose(self.client_id, audience="https://hub.comune.example.it/publish")

    def assertion(self, *, header: Mapping[str, Any] = {}, claims: Mapping[str, Any] = {}, key: Any = None) -> str:
        now = int(time.time())
        full = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.pdnd.audience,
            "jti": str(uuid.uuid4()),
            "iat": now,
            "exp": now + 60,
            "purposeId": self.purpose_id,
            **claims,
        }
        head = {"kid": self.kid, "typ": "JWT", **header}
        alg = head.pop("alg", "RS256")
        signer = None if alg == "none" else key or self.key
        payload = {name: value for name, value in full.items() if value is not None}
        head = {name: value for name, value in head.items() if value is not None}
        # PyJWT sees to some claims' types itself; bytes it signs as they are.
        return jwt.api_jws.encode(json.dumps(payload).encode(), signer, alg, head)

    def form(self, assertion: str | None = None, **form: Any) -> dict[str, str]:
        full = {
            "client_id": self.client_id,
            "client_assertion": assertion or self.assertion(),
            "client_assertion_type": ASSERTION_TYPE,
            "grant_type": "client_credentials",
            **form,
        }
        return {name: value for name, value in full.items() if value is not None}


def proof(
    key: Any,
    *,
    method: str,
    url: str,
    voucher: str | None = None,
    header: Mapping[str, Any] = {},
    claims: Mapping[str, Any] = {},
) -> str:
    """A DPoP proof (RFC 9449)."""
    alg = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    full = {"htm": method, "htu": url, "iat": int(time.time()), "jti": str(uuid.uuid4()), **claims}
    if voucher is not None:
        digest = hashlib.sha256(voucher.encode()).digest()
        full.setdefault("ath", base64.urlsafe_b64encode(digest).rstrip(b"=").decode())
    head = {"typ": "dpop+jwt", "jwk": jwk_of(key, alg=alg), **header}
    alg = head.pop("alg", alg)
    payload = json.dumps({name: value for name, value in full.items() if value is not None}).encode()
    return jwt.api_jws.encode(payload, key, alg, head)


def credentials(pdnd: Pdnd, name: str, client: Client, kind: Any = "consumer", **more: Any) -> PdndCredentials:
    """What an ente keeps of a client, under a name of its own."""
    return PdndCredentials(
        ENTE,
        name,
        kind,
        client.client_id,
        client.kid,
        f"{pdnd.base_url}/token.oauth2",
        pdnd.audience,
        client.purpose_id,
        key_pem=private_pem(client.key).decode(),
        **more,
    )


class ApiVouchers:
    """A VoucherSource without the finer points: one voucher, renewed when it is refused a minute before its end."""

    def __init__(self, client: Client, *, bound: bool = True) -> None:
        self._client = client
        self._bound = bound
        self._voucher = ""
        self._until = 0.0

    async def header_for(self, *, purpose_id: str | None, method: str, url: str) -> Mapping[str, str]:
        assert purpose_id is None
        if time.time() > self._until:
            await self._renew()
        if not self._bound:
            return {"Authorization": f"Bearer {self._voucher}"}
        shown = proof(ec_key(), method=method, url=url, voucher=self._voucher)
        return {"Authorization": f"DPoP {self._voucher}", "DPoP": shown}

    def shown(self) -> None:
        return None

    async def refused(self) -> bool:
        return False

    async def _renew(self) -> None:
        url = f"{self._client.pdnd.base_url}/token.oauth2"
        headers = {"DPoP": proof(ec_key(), method="POST", url=url)} if self._bound else {}
        try:
            async with httpx.AsyncClient(verify=NO_TLS, trust_env=False, timeout=2) as http:
                answer = await http.post(url, data=self._client.form(), headers=headers)
        except httpx.HTTPError:
            raise VoucherUnavailable("unreachable") from None
        if answer.status_code != 200:
            raise VoucherUnavailable(f"status_{answer.status_code}")
        self._voucher = answer.json()["access_token"]
        self._until = time.time() + answer.json()["expires_in"] - 60


def access(pdnd: Pdnd, version: Any = "v3", **more: Any) -> PdndAccess:
    """The hub's own access to the simulated PDND, as a client of kind "api"."""
    path = "1.0" if version == "v1" else version
    environment = PdndEnvironment(
        issuer=pdnd.issuer,
        jwks_url=f"{pdnd.base_url}/.well-known/jwks.json",
        keys_url=f"{pdnd.base_url}/{path}",
        api_version=version,
        loopback=True,
        **{"events_every_s": 0.2} | more,
    )
    return PdndAccess(environment, ApiVouchers(Client(pdnd, "api"), bound=version == "v3"))
