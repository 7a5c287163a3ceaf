"""What the simulated PDND can be told to do wrong, one entry after the other.

    {"kind": "down"}                            the connection is cut without an answer
    {"kind": "error", "status": 503}            an error of the server, without a word on what is wrong
    {"kind": "throttle", "retry_after": 3}      429
    {"kind": "delay", "seconds": 0.5}           then as usual
    {"kind": "hang", "seconds": 60}             no answer until the caller goes or the time is over
    {"kind": "drip", "seconds": 60}             an answer byte by byte
    {"kind": "huge", "bytes": 100000000}        an answer of that size, its length not announced
    {"kind": "redirect", "location": "..."}     302
    {"kind": "content_type", "value": "..."}    the right answer under a wrong name
    {"kind": "nonsense"}                        not JSON
    {"kind": "deep"}                            JSON nested a hundred thousand times
    {"kind": "wrong_kid"}                       the key asked for under another kid
    {"kind": "wrong_key"}                       another key under the kid asked for
    {"kind": "private_key"}                     a key with its private part
    {"kind": "weak_key"}, {"kind": "secret"}    RSA of 1024 bits, or a symmetric key, under the kid asked for
    {"kind": "for_encryption"}                  a key that is not for signatures
    {"kind": "nameless"}                        events that do not say which key they are about
    {"kind": "unsigned"}, {"kind": "altered"}   an answer without its signature, or changed after it

`"on"` says which request: "token", "jwks", "key", "events" or "any" (the default). `"times"` how often (1 by default);
0 stands for until it is taken away.
"""

import asyncio
import threading
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import OctKey, RSAKey
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

Fault = Mapping[str, Any]
NONE: Final[Fault] = {}
_LIES: Final = ("wrong_kid", "wrong_key", "private_key", "weak_key", "secret", "for_encryption")


class Faults:
    """The script. Any thread may add to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._script: list[dict[str, Any]] = []

    def add(self, kind: str, *, on: str = "any", times: int = 1, **more: Any) -> None:
        with self._lock:
            self._script.append({"kind": kind, "on": on, "times": times, **more})

    def clear(self) -> None:
        with self._lock:
            self._script.clear()

    def rest(self) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(one) for one in self._script]

    def next(self, on: str) -> Fault:
        """The next fault of that kind of request, used up once; empty where there is none."""
        with self._lock:
            found = next((one for one in self._script if one["on"] in (on, "any")), None)
            if found is None:
                return NONE
            if found["times"] == 1:
                self._script.remove(found)
            elif found["times"] > 1:
                found["times"] -= 1
            return found


async def instead(fault: Fault) -> Response | None:
    """The answer that a fault gives in the place of the right one; None where there is to be one. Delays are over."""
    match fault.get("kind"):
        case "delay":
            await asyncio.sleep(float(fault["seconds"]))
        case "down":
            return _Cut()
        case "hang":
            return _Hang(float(fault.get("seconds", 3600)))
        case "error":
            return Response(status_code=int(fault.get("status", 503)))
        case "throttle":
            wait = fault.get("retry_after")
            problem = {"title": "Too Many Requests", "status": 429}
            headers = {} if wait is None else {"Retry-After": str(wait)}
            return JSONResponse(problem, 429, headers, "application/problem+json")
        case "redirect":
            return Response(status_code=302, headers={"Location": str(fault["location"])})
        case "drip":
            return StreamingResponse(_drip(float(fault["seconds"])), media_type="application/json")
        case "huge":
            return StreamingResponse(_huge(int(fault["bytes"])), media_type="application/json")
        case "nonsense":
            return Response(b"{not json", media_type="application/json")
        case "deep":
            return Response(b"[" * 100_000, media_type="application/json")
    return None


def lie(fault: Fault, jwk: dict[str, Any]) -> dict[str, Any]:
    """The JWK to be answered in the place of `jwk`."""
    kind = fault.get("kind")
    if kind not in _LIES:
        return jwk
    if kind == "wrong_kid":
        return {**jwk, "kid": "another"}
    if kind == "for_encryption":
        return {**jwk, "use": "enc"}
    if kind == "secret":
        return {**OctKey.generate_key(256).as_dict(private=True), "kid": jwk["kid"]}
    if kind == "weak_key":
        weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the fault
        n = weak.public_key().public_numbers().n.to_bytes(128)
        return {**jwk, "kty": "RSA", "e": "AQAB", "n": urlsafe_b64encode(n).rstrip(b"=").decode()}
    other = RSAKey.generate_key(2048, private=True)
    return {**other.as_dict(private=kind == "private_key"), "kid": jwk["kid"], "use": "sig", "alg": "RS256"}


async def _drip(seconds: float) -> AsyncIterator[bytes]:
    for _ in range(int(seconds * 10)):
        yield b" "
        await asyncio.sleep(0.1)


async def _huge(size: int) -> AsyncIterator[bytes]:
    piece = b" " * 65_536
    for _ in range(size // len(piece)):
        yield piece


class _Cut(Response):
    """No answer: the connection goes away."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # ASGI has no word for it. Under uvicorn the innermost `send` is a method of the object that has the transport.
        transport = scope["state"]["transport"]
        if transport is None:
            raise ConnectionResetError("the simulator cut the connection")
        transport.abort()
        await asyncio.sleep(0.01)


class _Hang(Response):
    """No answer for a long time, then a cut."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                while (await receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            await _Cut()(scope, receive, send)
