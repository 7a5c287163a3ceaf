"""A hub for a vendor's client: verifies each request as the real one does, answers by a script, and keeps what it saw.

It stores nothing and serves one vendor; whatever path is called publishes. It signs its receipts with a key of its own.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from contracts.base import rfc3339
from contracts.identifiers import new_uuid7
from hub.errors import ContractViolation, HubError, QuotaExceeded, RequestRefused, StoreUnavailable, TokenReplayed
from hub.registry import Ente, Registry, Vendor
from hub.security import modi
from hub.security.chains import ChainCache
from hub.security.digest import digest_header
from hub.security.keys import new_key
from hub.security.modi import SignedRequest, Verified, Wanted
from hub.security.sign import BODY_METHODS, SigningKey, sign_response

ENTE: Final = "conformance"
SLOW_S: Final = 3.0
RETRY_S: Final = 2
_JWKS: Final = "/.well-known/jwks.json"
_BODY_LIMIT: Final = 32 * 1024 * 1024


@dataclass(slots=True)
class Seen:
    """One request as the client sent it, and what it was answered. Times are seconds of a steady clock."""

    at: float
    answer: str
    digest: str
    jtis: frozenset[str] = frozenset()
    status: int = 0
    ended: float = 0.0
    refusal: str = ""
    """Why the verifier did not accept it, with its advice; empty where it did."""


@dataclass(slots=True)
class Stretch:
    """Requests from one scenario's beginning to the next; the last answer of the script is given again and again."""

    script: tuple[str, ...]
    seen: list[Seen] = field(default_factory=list)

    @property
    def used_up(self) -> bool:
        return all(one.ended for one in self.seen) and self._given >= len(self.script)

    @property
    def next(self) -> str:
        return self.script[min(self._given, len(self.script) - 1)]

    @property
    def _given(self) -> int:
        return sum(not one.refusal for one in self.seen)


