"""One exchange over HTTP: the body read once and capped, the identity of the request, the headers every answer has."""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from ipaddress import ip_address

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from contracts.faults import bilingual
from contracts.identifiers import holds_tax_code, new_uuid7
from hub.allowance import Allowance
from hub.errors import BodyTooLarge, BodyTooSlow, HubError, StoreUnavailable
from hub.metrics import count_request
from hub.security.modi import SignedRequest
from hub.store.faults import IN_TROUBLE, error_name
from hub.tracing import span

from .limits import Limiter

log = logging.getLogger(__name__)

BODY_DEADLINE_S = 60.0
"""For a whole body, so that one dripped byte by byte does not hold its memory for ever."""

LARGE_BODY = 64 * 1024
"""Beyond this a body is read only from whom has shown a signature: strangers must not fill the memory."""

PEER = "raccordo.peer"
"""In the scope: the address at the other end, where `client` is already the one that a proxy speaks for."""

PROBLEM = "application/problem+json"
_CORRELATION = re.compile(r"^[A-Za-z0-9._:-]{1,64}$")
_SAFE = {
    b"cache-control": b"no-store",
    b"x-content-type-options": b"nosniff",
    b"strict-transport-security": b"max-age=31536000",
}


@dataclass(slots=True)
class Exchange:
    """What a handler works with. `allowance` is what the caller has left, once it is known who calls; `refusal` tells
    of an error where a handler's caller reads no problem: a person with a browser."""

    request: Request
    request_id: str
    address: str
    allowance: Allowance | None = None
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    refusal: "Refusal | None" = None
    until_answered: ExitStack = field(default_factory=ExitStack)
    """What is held for the request."""

    @property
    def correlation_id(self) -> str:
        """The caller's `X-Correlation-ID` where well-formed and nobody's tax code, as it is kept in clear; else our
        request id."""
        given = self.request.headers.get("x-correlation-id", "")
        return given if _CORRELATION.match(given) and not holds_tax_code(given) else self.request_id

    def is_known(self, tag: str) -> bool:
        """Whether the caller has what it asks for already: the answer is of this `ETag`, which it is told."""
        self.headers["ETag"] = tag
        return tag in [each.strip() for each in self.request.headers.get("if-none-match", "").split(",")]

    async def signed_request(
        self, limit: int, *, before_large: Callable[[SignedRequest, int], Awaitable[None]] | None = None
    ) -> SignedRequest:
        """The request as its signatures cover it: raw header lines, raw body, never re-serialised.

        `before_large` sees the request without its body, and how large that may be, before more than a little of it is
        read.
        """
        bare = self.bodiless_request()
        announced = next(iter(bare.values("content-length")), "0")
        size = limit if bare.values("transfer-encoding") or not announced.isdigit() else min(limit, int(announced))
        if size > LARGE_BODY and before_large is not None:
            await before_large(bare, size)
        return bare.with_body(await _whole_body(self.request, announced, limit))

    def bodiless_request(self) -> SignedRequest:
        """The same before any of its body is read."""
        scope = self.request.scope
        headers = tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]])
        return SignedRequest(scope["method"], scope["path"], headers, b"", scope.get(PEER, self.address))

    @property
    def peer_kind(self) -> str:
        """loopback, private or public; empty where it is no address. No more of a caller is kept for long."""
        try:
            found = ip_address(self.address.partition("%")[0])
        except ValueError:
            return ""
        return "loopback" if found.is_loopback else "private" if found.is_private else "public"


Handler = Callable[[Exchange], Awaitable[Response]]
Refusal = Callable[[HubError, Exchange], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


def endpoint(handler: Handler, operation: str, limiter: Limiter) -> Endpoint:
    """A Starlette endpoint: errors become problems, and every answer gets its headers and its one log line."""

    async def run(request: Request) -> Response:
        started = time.perf_counter()
        address = request.client.host if request.client else "-"
        exchange = Exchange(request, new_uuid7(), address)
        try:
            with span("request", operation=operation, request_id=exchange.request_id):
                response = await handler(exchange)
        except ClientDisconnect:
            response = Response(status_code=499)
        except HubError as error:
            response = _refused(error, exchange)
        except IN_TROUBLE as exc:
            response = _refused(StoreUnavailable(cause=error_name(exc)), exchange)
        except Exception:
            log.exception("request.failed operation=%s request_id=%s", operation, exchange.request_id)
            response = _refused(HubError(), exchange)
        finally:
            exchange.until_answered.close()
        _complete(response, exchange, limiter)
        took_s = time.perf_counter() - started
        count_request(operation, response.status_code, took_s)
        log.info(
            "request.done operation=%s method=%s status=%d ms=%.1f client=%s request_id=%s",
            operation,
            request.method,
            response.status_code,
            took_s * 1000,
            address,
            exchange.request_id,
        )
        return response

    return run


def _complete(response: Response, exchange: Exchange, limiter: Limiter) -> None:
    """Add the headers that every answer has; what the response says itself stays."""
    allowance = exchange.allowance or limiter.peek(exchange.address)
    told = {"X-Correlation-ID": exchange.correlation_id, **allowance.headers(), **exchange.headers}
    raw = response.raw_headers
    present = {name for name, _ in raw}
    ours = _SAFE | {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in told.items()}
    raw += [(name, value) for name, value in ours.items() if name not in present]


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body. Raises BodyTooLarge as soon as it is known to be, BodyTooSlow at the deadline."""
    return await _whole_body(request, request.headers.get("content-length", ""), limit)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(
        bilingual(f"Il corpo può avere al massimo {limit} byte", f"the body may have at most {limit} bytes")
    )


async def _whole_body(request: Request, announced: str, limit: int) -> bytes:
    """As `read_body`. Message by message: Starlette's stream of them costs more than they do (DECISIONS 149)."""
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size, more = 0, True
    try:
        async with asyncio.timeout(BODY_DEADLINE_S):
            while more:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                chunk, more = message.get("body", b""), message.get("more_body", False)
                size += len(chunk)
                if size > limit:
                    raise _too_large(limit)
                chunks.append(chunk)
    except TimeoutError:
        raise BodyTooSlow from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def json_response(content: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON bytes, written once."""
    return Response(orjson.dumps(content), status, dict(headers or {}), media_type="application/json")


def _refused(error: HubError, exchange: Exchange) -> Response:
    if error.cause:
        log.info("request.refused code=%s cause=%s request_id=%s", error.code, error.cause, exchange.request_id)
    return (exchange.refusal or problem)(error, exchange)


def problem(error: HubError, exchange: Exchange) -> Response:
    """The error as application/problem+json (RFC 9457): the only place that makes one."""
    content = {
        "type": f"urn:raccordo:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "request_id": exchange.request_id,
    }
    if error.faults:
        content["errors"] = [{"pointer": f.pointer, "code": f.code, "detail": f.detail} for f in error.faults]
    return Response(orjson.dumps(content), error.status, error.headers, media_type=PROBLEM)
