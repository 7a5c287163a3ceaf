"""The load generator, in a process of its own: so many keep-alive connections, each with one request under way."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import uvloop

CONNECTIONS = 32


@dataclass
class Run:
    """What a load found. Latencies are in milliseconds."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    sample: bytes = b""
    """The first body."""
    cpu_us: float = 0.0
    """Of the processor's time that the server took a request."""

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds


class _Client(asyncio.Protocol):
    """Writes a request, reads its whole answer, writes the next. The parser knows what our servers send, no more."""

    def __init__(self, requests: Iterator[bytes], run: Run, done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._run = run
        self._done = done
        self._buffer = bytearray()
        self._sent_at = 0.0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = bytes(self._buffer[:head_end]).lower()
        at = head.index(b"content-length:") + 15
        end = head.find(b"\r\n", at)
        whole = head_end + 4 + int(head[at : end if end > 0 else len(head)])
        if len(self._buffer) < whole:
            return
        self._run.latencies.append((time.perf_counter() - self._sent_at) * 1000)
        self._run.statuses[int(head[9:12])] += 1
        if not self._run.sample:
            self._run.sample = bytes(self._buffer[head_end + 4 : whole])
        del self._buffer[:whole]
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionError("the server closed the connection"))

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            if not self._done.done():
                self._done.set_result(None)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)


async def _drive(port: int, requests: list[bytes], connections: int) -> Run:
    loop = asyncio.get_running_loop()
    run, shared = Run(), iter(requests)
    ends: list[asyncio.Future[None]] = [loop.create_future() for _ in range(connections)]
    started = time.perf_counter()
    for end in ends:
        await loop.create_connection(lambda end=end: _Client(shared, run, end), "127.0.0.1", port)
    await asyncio.gather(*ends)
    run.seconds = time.perf_counter() - started
    return run


def generate(pipe: Connection) -> None:
    """Serve orders (port, requests, connections) until the pipe closes."""
    while True:
        try:
            port, requests, connections = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(uvloop.run(_drive(port, requests, connections)))
        except Exception as exc:
            pipe.send(exc)
