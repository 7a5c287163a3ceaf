"""A vendor's signed request before it is put together: a case changes one point of it, then it is built.

Not `hub.security.sign`, which cannot make what is wrong.
"""

from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from typing import Any, Final

from hub.security import jose
from hub.security.algorithms import ALGORITHMS
from hub.security.digest import digest_header
from hub.security.sign import SigningKey

AUTH: Final = "authorization"
SIG: Final = "agid-jwt-signature"
LIFETIME_S: Final = 120

Tokens = dict[str, str]
Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Party:
    """Who signs, and for whom. `stranger` is a key of the same type that nobody registered."""

    iss: str
    aud: str
    key: SigningKey
    stranger: SigningKey

    @property
    def elliptic(self) -> bool:
        return self.key.alg.startswith("ES")


@dataclass(frozen=True, slots=True)
class Built:
    """A request as it leaves."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Draft:
    """ID_AUTH_REST_02 with INTEGRITY_REST_01, or the first alone where there is no body (`body` None)."""

    def __init__(self, party: Party, *, method: str, path: str, body: bytes | None, now: datetime) -> None:
        self.party = party
        self.method, self.path, self.body = method, path, body or b""
        self.now = int(now.timestamp())
        self.sent = [AUTH] if body is None else [AUTH, SIG]
        self.scheme = "Bearer "
        self.headers: Headers = []
        base = {"iss": party.iss, "aud": party.aud, "iat": self.now, "nbf": self.now, "exp": self.now + LIFETIME_S}
        self.claims: dict[str, dict[str, Any]] = {name: {**base, "jti": token_hex(16)} for name in self.sent}
        self.jose: dict[str, dict[str, Any]] = {name: party.key.header() for name in self.sent}
        self.keys = dict.fromkeys(self.sent, party.key)
        if body is not None:
            self.sign_body("application/json")
        self.rewrite: Callable[[Tokens], None] = lambda tokens: None
        self.after: Callable[[Headers], None] = lambda headers: None

    def sign_body(self, content_type: str) -> None:
        """Digest and signed headers of the present body."""
        self.headers = [("content-type", content_type), ("digest", digest_header(self.body))]
        self.claims[SIG]["signed_headers"] = [{name: value} for name, value in reversed(self.headers)]

    def build(self) -> Built:
        tokens = {name: signed(self.jose[name], self.claims[name], self.keys[name]) for name in self.sent}
        self.rewrite(tokens)
        headers = list(self.headers)
        for name, compact in tokens.items():
            headers.append((name, (self.scheme if name == AUTH else "") + compact))
        self.after(headers)
        return Built(self.method, self.path, tuple(headers), self.body)


def signed(header: Mapping[str, Any], claims: Mapping[str, Any], key: SigningKey) -> str:
    """Signed with the key's own algorithm, whatever the header says."""
    return jose.sign(jose.segment(header), claims, key.private, key.alg)


def by_hand(header: str, payload: str, key: SigningKey) -> str:
    """The compact JWS of two segments as they are."""
    signature = ALGORITHMS[key.alg].sign(key.private, f"{header}.{payload}".encode("ascii"))
    return f"{header}.{payload}.{jose.base64url(signature)}"


def unb64u(segment: str) -> bytes:
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
