"""Requests that the hub sends, signed by its own key: ID_AUTH_REST_02 with INTEGRITY_REST_01, as an `httpx.Auth`."""

from collections.abc import Callable, Generator

import httpx

from hub.clock import Clock

from .sign import SigningKey, sign_request

_COVERED = ("X-Correlation-ID",)
"""Headers that are signed where the request has them, besides those that the pattern demands."""


class RequestSignature(httpx.Auth):
    """Signs the very bytes that are sent, each time with a fresh `jti`."""

    requires_request_body = True

    def __init__(self, key: SigningKey, clock: Clock, *, issuer: str, audience: str) -> None:
        self._key = key
        self._clock = clock
        self._issuer = issuer
        self._audience = audience

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        signed = sign_request(
            self._key,
            iss=self._issuer,
            aud=self._audience,
            method=request.method,
            url=str(request.url),
            body=request.content,
            content_type=request.headers.get("content-type"),
            now=self._clock.now(),
            extra_headers={name: request.headers[name] for name in _COVERED if name in request.headers},
        )
        request.headers.update(signed)
        yield request


def signer(key: SigningKey, clock: Clock) -> Callable[[str, str], httpx.Auth]:
    """(issuer, audience) -> what signs as that issuer for that audience."""
    return lambda issuer, audience: RequestSignature(key, clock, issuer=issuer, audience=audience)
