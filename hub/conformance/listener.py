"""A hub for a vendor's client: verifies each request as the real one does, answers by a script, and keeps what it saw.

It stores nothing and serves one vendor; whatever path is called publishes, but for batches, which it seems to work off.
It signs its answers with a key of its own.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
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
from hub.errors import (
    ContractViolation,
    HubError,
    ItemUnknown,
    QuotaExceeded,
    RequestRefused,
    StoreUnavailable,
    TokenReplayed,
)
from hub.registry import Ente, Pdnd, Registry, Vendor
from hub.security import modi
from hub.security.chains import ChainCache
from hub.security.channel import TrustedProxy
from hub.security.digest import digest_header
from hub.security.keys import new_key
from hub.security.material import Held, Shelf
from hub.security.modi import SignedRequest, Verified, Wanted
from hub.security.sign import BODY_METHODS, SigningKey, sign_response

from .beside import Issuing

ENTE: Final = "conformance"
SLOW_S: Final = 3.0
RETRY_S: Final = 2
_JWKS: Final = "/.well-known/jwks.json"
_ROUNDS: Final = 8
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
    message_id: str = ""
    asks: bool = False
    """Whether it asks for something, rather than publishes."""
    refusal: str = ""
    """Why the verifier did not accept it, with its advice; empty where it did."""


@dataclass(slots=True)
class Stretch:
    """Requests from one scenario's beginning to the next; the last answer of the script is given again and again."""

    script: tuple[str, ...]
    seen: list[Seen] = field(default_factory=list)

    @property
    def used_up(self) -> bool:
        followed = "batch" not in self.script or any(one.answer == "result" for one in self.seen)
        return followed and all(one.ended for one in self.seen) and self._given >= len(self.script)

    @property
    def next(self) -> str:
        return self.script[min(self._given, len(self.script) - 1)]

    @property
    def _given(self) -> int:
        return sum(not one.refusal for one in self.seen if not one.asks)


@dataclass(slots=True)
class Batch:
    """The one that was accepted last."""

    batch_id: str
    result: bytes
    request_digest: str = ""
    looks: int = 0


