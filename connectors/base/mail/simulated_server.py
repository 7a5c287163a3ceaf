"""What the simulated mail servers share: a listener on loopback, on a thread of its own, and faults on request."""

import asyncio
import ssl
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, Protocol, Self, TypeVar

from .simulated_tls import make_certificate, server_context

FOREVER_S = 3600.0
"""How long a server is silent that is to say nothing more."""


@dataclass(frozen=True, slots=True)
class Security:
    tls: ssl.SSLContext | None
    from_the_first_byte: bool

    @property
    def at_once(self) -> ssl.SSLContext | None:
        return self.tls if self.from_the_first_byte else None

    @property
    def by_starttls(self) -> ssl.SSLContext | None:
        return None if self.from_the_first_byte else self.tls


class Connections(Protocol):
    """The connections to a server, of whatever protocol."""

    async def listen(self, port: int) -> asyncio.Server:
        """Take them from now on, on that port of loopback. Raises OSError."""

    async def cut(self) -> None:
        """Cut whoever is connected."""


class Running:
    """Listens from construction until `stop()`."""

    def __init__(self, connections: Connections, port: int) -> None:
        self.port = port
        self._connections = connections
        self._ready = threading.Event()
        self._trouble: OSError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._trouble is not None:
            self._thread.join()
            raise self._trouble

    def stop(self) -> None:
        """Stop listening and cut whoever is connected."""
        assert self._loop is not None
        assert self._over is not None
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        try:
            listener = await self._connections.listen(self.port)
        except OSError as exc:
            self._trouble = exc
            self._ready.set()
            return
        self.port = listener.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        listener.close()
        await self._connections.cut()
        await listener.wait_closed()
        # Let the transports see their end before the loop goes.
        await asyncio.sleep(0.01)


class Fault(Protocol):
    """What happens instead at a phase of a session, so many times."""

    @property
    def phase(self) -> str: ...
    @property
    def times(self) -> int: ...


FaultT = TypeVar("FaultT", bound=Fault)


class SimulatedServer(ABC, Generic[FaultT]):
    """`start()`, then `port` is known."""

    def __init__(self, folder: Path, *, port: int, security: Literal["starttls", "tls", "none"]) -> None:
        """`folder` is there; a certificate is kept in it."""
        self.ca_file: Path | None = None
        """What a client has to trust, where the server speaks TLS."""
        tls = None
        if security != "none":
            self.ca_file, key_file = make_certificate(folder)
            tls = server_context(self.ca_file, key_file)
        self._security = Security(tls=tls, from_the_first_byte=security == "tls")
        self._port = port
        self._running: Running | None = None
        self._lock = threading.Lock()
        self._faults: list[FaultT] = []

    @abstractmethod
    def connections(self) -> Connections:
        """Those of a server that starts."""

    @property
    def port(self) -> int:
        """The port, kept over `stop()` and `start()`."""
        return self._port

    def start(self) -> None:
        self._running = Running(self.connections(), self._port)
        self._port = self._running.port

    def stop(self) -> None:
        if self._running is not None:
            self._running.stop()
            self._running = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def misbehave(self, *faults: FaultT) -> None:
        """Queue faults; each is used up in its phase, in this order."""
        with self._lock:
            self._faults += [fault for fault in faults for _ in range(fault.times)]

    def behave(self) -> None:
        """Forget the faults that were not used up."""
        with self._lock:
            self._faults.clear()

    def next_fault(self, phase: str) -> FaultT | None:
        with self._lock:
            found = next((fault for fault in self._faults if fault.phase == phase), None)
            if found is not None:
                self._faults.remove(found)
            return found
