"""Faults of a simulated provider, switched on from outside: what its network and its gateway do to one request each.

    {"kind": "throttle", "retry_after": 3}    429 of a gateway; without retry_after the number is in its text only
    {"kind": "error", "status": 500}          nothing accepted
    {"kind": "delay", "seconds": 0.5}         then as usual
    {"kind": "drop"}                          the connection is cut, nothing accepted
    {"kind": "cut"}                           accepted, then the connection is cut
    {"kind": "hang", "seconds": 60}           accepted, then no answer until the caller goes or the time is over

`"on"` names the kind of request. `POST /_sim/faults` takes a JSON list, `DELETE` forgets, `GET` shows the rest. A
simulator whose faults are others has a `Script` of its own; what is no fault is refused with a word on which there are,
and then none of the list is taken.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: what it `needs` and `may` say besides, and which requests it is for; with no `on`, all."""

    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    on: tuple[str, ...] = ()


KINDS: Mapping[str, Kind] = {
    "throttle": Kind(may=("retry_after",)),
    "error": Kind(may=("status",)),
    "delay": Kind(needs=("seconds",)),
    "drop": Kind(),
    "cut": Kind(),
    "hang": Kind(may=("seconds",)),
}
_DAY_S = 86_400
_LEAST_AND_MOST = {
    "retry_after": (-_DAY_S, _DAY_S),
    "seconds": (0, _DAY_S),
    "status": (200, 599),
    "amount_cents": (1, 99_999_999_999),
}
_WHOLE = ("status", "amount_cents")


class Cut(Response):
    """No answer: the connection goes away. The application has to be wrapped in `WithTransport`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = scope["state"]["transport"]
        if transport is None:
            raise ConnectionResetError("the simulator cut the connection")
        transport.abort()
        await asyncio.sleep(0.01)


class Hang(Response):
    """No answer for a long time, then a cut."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(self.seconds):
                while (await receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            await Cut()(scope, receive, send)


class WithTransport:
    """Tells `Cut` which connection it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # ASGI has no word for it. Under uvicorn the innermost `send` is a method of the object that has the transport.
        scope.setdefault("state", {})["transport"] = getattr(getattr(send, "__self__", None), "transport", None)
        await self._app(scope, receive, send)


class Script:
    """The faults to come, in order."""

    def __init__(self, *on: str, kinds: Mapping[str, Kind] = KINDS) -> None:
        """`on`: the kinds of request that there are; a fault that names none is for the first."""
        self._on, self._kinds = on, kinds
        self.left: deque[dict[str, Any]] = deque()
        self.route = Route("/_sim/faults", self._scripted, methods=["GET", "POST", "DELETE"])

    def next(self, on: str | None = None) -> dict[str, Any]:
        """The next fault for that kind of request, used up; {} where there is none. None: whatever it is for."""
        fault = next((found for found in self.left if on in (None, found.get("on", *self._on[:1]))), None)
        if fault is None:
            return {}
        self.left.remove(fault)
        return fault

    async def next_after_delay(self, on: str) -> dict[str, Any]:
        """The same; a delay is over when this returns."""
        fault = self.next(on)
        if fault.get("kind") == "delay":
            await asyncio.sleep(float(fault["seconds"]))
        return fault

    async def _scripted(self, request: Request) -> Response:
        if request.method == "POST":
            given = await request.json()
            wrong = self._wrong(given)
            if wrong is not None:
                return JSONResponse({"error": wrong}, 400)
            self.left.extend(given)
        elif request.method == "DELETE":
            self.left.clear()
        return JSONResponse(list(self.left))

    def _wrong(self, given: Any) -> str | None:
        """What keeps it from being a list of faults of this simulator; None where nothing does."""
        if not isinstance(given, list) or not all(isinstance(fault, dict) for fault in given):
            return "faults are a list of objects"
        for fault in given:
            name = fault.get("kind")
            if not isinstance(name, str) or name not in self._kinds:
                return f"kind is one of {', '.join(self._kinds)}"
            if "on" in fault and fault["on"] not in self._on:
                return f"on is one of {', '.join(self._on)}" if self._on else "here no fault says on"
            kind = self._kinds[name]
            if kind.on and fault.get("on", self._on[0]) not in kind.on:
                return f"{name} is for {', '.join(kind.on)}: its on says which"
            members = fault.keys() - {"kind", "on"}
            if missing := [each for each in kind.needs if each not in members]:
                return f"{name} needs {', '.join(missing)}"
            if members - {*kind.needs, *kind.may}:
                return f"{name} says {', '.join((*kind.needs, *kind.may)) or 'nothing more'} besides kind and on"
            if wrong := next(filter(None, (_wrong_value(each, fault[each]) for each in sorted(members))), None):
                return wrong
        return None


def _wrong_value(name: str, value: Any) -> str | None:
    """Why a fault cannot say this; None where it can."""
    if name not in _LEAST_AND_MOST:
        return None if isinstance(value, str) and value else f"{name} is a text"
    least, most = _LEAST_AND_MOST[name]
    if type(value) not in ((int,) if name in _WHOLE else (int, float)) or not least <= value <= most:
        return f"{name} is a {'whole ' if name in _WHOLE else ''}number from {least} to {most}"
    return None


class Faults(Script):
    """The faults that the module names."""

    def __init__(self, *on: str, error: Callable[[int], Response]) -> None:
        """`error` makes the provider's answer of a status."""
        super().__init__(*on)
        self._error = error

    def around(self, on: str, handler: Handler) -> Handler:
        """The handler of a kind of request, with the next fault that is meant for it."""

        async def handled(request: Request) -> Response:
            fault = await self.next_after_delay(on)
            if refused := refusal(fault, self._error):
                return refused
            answer = await handler(request)
            return no_answer(fault) or answer

        return handled


def refusal(fault: dict[str, Any], error: Callable[[int], Response]) -> Response | None:
    """What is answered and nothing accepted, where the fault is `drop`, `throttle` or `error`."""
    match fault.get("kind"):
        case "drop":
            return Cut()
        case "throttle":
            return throttled(fault.get("retry_after"))
        case "error":
            return error(int(fault.get("status", 500)))
    return None


def no_answer(fault: dict[str, Any]) -> Response | None:
    """What comes in the place of the answer to what was accepted, where the fault is `cut` or `hang`."""
    match fault.get("kind"):
        case "cut":
            return Cut()
        case "hang":
            return Hang(float(fault.get("seconds", 3600)))
    return None


def throttled(seconds: int | None) -> Response:
    """429 as a gateway of the platform says it."""
    told = 1 if seconds is None else seconds
    body = {"statusCode": 429, "message": f"Rate limit is exceeded. Try again in {told} seconds."}
    return JSONResponse(body, 429, {} if seconds is None else {"Retry-After": str(seconds)})