class Listener:
    """An ASGI application; `begin` says what it will answer."""

    def __init__(
        self,
        *,
        vendor: Vendor,
        audience: str,
        base_url: str = "",
        pdnd: Issuing | None = None,
        proxy: TrustedProxy | None = None,
        fetch: Callable[[Wanted], Awaitable[Held]] | None = None,
    ) -> None:
        """With vouchers `audience` is the e-service's, and `base_url` where this is served. `proxy` hands over client
        certificates; `fetch` brings what certificates name elsewhere."""
        base = base_url or audience.removesuffix("/publish/v1")
        publish = audience if pdnd is None else f"{base}/publish/v1"
        registered = None if pdnd is None else Pdnd(pdnd.issuer, _JWKS, audience)
        ente = Ente(ENTE, ENTE, base, publish, f"{base}/feed/v1", base, pdnd=registered)
        self._ente, self._vendor, self._pdnd = ente, vendor, pdnd
        self._proxy, self._fetch, self._fetched = proxy, fetch, Shelf()
        clients = {(ENTE, one): vendor for one in vendor.profile.clients}
        self._registry = Registry(1, (ente,), {(ENTE, vendor.vendor_id): vendor}, clients=clients)
        self._chains = ChainCache()
        self._used: set[tuple[str, str]] = set()
        self._key, self._stranger = SigningKey(new_key("es256")), SigningKey(new_key("es256"))
        self._batch = Batch("", b"")
        self.stretch = Stretch(("accept",))
        self._ahead: list[Stretch] = []

    def begin(self, *scripts: tuple[str, ...]) -> list[Stretch]:
        """Each stretch is followed by the next at the first request after its answers are used up."""
        self.stretch, *self._ahead = stretches = [Stretch(script) for script in scripts]
        return stretches

    @property
    def key(self) -> SigningKey:
        return self._key

    @property
    def publish_audience(self) -> str:
        return self._ente.publish_audience

    def no_voucher(self) -> str:
        """Why the simulated PDND gave none since the last scenario began; empty where it did, or there is no PDND."""
        return self._pdnd.refusal() if self._pdnd is not None else ""

    def spoil(self, fault: str) -> None:
        if self._pdnd is not None:
            self._pdnd.spoil(fault)

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
        peer = request.client.host if request.client is not None else ""
        signed = SignedRequest(request.method, request.url.path, headers, body[:_BODY_LIMIT], peer=peer)
        asks = request.method not in BODY_METHODS
        if self.stretch.used_up and not asks:
            self.advance()
        seen = Seen(time.monotonic(), self.stretch.next, digest_header(body), asks=asks)
        self.stretch.seen.append(seen)
        try:
            verified = await self._verified(signed)
            seen.jtis = frozenset(token.jti for token in verified.used)
            seen.message_id = verified.message_id
            self._consume(verified)
        except HubError as error:
            seen.refusal, seen.answer = self._why(signed, error), "verifier"
            response = problem(error)
        else:
            response = self._asked(seen, signed) if asks else await self._answered(seen.answer, signed, verified)
        seen.status, seen.ended = response.status_code, time.monotonic()
        return response

    async def _verified(self, request: SignedRequest) -> Verified:
        """Raises HubError."""
        for _ in range(_ROUNDS):
            try:
                found = modi.verify(request, **self._known(request))
            except Wanted as wanted:
                missing = wanted.source
                if self._fetch is None or missing not in ("x5u", "crl", "ocsp"):
                    break
                self._fetched.put(missing, wanted.name, await self._fetch(wanted))
                continue
            if found.refusal is not None:
                raise found.refusal
            return found
        raise RequestRefused(cause=f"material.wanted: {missing} is not fetched here")

    def _known(self, request: SignedRequest) -> dict[str, Any]:
        """What a verdict is made of."""
        if self._pdnd is not None:
            self._pdnd.fill(self._fetched)
        return {
            "signed_body": request.method in BODY_METHODS,
            "registry": self._registry,
            "now": datetime.now(UTC),
            "chains": self._chains,
            "shelf": self._fetched,
            "proxy": self._proxy,
        }

    def _consume(self, verified: Verified) -> None:
        """Raises TokenReplayed."""
        used = {(token.header, token.jti) for token in verified.used}
        if used & self._used:
            raise TokenReplayed
        self._used |= used

    def _why(self, request: SignedRequest, error: HubError) -> str:
        for step in modi.explain(request, **self._known(request)):
            if step.outcome == "failed":
                return f"{step.code}: {step.detail}; {step.advice_it} / {step.advice}"
        return f"{error.code}: {error.detail}"

    async def _answered(self, answer: str, request: SignedRequest, verified: Verified) -> Response:
        if answer == "slow":
            await asyncio.sleep(SLOW_S)
        if answer in PROBLEMS:
            return problem(PROBLEMS[answer]())
        if answer == "batch":
            return self._accepted_batch(request, verified)
        return self._receipt(answer, request, verified)

    def _accepted_batch(self, request: SignedRequest, verified: Verified) -> Response:
        """NONBLOCK_PULL_REST as `hub.http.batches` does it; nothing is worked off."""
        digest = digest_header(request.body)
        content: dict[str, Any] = {"batch_id": new_uuid7(), "received_at": rfc3339(datetime.now(UTC))}
        content["request_digest"] = digest
        self._batch = Batch(content["batch_id"], orjson.dumps(content | {"items": []}), digest)
        body = orjson.dumps(content | {"state": "running", "size": 1})
        headers = self._signed(body, verified.vendor.vendor_id, digest) | {"Location": self._place_of_batch}
        return Response(body, 202, headers, media_type="application/json")

    @property
    def _place_of_batch(self) -> str:
        return f"{self._ente.public_url}/publish/v1/batches/{self._batch.batch_id}"

    def _asked(self, seen: Seen, request: SignedRequest) -> Response:
        """Status or result of the batch: still running at the first question, done at the second."""
        seen.answer = "asked"
        path, batch = request.target, self._batch
        if not batch.batch_id or not path.startswith(f"/publish/v1/batches/{batch.batch_id}"):
            seen.answer = "unknown"
            return problem(ItemUnknown())
        if path.endswith("/result"):
            seen.answer = "result"
            headers = self._signed(batch.result, self._vendor.vendor_id, batch.request_digest)
            return Response(batch.result, 200, headers, media_type="application/json")
        batch.looks += 1
        if batch.looks > 1:
            return Response(status_code=303, headers={"Location": f"{self._place_of_batch}/result"})
        body = orjson.dumps({"batch_id": batch.batch_id, "state": "running"})
        return Response(body, 200, {"Retry-After": str(RETRY_S)}, media_type="application/json")

    def _signed(self, body: bytes, aud: str, request_digest: str, *, key: SigningKey | None = None) -> dict[str, str]:
        return sign_response(
            key or self._key,
            iss=self._ente.publish_audience,
            aud=aud,
            body=body,
            content_type="application/json",
            request_digest=request_digest,
            now=datetime.now(UTC),
        )

    def _receipt(self, answer: str, request: SignedRequest, verified: Verified) -> Response:
        """As the publish API gives it; but for `accept` and `slow` with the one flaw that the answer's name says."""
        digest = digest_header(b"another" if answer == "receipt-of-another-request" else request.body)
        content = _content(request.body) | {"received_at": rfc3339(datetime.now(UTC)), "request_digest": digest}
        if verified.message_id:
            named = "another" if answer == "receipt-of-another-message" else verified.message_id
            content["message_id"] = named
        body = orjson.dumps(content)
        proof = self._signed(
            body,
            "another" if answer == "receipt-of-another-vendor" else verified.vendor.vendor_id,
            digest,
            key=self._stranger if answer == "receipt-of-another-key" else None,
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
