"""An OpenID provider for tests: strict with the hub (PKCE, secrets, redirect URIs), and able to lie where told to."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.base.serving import LoopbackServer
from hub.security.jose import segment, sign
from hub.security.keys import new_key
from hub.security.sign import SigningKey

CLIENT, SECRET = "raccordo", "un segreto del fornitore"


@dataclass
class Provider:
    """Whoever comes is signed in at once, as the person of `claims`. `lies` replaces claims of the ID token, None takes
    one away; `signed_by` another key signs it."""

    redirect_uri: str = ""
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "u-1", "name": "Anna Verdi", "groups": ["ict"]})
    lies: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    """Replaces members of the discovery document."""
    signed_by: SigningKey | None = None
    key: SigningKey = field(default_factory=lambda: SigningKey(new_key("es256")))
    codes: dict[str, Mapping[str, str]] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        routes = [
            Route("/.well-known/openid-configuration", self._discovery),
            Route("/authorize", self._authorize),
            Route("/token", self._token, methods=["POST"]),
            Route("/keys", self._keys),
        ]
        self.server = LoopbackServer(Starlette(routes=routes))

    def __enter__(self) -> "Provider":
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()

    @property
    def issuer(self) -> str:
        return self.server.url

    async def _discovery(self, _request: Request) -> Response:
        own = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "code_challenge_methods_supported": ["S256"],
            "response_types_supported": ["code"],
        }
        return JSONResponse(own | self.told)

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        wanted = {"response_type": "code", "client_id": CLIENT, "redirect_uri": self.redirect_uri}
        wrong = [name for name, value in wanted.items() if asked.get(name) != value]
        wrong += [name for name in ("state", "nonce", "code_challenge") if len(asked.get(name, "")) < 32]
        wrong += [] if asked.get("code_challenge_method") == "S256" else ["code_challenge_method"]
        wrong += [] if "openid" in asked.get("scope", "").split() else ["scope"]
        if wrong:
            self.refusals += wrong
            return JSONResponse({"error": "invalid_request", "about": wrong}, 400)
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        query = urlencode({"code": code, "state": asked["state"], "session_state": "x"})
        return Response(status_code=302, headers={"Location": f"{self.redirect_uri}?{query}"})

    async def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        checks = {
            "code": asked is not None,
            "grant_type": form.get("grant_type") == "authorization_code",
            "redirect_uri": form.get("redirect_uri") == self.redirect_uri,
            "client": (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET),
            "code_verifier": asked is not None and asked["code_challenge"] == challenge,
        }
        wrong = [name for name, holds in checks.items() if not holds]
        if wrong or asked is None:
            self.refusals += wrong
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "nonce": asked["nonce"], "iat": now, "exp": now + 300}
        claims |= self.claims | self.lies
        return JSONResponse({"token_type": "Bearer", "access_token": "-", "id_token": self._signed(claims)})

    def _signed(self, claims: Mapping[str, Any]) -> str:
        key = self.signed_by or self.key
        protected = segment({"alg": "ES256", "typ": "JWT", "kid": self.key.kid})
        return sign(protected, {name: each for name, each in claims.items() if each is not None}, key.private, "ES256")

    async def _keys(self, _request: Request) -> Response:
        return Response(json.dumps({"keys": [self.key.public_jwk()]}), media_type="application/json")
