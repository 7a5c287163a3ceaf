"""PDND as it is described, on an ASGI application: token endpoint, JWKS, and the platform's API in v1, v2 and v3.

    pdnd = Pdnd(Path("pdnd.jsonl"))
    client = pdnd.records.add_client("api"); kid = pdnd.records.add_key(client, public_jwk)

    POST /token.oauth2                                           modi 2.1, 2.2, 2.4
    GET  /.well-known/jwks.json
    GET  /1.0/keys/{kid}, /1.0/events/keys                       the JWK itself, of both kinds; numbered events
    GET  /v2/keys/{kid}, /v2/producerKeys/{kid}, /v2/keyEvents, /v2/producerKeyEvents     the JWK under `jwk`
    GET  /v3/...                                                 as v2, with a DPoP-bound voucher

The API wants a voucher of a client of kind `api`; answers of v2 and v3 are signed. Everybody and everything is
registered through `pdnd.records`; `pdnd.faults` (or `/_sim/faults`) makes it misbehave; `pdnd.ledger` says what it was
asked. Codes of refusals up to 0035 are the platform's, those above are ours: no description gives them.
"""

import json
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .assertions import Rejected, check_assertion
from .faults import Fault, Faults, instead, lie
from .proofs import check_proof
from .records import KeyEvent, Ledger, Records, RegisteredKey, Seen
from .vouchers import PlatformKeys, bearer, signed_answer, voucher

Style = Literal["problem", "oauth"]
Answer = Callable[["Pdnd", Request, Fault], Response]
_MOST_EVENTS: Final = 500
_V1: Final = "1.0"


