"""Requests that the hub signs with a key of its own, as an `httpx.Auth`: ID_AUTH_REST_02 with INTEGRITY_REST_01."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from contracts.failures import Deferred
from hub.clock import Clock

from .evidence import Evidence
from .outbound import Integrity, ModiAuth, Reference, Signer
from .sign import SigningKey
from .token_keys import TokenProblem

_COVERED = ("x-correlation-id",)
"""What the hub covers of its own calls, besides those headers that the pattern demands."""


@dataclass(frozen=True)
class HubSignature(httpx.Auth):
    """Signs with the key of the moment: what holds this may live longer than a key."""

    key: Callable[[], SigningKey]
    clock: Clock
    issuer: str
    audience: str
    reference: Reference = "kid"
    integrity: bool = True
    covered: tuple[str, ...] = ()
    """Headers that are signed where the request has them."""
    user: Mapping[str, Any] | None = None
    """What tracking evidence says of whoever calls: AUDIT_REST_01; None: there is none."""

    requires_request_body = True

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        key = self.key()
        signer = Signer(key, self.issuer, self.audience, self.reference, clock=lambda: self.clock.now().timestamp())
        try:
            yield from ModiAuth(
                signer,
                integrity=Integrity(signer, if_there=self.covered) if self.integrity else None,
                evidence=None if self.user is None else Evidence(signer),
                user=self.user,
            ).auth_flow(request)
        except TokenProblem as problem:  # only signing raises it: no byte has left
            raise Deferred("proof.token", str(problem)) from None


def signer(key: Callable[[], SigningKey], clock: Clock) -> Callable[[str, str], httpx.Auth]:
    """(issuer, audience) -> what signs as that issuer for that audience."""
    return lambda issuer, audience: HubSignature(key, clock, issuer, audience, covered=_COVERED)
