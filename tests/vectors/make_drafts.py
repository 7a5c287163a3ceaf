"""A request of the vectors before it is put together, and the tokens of two libraries. Used by `make.py`. TEST KEYS."""

import hashlib
import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt as pyjwt
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwcrypto import jwk, jws
from make_keys import load_or_make, load_or_make_more

HERE = Path(__file__).parent

NOW = datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC)
T = int(NOW.timestamp())
PUBLISH, FEED = "https://hub.comune.example.it/publish/v1", "https://hub.comune.example.it/feed/v1"
OTHER_PUBLISH, OTHER_FEED = "https://hub.altro.example.it/publish/v1", "https://hub.altro.example.it/feed/v1"
BODY = b'{"external_id":"TARI-2026-1","version":1,"title":"TARI 2026"}'
HEX = hashlib.sha256(BODY).hexdigest()

MADE_IN_TURN = ("agid-jwt-trackingevidence", "authorization", "agid-jwt-signature", "dpop")

MATERIAL = load_or_make(HERE / "keys.json")
KEYS, CERTS = {**MATERIAL["keys"], **load_or_make_more(HERE / "pdnd_keys.json")["keys"]}, MATERIAL["certificates"]


def b64u(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def segment(value: Any) -> str:
    return b64u(json.dumps(value, separators=(",", ":")).encode())


def digest(body: bytes) -> str:
    return "SHA-256=" + b64encode(hashlib.sha256(body).digest()).decode()


def kid(name: str) -> str:
    return jwk.JWK.from_pem(KEYS[name].encode()).thumbprint()


def public_jwk(name: str) -> str:
    key = jwk.JWK.from_pem(KEYS[name].encode())
    return json.dumps({**json.loads(key.export_public()), "kid": key.thumbprint()}, sort_keys=True)


def x5c(*names: str) -> list[str]:
    return ["".join(CERTS[name].splitlines()[1:-1]) for name in names]


def raw_sign(signing_input: str, key_name: str, *, der: bool = False) -> bytes:
    """The signature of exactly this text, for what no library would make."""
    key = load_pem_private_key(KEYS[key_name].encode(), None)
    if isinstance(key, RSAPrivateKey):
        return key.sign(signing_input.encode(), padding.PKCS1v15(), SHA256())
    signature = key.sign(signing_input.encode(), ECDSA(SHA256()))
    if der:
        return signature
    r, s = decode_dss_signature(signature)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def by_hand(header: str, payload: str, key_name: str, **kw: Any) -> str:
    return f"{header}.{payload}.{b64u(raw_sign(f'{header}.{payload}', key_name, **kw))}"


def by_pyjwt(header: dict[str, Any], claims: dict[str, Any], key_name: str) -> str:
    rest = {name: value for name, value in header.items() if name != "alg"}
    return pyjwt.api_jws.encode(
        json.dumps(claims, separators=(",", ":")).encode(), KEYS[key_name], algorithm=header["alg"], headers=rest
    )


def by_jwcrypto(header: dict[str, Any], claims: dict[str, Any], key_name: str) -> str:
    token = jws.JWS(json.dumps(claims).encode())
    token.add_signature(jwk.JWK.from_pem(KEYS[key_name].encode()), None, json.dumps(header), None)
    return token.serialize(compact=True)


class Draft:
    """A request before it is put together: change one point, then `build`."""

    def __init__(
        self, iss: str, key: str, header: dict[str, Any], *, body: bytes = BODY, signed_body: bool = True
    ) -> None:
        self.signed_body = signed_body
        self.keys = {"authorization": key, "agid-jwt-signature": key}
        self.header = {"authorization": dict(header), "agid-jwt-signature": dict(header)}
        claims = {"iss": iss, "aud": PUBLISH, "iat": T - 2, "nbf": T - 2, "exp": T + 118}
        self.claims: dict[str, dict[str, Any]] = {
            "authorization": {**claims, "jti": "6b2e1c5e-0001"},
            "agid-jwt-signature": {**claims, "jti": "6b2e1c5e-0002"},
        }
        self.headers = [("content-type", "application/json"), ("digest", digest(body))] if signed_body else []
        if signed_body:
            self.claims["agid-jwt-signature"]["signed_headers"] = [
                {"digest": digest(body)},
                {"content-type": "application/json"},
            ]
        self.body = body
        self.peer = ""
        self.tokens = ["authorization", "agid-jwt-signature"] if signed_body else ["authorization"]
        self.rewrite: Callable[[dict[str, str]], None] = lambda tokens: None
        self.after: Callable[[list[tuple[str, str]], dict[str, str]], None] = lambda headers, tokens: None
        self.bearer = "Bearer "

    @property
    def sig(self) -> dict[str, Any]:
        return self.claims["agid-jwt-signature"]

    @property
    def auth(self) -> dict[str, Any]:
        return self.claims["authorization"]

    def both(self, **claims: Any) -> None:
        for name in self.claims:
            for claim, value in claims.items():
                if value is ...:
                    self.claims[name].pop(claim, None)
                else:
                    self.claims[name][claim] = value

    def both_headers(self, **members: Any) -> None:
        for header in self.header.values():
            for name, value in members.items():
                if value is ...:
                    header.pop(name, None)
                else:
                    header[name.replace("_S256", "#S256")] = value

    def build(self) -> dict[str, Any]:
        tokens: dict[str, str] = {}
        for name in MADE_IN_TURN:
            if name not in self.tokens:
                continue
            make = by_pyjwt if name in ("authorization", "dpop") else by_jwcrypto
            # A claim that depends on a token made before: the voucher's digest, the proof's ath.
            claims = {claim: value(tokens) if callable(value) else value for claim, value in self.claims[name].items()}
            tokens[name] = make(self.header[name], claims, self.keys[name])
        self.rewrite(tokens)
        headers = list(self.headers)
        if "authorization" in tokens:
            headers.append(("authorization", self.bearer + tokens["authorization"]))
        headers += [(name, compact) for name, compact in tokens.items() if name != "authorization"]
        self.after(headers, tokens)
        return {
            "signed_body": self.signed_body,
            "request": {
                "method": "POST" if self.signed_body else "GET",
                "target": "/publish/v1/messages" if self.signed_body else "/publish/v1/events",
                "headers": [list(pair) for pair in headers],
                "body_base64": b64encode(self.body).decode(),
                **({"peer": self.peer} if self.peer else {}),
            },
        }


def acme(**kw: Any) -> Draft:
    return Draft("acme", "acme", {"typ": "JWT", "alg": "ES256", "x5c": x5c("acme", "acme-issuing")}, **kw)


def borea(**kw: Any) -> Draft:
    return Draft("borea", "borea", {"typ": "JWT", "alg": "RS256", "kid": kid("borea")}, **kw)


def with_cert(name: str, *chain: str, iss: str = "acme", alg: str = "ES256") -> Draft:
    return Draft(iss, name, {"typ": "JWT", "alg": alg, "x5c": x5c(name, *chain)})


def with_kid(name: str, *, iss: str = "borea", alg: str = "ES256") -> Draft:
    return Draft(iss, name, {"typ": "JWT", "alg": alg, "kid": kid(name)})
