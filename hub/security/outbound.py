"""Signing what the hub sends, as `httpx.Auth`: the ModI patterns under X.509 trust, and those of PDND with vouchers.

The hub makes these objects and hands them to whoever has an httpx client; a connector needs to know nothing of them.
The body is read before it is signed, a stream once into memory, and the bytes that were hashed are those that httpx
sends. Each try is signed anew; vouchers and tracking evidence are used again (modi 5.9).
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import uuid4

import httpx

from . import jose
from .digest import digest_header
from .evidence import Evidence, Tracked
from .headers import MUST_BE_SIGNED
from .sign import BODY_METHODS, SigningKey
from .vouchers import BACKDATED_S, Voucher, VoucherHolder, VoucherUnavailable

Reference = Literal["x5c", "x5t#S256", "kid"]
Authentication = Literal["ID_AUTH_REST_01", "ID_AUTH_REST_02"]
Tokens = Literal["both", "signature", "authorization"]

AUTHORIZATION: Final = "Authorization"
SIGNATURE: Final = "Agid-JWT-Signature"
EVIDENCE: Final = "Agid-JWT-TrackingEvidence"
LIFETIME_S: Final = 120


@dataclass(frozen=True)
class Signer:
    """Who signs, for whom, and how the receiver is told which key it was."""

    key: SigningKey
    iss: str
    aud: str
    """The receiver's or the e-service's, as published there: not the URL called (modi 5.4)."""
    reference: Reference = "x5c"
    kid: str = ""
    """For `kid`: PDND's for the key; by default its RFC 7638 thumbprint."""
    sub: str = ""
    lifetime_s: int = LIFETIME_S
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        if self.reference != "kid" and not self.key.certificates:
            raise ValueError(f"{self.reference} needs a key with its certificate")

    def token(self, claims: Mapping[str, Any], *, lifetime_s: int = 0, once: bool = True) -> str:
        """A compact JWS of these claims beside those that every token has; with a jti where it is to be used `once`."""
        issued = int(self.clock()) - BACKDATED_S
        all_: dict[str, Any] = {"iss": self.iss, "aud": self.aud, "iat": issued, "nbf": issued}
        all_["exp"] = issued + (lifetime_s or self.lifetime_s)
        if self.sub:
            all_["sub"] = self.sub
        if once:
            all_["jti"] = str(uuid4())
        header = {"alg": self.key.alg, "typ": "JWT", self.reference: self._referred()}
        # Whatever a caller says of a user, it does not say who signs.
        return jose.sign(jose.segment(header), {**claims, **all_}, self.key.private, self.key.alg)

    def _referred(self) -> str | list[str]:
        if self.reference == "x5c":
            return self.key.x5c
        if self.reference == "kid":
            return self.kid or self.key.kid
        assert self.key.certificate_thumbprint is not None
        return jose.base64url(bytes.fromhex(self.key.certificate_thumbprint))


@dataclass(frozen=True)
class Integrity:
    """INTEGRITY_REST_01 or _02, by the signer's reference (modi 1.4, 1.5)."""

    signer: Signer
    also: tuple[str, ...] = ()
    """Other headers that are signed, in lower case; each must be in the request."""
    bodiless: bool = False
    """Requests without a body are signed too: the guidelines leave it open (modi 5.14)."""
    if_there: tuple[str, ...] = ()
    """Those that are signed where the request has them, in lower case."""

    def concerns(self, request: httpx.Request) -> bool:
        return self.bodiless or bool(request.content) or request.method in BODY_METHODS

    def claims(self, request: httpx.Request) -> dict[str, Any]:
        """Sets `Digest` over the bytes of the body; gives `signed_headers`, one object for each value (modi 5.3)."""
        request.headers["Digest"] = digest_header(request.content)
        signed = [
            {name: value}
            for name in dict.fromkeys(("digest", *MUST_BE_SIGNED, *self.also, *self.if_there))
            for value in request.headers.get_list(name)
        ]
        if missing := [name for name in self.also if name not in request.headers]:
            raise ValueError(f"{missing[0]}: agreed to be signed, and not in the request")
        return {"signed_headers": signed}

    def sign(self, request: httpx.Request) -> None:
        request.headers[SIGNATURE] = self.signer.token(self.claims(request))


