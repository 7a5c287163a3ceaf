"""Answers of the simulated SEND that do not come."""

import asyncio

from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class Cut(Response):
    """No answer: the connection goes away."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # ASGI has no word for it. Under uvicorn the innermost `send` is a method of the object that has the transport.
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