class Listener:
    """An ASGI application; `begin` says what it will answer."""

    def __init__(self, *, vendor: Vendor, audience: str) -> None:
        base = audience.removesuffix("/publish/v1")
        ente = Ente(ENTE, ENTE, base, audience, f"{base}/feed/v1", base)
        self._ente, self._vendor = ente, vendor
        self._registry = Registry(1, (ente,), {(ENTE, vendor.vendor_id): vendor})
        self._chains = ChainCache()
        self._used: set[tuple[str, str]] = set()
        self._key, self._stranger = SigningKey(new_key("es256")), SigningKey(new_key("es256"))
        self.stretch = Stretch(("accept",))
        self._ahead: list[Stretch] = []

    def begin(self, *scripts: tuple[str, ...]) -> list[Stretch]:
        """Each stretch is followed by the next at the first request after its answers are used up."""
        self.stretch, *self._ahead = stretches = [Stretch(script) for script in scripts]
        return stretches

    def advance(self) -> None:
        """To the next stretch, whatever is left of this one."""
        if self._ahead:
            self.stretch = self._ahead.pop(0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        response = self._keys() if scope["path"] == _JWKS else await self._published(request)
        await response(scope, receive, send)

    def _keys(self) -> Response:
        return Response(orjson.dumps({"keys": [self._key.public_jwk()]}), media_type="application/json")

    async def _published(self, request: Request) -> Response:
        headers = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in request.scope["headers"])
        body = await request.body()
        signed = SignedRequest(request.method, request.url.path, headers, body[:_BODY_LIMIT])
        if self.stretch.used_up:
            self.advance()
        seen = Seen(time.monotonic(), self.stretch.next, digest_header(body))
        self.stretch.seen.append(seen)
        try:
            verified = self._verified(signed)
            seen.jtis = frozenset(token.jti for token in verified.used)
            self._consume(verified)
        except HubError as error:
            seen.refusal, seen.answer = self._why(signed, error), "verifier"
            response = problem(error)
        else:
            response = await self._answered(seen.answer, signed, verified)
        seen.status, seen.ended = response.status_code, time.monotonic()
        return response

    def _verified(self, request: SignedRequest) -> Verified:
        """Raises HubError."""
        signed_body = request.method in BODY_METHODS
        now = datetime.now(UTC)
        try:
            found = modi.verify(request, signed_body=signed_body, registry=self._registry, now=now, chains=self._chains)
        except Wanted as wanted:
            raise RequestRefused(cause=f"material.wanted: {wanted.source} is not fetched here") from None
        if found.refusal is not None:
            raise found.refusal
        return found

    def _consume(self, verified: Verified) -> None:
        """Raises TokenReplayed."""
        used = {(token.header, token.jti) for token in verified.used}
        if used & self._used:
            raise TokenReplayed
        self._used |= used

    def _why(self, request: SignedRequest, error: HubError) -> str:
        steps = modi.explain(
            request,
            signed_body=request.method in BODY_METHODS,
            registry=self._registry,
            now=datetime.now(UTC),
            chains=self._chains,
        )
        for step in steps:
            if step.outcome == "failed":
                return f"{step.code}: {step.detail}; {step.advice_it} / {step.advice}"
        return f"{error.code}: {error.detail}"

    async def _answered(self, answer: str, request: SignedRequest, verified: Verified) -> Response:
        if answer == "slow":
            await asyncio.sleep(SLOW_S)
        if answer in PROBLEMS:
            return problem(PROBLEMS[answer]())
        return self._receipt(answer, request, verified)

    def _receipt(self, answer: str, request: SignedRequest, verified: Verified) -> Response:
        """As the publish API gives it; but for `accept` and `slow` with the one flaw that the answer's name says."""
        digest = digest_header(b"another" if answer == "receipt-of-another-request" else request.body)
        content = _content(request.body) | {"received_at": rfc3339(datetime.now(UTC)), "request_digest": digest}
        body = orjson.dumps(content)
        proof = sign_response(
            self._stranger if answer == "receipt-of-another-key" else self._key,
            iss=self._ente.publish_audience,
            aud="another" if answer == "receipt-of-another-vendor" else verified.vendor.vendor_id,
            body=body,
            content_type="application/json",
            request_digest=digest,
            now=datetime.now(UTC),
        )
        if answer == "receipt-unsigned":
            proof = {}
        if answer == "receipt-of-another-body":
            body = orjson.dumps(content | {"item_id": new_uuid7()})
        return Response(body, 201, proof, media_type="application/json")


def _content(body: bytes) -> dict[str, Any]:
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError:
        sent = {}
    known = sent if isinstance(sent, dict) else {}
    return {
        "item_id": new_uuid7(),
        "external_id": str(known.get("external_id", "")),
        "version": known.get("version", 1),
        "lifecycle": "active",
        "outcome": "created",
        "notification": "not_sent",
    }


def _unavailable(retry_after: str) -> HubError:
    error = StoreUnavailable()
    error.headers["Retry-After"] = retry_after
    return error


def _until() -> HubError:
    """A date holds whole seconds, so it is one later than it need be."""
    return _unavailable(format_datetime(datetime.now(UTC) + timedelta(seconds=RETRY_S + 1), usegmt=True))


PROBLEMS: Final[dict[str, Callable[[], HubError]]] = {
    "unavailable": lambda: _unavailable(str(RETRY_S)),
    "unavailable-until": _until,
    "limited": lambda: QuotaExceeded(headers={"Retry-After": str(RETRY_S)}),
    "replayed": TokenReplayed,
    "refused": RequestRefused,
    "invalid": ContractViolation,
}


def problem(error: HubError) -> Response:
    """As `hub.http.exchange` makes them."""
    content = {
        "type": f"urn:raccordo:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "request_id": new_uuid7(),
    }
    return Response(orjson.dumps(content), error.status, error.headers, media_type="application/problem+json")