class ModiAuth(httpx.Auth):
    """Direct trust: ID_AUTH_REST_01 or _02, INTEGRITY_REST_01, AUDIT_REST_01 (modi 1.2 to 1.6).

    `tokens` is by partner (modi 5.13): both headers; `Agid-JWT-Signature` alone where something is signed; or
    `Authorization` alone with the signed headers in it, as partners of the drafts want it.
    """

    requires_request_body = True

    def __init__(
        self,
        signer: Signer,
        *,
        authentication: Authentication = "ID_AUTH_REST_02",
        integrity: Integrity | None = None,
        evidence: Evidence | None = None,
        user: Mapping[str, Any] | None = None,
        tokens: Tokens = "both",
    ) -> None:
        self._signer = signer
        self._authentication: Authentication = authentication
        self._integrity = integrity
        self._evidence = evidence
        self._user = user
        self._tokens: Tokens = tokens

    def for_user(self, user: Mapping[str, Any]) -> "ModiAuth":
        """The same on behalf of one user: what the tracking evidence says of them."""
        return ModiAuth(
            self._signer,
            authentication=self._authentication,
            integrity=self._integrity,
            evidence=self._evidence,
            user=user,
            tokens=self._tokens,
        )

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        signs = self._integrity if self._integrity is not None and self._integrity.concerns(request) else None
        once = self._authentication == "ID_AUTH_REST_02"
        if signs is not None and self._tokens == "authorization":
            request.headers[AUTHORIZATION] = f"Bearer {self._signer.token(signs.claims(request), once=once)}"
        else:
            if signs is None or self._tokens != "signature":
                request.headers[AUTHORIZATION] = f"Bearer {self._signer.token({}, once=once)}"
            if signs is not None:
                signs.sign(request)
        if self._evidence is not None:
            request.headers[EVIDENCE] = self._evidence.of(self._user).compact
        yield request


class PdndAuth(httpx.Auth):
    """PDND's trust: a voucher, bearer or bound (DPoP), with INTEGRITY_REST_02 and AUDIT_REST_01 or _02.

    A voucher that the provider answers with 401 is renewed once, and the request sent once more.

    Raises while a request is sent:
        httpx.ConnectError: there is no voucher to be had; nothing was sent.
    """

    requires_request_body = True

    def __init__(
        self,
        vouchers: VoucherHolder,
        *,
        integrity: Integrity | None = None,
        evidence: Evidence | None = None,
        user: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._vouchers = vouchers
        self._integrity = integrity
        self._evidence = evidence
        self._user = user
        self._clock = clock

    def for_user(self, user: Mapping[str, Any]) -> "PdndAuth":
        """The same on behalf of one user: under AUDIT_REST_02 evidence and voucher are that user's own (modi 1.7)."""
        return PdndAuth(
            self._vouchers, integrity=self._integrity, evidence=self._evidence, user=user, clock=self._clock
        )

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.read()
        tracked, voucher = self._first(request)
        self._authorise(request, tracked, voucher)
        response = yield request
        if response.status_code == 401 and (another := self._another(tracked, voucher)) is not None:
            self._authorise(request, *another)
            yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        await request.aread()
        tracked, voucher = await asyncio.to_thread(self._first, request)
        self._authorise(request, tracked, voucher)
        response = yield request
        if response.status_code == 401:
            another = await asyncio.to_thread(self._another, tracked, voucher)
            if another is not None:
                self._authorise(request, *another)
                yield request

    def _first(self, request: httpx.Request) -> tuple[Tracked | None, Voucher]:
        try:
            return self._obtained()
        except VoucherUnavailable as unavailable:
            raise httpx.ConnectError(f"no voucher: {unavailable.problem}", request=request) from None

    def _another(self, tracked: Tracked | None, voucher: Voucher) -> tuple[Tracked | None, Voucher] | None:
        """For a second try, after a 401; None where there is to be none, and the 401 stands."""
        if not self._vouchers.refused(voucher, _digest(tracked)):
            return None
        try:
            return self._obtained()
        except VoucherUnavailable:
            return None

    def _obtained(self) -> tuple[Tracked | None, Voucher]:
        """In the order of modi 1.7: the evidence, its digest, the voucher that carries it."""
        tracked = self._evidence.of(self._user) if self._evidence is not None else None
        return tracked, self._vouchers.voucher(_digest(tracked))

    def _authorise(self, request: httpx.Request, tracked: Tracked | None, voucher: Voucher) -> None:
        url = str(request.url.copy_with(query=None, fragment=None))
        request.headers.update(voucher.headers(method=request.method, url=url, now=self._clock()))
        if tracked is not None:
            request.headers[EVIDENCE] = tracked.compact
        if self._integrity is not None and self._integrity.concerns(request):
            self._integrity.sign(request)


def _digest(tracked: Tracked | None) -> str | None:
    return tracked.digest if tracked is not None else None
