"""Requests that the hub signs with its own key, as an `httpx.Auth`: ID_AUTH_REST_02 with INTEGRITY_REST_01."""

from collections.abc import Callable, Generator

import httpx

from hub.clock import Clock

from .outbound import Integrity, ModiAuth, Signer
from .sign import SigningKey

_COVERED = ("x-correlation-id",)
"""Headers that are signed where the request has them, besides those that the pattern demands."""


class HubSignature(httpx.Auth):
    """Signs with the hub's key of the moment: what holds this may live longer than a key."""

    requires_request_body = True

    def __init__(self, key: Callable[[], SigningKey], clock: Clock, *, issuer: str, audience: str) -> None:
        self._key = key
        self._clock = clock
        self._issuer = issuer
        self._audience = audience

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        signer = Signer(
            self._key(), self._issuer, self._audience, reference="kid", clock=lambda: self._clock.now().timestamp()
        )
        also = tuple(name for name in _COVERED if name in request.headers)
        yield from ModiAuth(signer, integrity=Integrity(signer, also)).auth_flow(request)


def signer(key: Callable[[], SigningKey], clock: Clock) -> Callable[[str, str], httpx.Auth]:
    """(issuer, audience) -> what signs as that issuer for that audience."""
    return lambda issuer, audience: HubSignature(key, clock, issuer=issuer, audience=audience)
