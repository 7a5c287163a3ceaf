"""Server-sent events (WHATWG HTML 9.2): a citizen's changes as they are committed, until the assertion expires."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from hub.errors import HubError
from hub.feed.answers import as_json
from hub.feed.streams import Waiting
from hub.reading_errors import DelegationInactive
from hub.store.faults import IN_TROUBLE

log = logging.getLogger(__name__)

EVENT_STREAM = "text/event-stream"
PAGE = 100
"""Events read at once: all that a stream ever has in memory, however much it has to catch up with."""
HEARTBEAT_S = 15.0
"""Longest silence, so that proxies keep the connection and both ends notice when it is gone."""
_SETTLE_S = 5.0
"""For the last bytes to leave after the assertion has expired; who reads slower is cut off."""

Page = tuple[list[tuple[str, dict[str, Any]]], int, bool]
"""Events with their ids, the position after them, and whether there is more already."""


class EventStream(StreamingResponse):
    """A stream of events. `read(position)` gives the next page; `log_access` is awaited before a page is sent."""

    def __init__(
        self,
        waiting: Waiting,
        read: Callable[[int], Page],
        log_access: Callable[[], Awaitable[None]],
        position: int,
        left_s: float,
        *,
        leave: Callable[[Waiting], None],
    ) -> None:
        self._waiting = waiting
        self._read = read
        self._log_access = log_access
        self._position = position
        self._ends_at = asyncio.get_running_loop().time() + left_s
        self._leave = leave
        super().__init__(self._events(), media_type=EVENT_STREAM, headers={"X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout_at(self._ends_at + _SETTLE_S):
                await super().__call__(scope, receive, send)
        except TimeoutError:
            log.info("stream.cut_off")  # nobody read it: the server closes the connection
        finally:
            self._leave(self._waiting)

    async def _events(self) -> AsyncIterator[bytes]:
        yield b"retry: 2000\n\n"
        loop, waiting = asyncio.get_running_loop(), self._waiting
        while True:
            waiting.stirred.clear()  # before reading: what comes meanwhile stirs it again
            if waiting.end is not None:
                yield _end(waiting.end)
                return
            more = True
            while more and waiting.end is None and loop.time() < self._ends_at:
                try:
                    told, self._position, more = await run_in_threadpool(self._read, self._position)
                    if told:
                        await self._log_access()
                except DelegationInactive:
                    yield _end("delegation_ended")
                    return
                except (HubError, *IN_TROUBLE):
                    yield _end("unavailable")
                    return
                if told:
                    yield b"".join(_event(name, change) for name, change in told)
            while not waiting.stirred.is_set():
                left_s = self._ends_at - loop.time()
                if left_s <= 0:
                    yield _end("expired")
                    return
                try:
                    async with asyncio.timeout(min(HEARTBEAT_S, left_s)):
                        await waiting.stirred.wait()
                except TimeoutError:
                    yield b": \n\n"


def _event(name: str, change: dict[str, Any]) -> bytes:
    # JSON has no line ends outside its strings, and in them they are escaped: one line of data.
    return b"id: " + name.encode() + b"\nevent: change\ndata: " + as_json(change) + b"\n\n"


def _end(reason: str) -> bytes:
    return b"event: end\ndata: " + orjson.dumps({"reason": reason}) + b"\n\n"