class Pdnd:
    """The application and its state. What may be changed while it serves is public.

    Options:
        issuer, audience, api_audience: of vouchers, of client assertions, and of vouchers for the API.
        style: how refusals of the token endpoint look: the platform's problem, or RFC 6749.
        strict_claims: claims of an assertion that nobody foresees are refused.
        audience_as_list, with_ids: two forms that vouchers have been seen in.
        base_url: its address as its callers know it, which is what DPoP proofs must name.
        clock: epoch seconds.
    """

    def __init__(
        self,
        ledger: Path,
        *,
        issuer: str = "simulated.interop.pagopa.it",
        audience: str = "auth.simulated.interop.pagopa.it/client-assertion",
        api_audience: str = "api.simulated.interop.pagopa.it",
        style: Style = "problem",
        strict_claims: bool = True,
        audience_as_list: bool = False,
        with_ids: bool = True,
        base_url: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.issuer = issuer
        self.audience = audience
        self.api_audience = api_audience
        self.style: Style = style
        self.strict_claims = strict_claims
        self.audience_as_list = audience_as_list
        self.with_ids = with_ids
        self.base_url = base_url
        self.clock = clock
        self.records = Records()
        self.keys = PlatformKeys()
        self.faults = Faults()
        self.ledger = Ledger(ledger)
        self._seen = Seen()
        self._app = Starlette(
            routes=[
                Route("/token.oauth2", self._token, methods=["POST"]),
                Route("/.well-known/jwks.json", self._jwks, methods=["GET"]),
                Route("/{version}/keys/{kid}", self._api("key", _key), methods=["GET"]),
                Route("/{version}/producerKeys/{kid}", self._api("key", _key), methods=["GET"]),
                Route("/{version}/events/keys", self._api("events", _events), methods=["GET"]),
                Route("/{version}/keyEvents", self._api("events", _events), methods=["GET"]),
                Route("/{version}/producerKeyEvents", self._api("events", _events), methods=["GET"]),
                Route("/_sim/faults", self._script, methods=["GET", "POST", "DELETE"]),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["transport"] = getattr(getattr(send, "__self__", None), "transport", None)
        await self._app(scope, receive, send)

    def address(self, request: Request) -> str:
        """The address of a request without its query, as its caller wrote it."""
        return (self.base_url or str(request.base_url).rstrip("/")) + request.url.path

    async def _token(self, request: Request) -> Response:
        told = self.faults.next("token")
        if (wrong := await instead(told)) is not None:
            self.ledger.append(request="token", outcome=told["kind"])
            return wrong
        try:
            content = self._grant(request, await request.body())
        except Rejected as rejected:
            return self._refused(rejected)
        return JSONResponse(content, headers={"Cache-Control": "no-store"})

    def _grant(self, request: Request, body: bytes) -> dict[str, Any]:
        now = self.clock()
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
            raise Rejected("0001", "the body is not form-urlencoded", "invalid_request", 415)
        pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True)
        form = dict(pairs)
        if len(form) != len(pairs):
            raise Rejected("0001", "a parameter comes twice", "invalid_request")
        proofs = request.headers.getlist("dpop")
        thumbprint = None
        if proofs:
            thumbprint = check_proof(proofs, method="POST", url=self.address(request), seen=self._seen, now=now)
        granted = check_assertion(
            form,
            records=self.records,
            audience=self.audience,
            seen=self._seen,
            now=now,
            strict_claims=self.strict_claims,
        )
        token, lifetime_s = voucher(
            self.keys,
            granted,
            issuer=self.issuer,
            api_audience=self.api_audience,
            now=int(now),
            thumbprint=thumbprint,
            audience_as_list=self.audience_as_list,
            with_ids=self.with_ids,
        )
        self.ledger.append(
            request="token",
            outcome="issued",
            client_id=granted.client.client_id,
            purpose_id=granted.purpose.purpose_id if granted.purpose else None,
            digest=granted.digest["value"] if granted.digest else None,
            bound=thumbprint is not None,
        )
        kind = "DPoP" if thumbprint else "Bearer"
        return {"access_token": token, "token_type": kind, "expires_in": lifetime_s}

    def _refused(self, rejected: Rejected) -> Response:
        self.ledger.append(request="token", outcome=f"015-{rejected.code}", detail=rejected.detail)
        if self.style == "oauth":
            # RFC 6749 5.2.
            content = {"error": rejected.error, "error_description": rejected.detail}
            return JSONResponse(content, rejected.status, {"Cache-Control": "no-store"})
        error = {"code": f"015-{rejected.code}", "detail": rejected.detail}
        return _problem(rejected.status, "Bad Request", [error])

    async def _jwks(self, _request: Request) -> Response:
        told = self.faults.next("jwks")
        self.ledger.append(request="jwks", outcome=told.get("kind", "answered"))
        if (wrong := await instead(told)) is not None:
            return wrong
        return _json({"keys": [lie(told, key) for key in self.keys.jwks()]}, told)

    def _api(self, name: str, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        """A route of the platform's API: a fault, else the caller's voucher, else the answer, signed."""

        async def respond(request: Request) -> Response:
            told = self.faults.next(name)
            if (wrong := await instead(told)) is not None:
                self.ledger.append(request=name, path=request.url.path, outcome=told["kind"])
                return wrong
            version = request.path_params["version"]
            if version not in (_V1, "v2", "v3") or (version == _V1) != _is_v1(request):
                return _problem(404, "Not Found")
            client_id = self._caller(request, bound=version == "v3")
            response = answer(self, request, told) if client_id else _problem(401, "Unauthorized")
            self.ledger.append(request=name, path=request.url.path, outcome=str(response.status_code))
            if client_id and version != _V1 and told.get("kind") != "unsigned":
                self._sign(response, request, client_id)
            if told.get("kind") == "altered":
                response.body = bytes(response.body) + b" "
                response.headers["content-length"] = str(len(response.body))
            return response

        return respond

    def _caller(self, request: Request, *, bound: bool) -> str | None:
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        token = self.keys.verified(text)
        if token is None or scheme != ("DPoP" if bound else "Bearer"):
            return None
        if bound:
            proofs = request.headers.getlist("dpop")
            try:
                thumbprint = check_proof(
                    proofs,
                    method="GET",
                    url=self.address(request),
                    seen=self._seen,
                    now=self.clock(),
                    voucher=text,
                )
            except Rejected:
                return None
            if token.claims.get("cnf") != {"jkt": thumbprint}:
                return None
        clients = {one.client_id for one in self.records.clients.values() if one.kind == "api"}
        return bearer(token, issuer=self.issuer, audience=self.api_audience, api_clients=clients, now=self.clock())

    def _sign(self, response: Response, request: Request, client_id: str) -> None:
        response.headers["X-Correlation-Id"] = request.headers.get("x-correlation-id") or str(uuid.uuid4())
        signed = {name: response.headers[name] for name in ("content-type", "x-correlation-id")}
        added = signed_answer(
            self.keys,
            bytes(response.body),
            signed,
            issuer=self.issuer,
            client_id=client_id,
            now=int(self.clock()),
        )
        response.headers.update(added)

    async def _script(self, request: Request) -> Response:
        if request.method == "POST":
            for fault in await request.json():
                self.faults.add(**fault)
        elif request.method == "DELETE":
            self.faults.clear()
        return JSONResponse(self.faults.rest())


def _is_v1(request: Request) -> bool:
    return request.url.path.endswith("/events/keys") or (
        request.path_params["version"] == _V1 and "/keys/" in request.url.path
    )


def _of_producers(request: Request) -> bool:
    return "/producerKey" in request.url.path


def _key(pdnd: Pdnd, request: Request, told: Fault) -> Response:
    key = pdnd.records.keys.get(request.path_params["kid"])
    v1 = request.path_params["version"] == _V1
    if key is None or (not v1 and key.producer != _of_producers(request)):
        return _problem(404, "Not Found", [{"code": "015-0001", "detail": "no such key"}])
    jwk = lie(told, key.jwk)
    return _json(jwk if v1 else {_owner(key): key.owner, "jwk": jwk}, told)


def _events(pdnd: Pdnd, request: Request, told: Fault) -> Response:
    v1 = request.path_params["version"] == _V1
    events = [one for one in pdnd.records.events if v1 or one.key.producer == _of_producers(request)]
    last, limit = request.query_params.get("lastEventId"), request.query_params.get("limit", "100")
    if not re.fullmatch("[0-9]{1,3}", limit) or not 0 < int(limit) <= _MOST_EVENTS or (v1 and last is None):
        return _problem(400, "Bad Request")
    start = _after(pdnd.records.events, events, last, v1=v1)
    if start is None:
        return _problem(400, "Bad Request")
    page = events[start : start + int(limit)]
    if v1:
        newest = page[-1].number if page else int(last or 0)
        return _json({"lastEventId": newest, "events": [_event_v1(one) for one in page]}, told)
    shown = [_event(one) for one in page]
    if told.get("kind") == "nameless":
        shown = [{name: value for name, value in one.items() if name != "kid"} for one in shown]
    return _json({"events": shown}, told)


def _after(known: list[KeyEvent], events: list[KeyEvent], last: str | None, *, v1: bool) -> int | None:
    """Where the page after the event `last` begins; None where that event is unknown."""
    if v1:
        # Numbers only grow: after one that has not been given yet there is nothing.
        return sum(one.number <= int(last) for one in events) if last and re.fullmatch("[0-9]{1,18}", last) else None
    if last is None:
        return 0
    number = next((one.number for one in known if one.event_id == last), None)
    return None if number is None else sum(one.number <= number for one in events)


def _event_v1(event: KeyEvent) -> Mapping[str, Any]:
    return {
        "eventId": event.number,
        "eventType": "ADDED" if event.added else "DELETED",
        "objectType": "KEY",
        "objectId": {"kid": event.key.kid},
    }


def _event(event: KeyEvent) -> Mapping[str, Any]:
    of = "PRODUCER_KEYCHAIN_KEY" if event.key.producer else "CLIENT_KEY"
    return {
        "id": event.event_id,
        "eventTimestamp": event.at,
        "eventType": f"{of}_{'ADDED' if event.added else 'DELETED'}",
        _owner(event.key): event.key.owner,
        "kid": event.key.kid,
    }


def _owner(key: RegisteredKey) -> str:
    return "producerKeychainId" if key.producer else "clientId"


def _json(content: Mapping[str, Any], told: Fault) -> Response:
    media_type = str(told["value"]) if told.get("kind") == "content_type" else "application/json"
    return Response(json.dumps(content, separators=(",", ":")), media_type=media_type)


def _problem(status: int, title: str, errors: list[dict[str, str]] | None = None) -> Response:
    content = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "correlationId": str(uuid.uuid4()),
        "errors": errors or [],
    }
    return JSONResponse(content, status, {}, "application/problem+json")
