"""The hub calls: a batch's result, signed, at the vendor's address, until it is acknowledged (NONBLOCK_PUSH_REST)."""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any, Final

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from hub.security import jose, jwk
from hub.security.causes import CAUSES, Refusal
from hub.security.responses import verify_response

from .batches import content, outcomes_of, result_of
from .draft import AUTH, SIG
from .several import Play, Stage

_CORRELATION: Final = "x-correlation-id"
_LOOK_S: Final = 0.1
_BODY_LIMIT: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Told:
    """One call of the hub."""

    path: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    answered: int

    def header(self, name: str) -> str:
        return next((value for known, value in self.headers if known == name), "")


@dataclass(slots=True)
class CallReceiver:
    """A vendor's address: an ASGI application that keeps what it is told. `answers`: the statuses to come, then 200."""

    url: str
    """As the hub calls it."""
    within_s: float
    answers: list[int] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        body = (await request.body())[:_BODY_LIMIT]
        headers = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in scope["headers"])
        response: Response = JSONResponse({"received": "ok"})
        if request.method != "POST":
            response = Response(status_code=204)
        else:
            with self._lock:
                response.status_code = self.answers.pop(0) if self.answers else 200
                self.told.append(Told(request.url.path, headers, body, response.status_code))
        await response(scope, receive, send)

    def calls(self, correlation_id: str, number: int) -> list[Told]:
        """Those of one correlation, once there are so many, or it takes too long."""
        deadline = time.monotonic() + self.within_s
        while True:
            found = [one for one in list(self.told) if one.header(_CORRELATION) == correlation_id]
            if len(found) >= number or time.monotonic() > deadline:
                return found
            time.sleep(_LOOK_S)


def call_faults(call: Told, keys: Sequence[dict[str, Any]], *, iss: str, aud: str) -> str:
    """What is wrong with a call's two tokens; empty where both hold, for this address and this body."""
    try:
        compact = call.header(SIG)
        if not compact:
            return "the call is not signed"
        known = {one.get("kid"): one for one in keys}
        kid = jose.parse(compact).header.get("kid")
        if kid not in known:
            return "the call's key is not among those that the hub publishes"
        key = jwk.jwk_key(json.dumps(known[kid]))
        claims = verify_response(call.headers, call.body, key, now=time.time(), iss=iss, aud=aud)
        signed = {name for one in claims["signed_headers"] for name in one}
        if _CORRELATION not in signed:
            return "X-Correlation-ID is not signed"
        scheme, _, bearer = call.header(AUTH).partition(" ")
        token = jose.parse(bearer)
        jose.verify(token, key)
        if scheme.lower() != "bearer" or token.claims.get("aud") != aud or not token.claims.get("jti"):
            return "Authorization is not ID_AUTH_REST_02 for this address"
    except Refusal as refusal:
        return f"the call: {refusal.note or CAUSES[refusal.code].text}"
    return ""


def plays(receiver: CallReceiver, http: httpx.Client, base: str, *, iss: str) -> tuple[Play, ...]:
    """Those that need an address the hub can call."""

    def keys() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = http.get(f"{base}/.well-known/jwks.json").raise_for_status().json()["keys"]
        return found

    def sent(on: Stage, *answers: int) -> tuple[str, str, Any, list[Told]]:
        """Correlation, address, the batch's answer, and the calls that came of it."""
        receiver.answers[:] = answers
        correlation, address = f"conformance-{token_hex(6)}", f"{receiver.url.rstrip('/')}/{token_hex(4)}?of=batch"
        draft = on.ask("POST", "/batches", content(on))
        draft.headers += [("x-replyto", address), (_CORRELATION, correlation)]
        answer = on.send(draft.build())
        if answer.status != 202:
            return correlation, address, answer, []
        return correlation, address, answer, receiver.calls(correlation, len(answers) + 1)

    def delivered(on: Stage) -> tuple[str, str]:
        correlation, address, answer, calls = sent(on)
        if answer.status != 202:
            return str(answer.status), f"answered {answer.status}, expected 202"
        result, faults = result_of(on, answer)
        if result is not None:
            outcomes_of(on, result)
        if faults or not calls:
            return "202", faults or f"nothing came to {receiver.url} within {receiver.within_s:.0f} s"
        call = calls[0]
        if answer.response.headers.get(_CORRELATION) != correlation:
            return "202", "the acknowledgement has another X-Correlation-ID"
        if result is not None and call.body != result.response.content and json.loads(call.body) != result.json():
            return "202", "what was told is not the result"
        return f"202, {len(calls)} call", call_faults(call, keys(), iss=iss, aud=address.partition("?")[0])

    def told_again(on: Stage) -> tuple[str, str]:
        _, address, answer, calls = sent(on, 503)
        result, faults = result_of(on, answer)
        if result is not None:
            outcomes_of(on, result)
        if faults or len(calls) < 2:
            return str(answer.status), faults or f"not told again within {receiver.within_s:.0f} s after a 503"
        first, second = calls[:2]
        told = f"202, {len(calls)} calls"
        if first.body != second.body:
            return told, "the second call says something else than the first"
        if faults := call_faults(second, keys(), iss=iss, aud=address.partition("?")[0]):
            return told, faults
        if first.header(AUTH) == second.header(AUTH) or first.header(SIG) == second.header(SIG):
            return told, "the second call has the tokens of the first: a retransmission carries fresh ones"
        return told, ""

    def act(name: str, it: str, en: str, expected: str, run: Any) -> Play:
        return Play(name, it, en, expected, run, "callbacks", own_api=True)

    return (
        act("callback-told", "il risultato arriva, firmato", "the result comes, signed", "202, a call", delivered),
        act("callback-again", "503: è detto di nuovo", "503: it is told again", "202, two calls", told_again),
    )
