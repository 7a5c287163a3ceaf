"""Answers that a simulated provider gives when it is told to fail: none at all, and none for a long time."""

import asyncio

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send


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
