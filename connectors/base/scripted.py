"""A provider on a real socket that does what a test tells it: answers, and the ways in which networks fail."""

import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self


class Fault(StrEnum):
    """What a provider, or the network before it, can do to one call instead of answering."""

    REFUSED = "refused"
    """Nobody listens: no byte leaves."""
    CUT = "cut"
    """Takes the request, then closes without a word."""
    SILENT = "silent"
    """Takes the request, then says nothing."""
    SLOW_HEAD = "slow_head"
    """Answers a byte at a time for ever, and never ends the headers."""
    SLOW_BODY = "slow_body"
    """The same with the body."""
    ENDLESS = "endless"
    """Answers with a body that has no end, as fast as it can."""
    GARBAGE = "garbage"
    """Answers with something that is not the protocol."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of HTTP. `body` that is neither str nor bytes is sent as JSON."""

    status: int
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class ScriptedServer:
    """Plays its script, one entry a request and one request a connection; at its end `answering` decides, or 599."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        """With `tls` it speaks https, and may ask for a client certificate."""
        self._tls = tls
        self.shown: list[bytes] = []
        """The certificates (DER) of clients, where `tls` asks for them."""
        self.received: list[Received] = []
        self.answering: Callable[[Received], Reply | Fault] = lambda _: Reply(599)
        self.aside: Callable[[Received], Reply | None] = lambda _: None
        """Answers what is no part of the script, a login: it is neither counted among `received` nor met by a fault."""
        self._script: deque[Reply | Fault] = deque()
        self._stop = threading.Event()
        self._listener: socket.socket | None = None
        self._port = 0
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._deafen()
        for connection in tuple(self._open):
            _close(connection)
        for thread in self._threads:
            thread.join(timeout=2)

    @property
    def url(self) -> str:
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self._port}"

    @property
    def left(self) -> tuple[Reply | Fault, ...]:
        """What of the script has not been played."""
        return tuple(self._script)

    def play(self, *script: Reply | Fault) -> None:
        """Do this with the next requests, and forget what was left of the script."""
        self._script = deque(script)
        if script[:1] == (Fault.REFUSED,):
            self._deafen()
        elif self._listener is None:
            self._listen()

    def _listen(self) -> None:
        listener = socket.create_server(("127.0.0.1", self._port))
        self._listener, self._port = listener, listener.getsockname()[1]
        self._start(self._accept, listener)

    def _deafen(self) -> None:
        if self._listener is not None:
            # Closing alone does not wake the thread in accept().
            _close(self._listener)
            self._listener = None

    def _start(self, target: Any, *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self._open.add(connection)
            self._start(self._serve, connection)

    def _serve(self, accepted: socket.socket) -> None:
        connection = accepted
        try:
            connection.settimeout(5)
            if self._tls is not None:
                secured = connection = self._tls.wrap_socket(connection, server_side=True)
                self.shown.append(secured.getpeercert(binary_form=True) or b"")
            request = _read_request(connection)
            if request is None:
                return
            if (aside := self.aside(request)) is not None:
                connection.sendall(_encode(aside))
                return
            self.received.append(request)
            self._act(connection, self._script.popleft() if self._script else self.answering(request))
        except OSError:
            pass  # the client has had enough, which is what many of the faults are for
        finally:
            self._open.discard(accepted)
            _close(connection)

    def _act(self, connection: socket.socket, entry: Reply | Fault) -> None:
        match entry:
            case Reply():
                connection.sendall(_encode(entry))
            case Fault.SILENT:
                self._stop.wait(30)
            case Fault.GARBAGE:
                connection.sendall(b"\x00\xff no protocol at all\r\n\r\n" * 20)
            case Fault.SLOW_HEAD:
                self._drip(connection, b"HTTP/1.1 200 OK\r\nX-Slow: ")
            case Fault.SLOW_BODY:
                self._drip(connection, b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            case Fault.ENDLESS:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
                while not self._stop.is_set():
                    connection.sendall(b" " * 65_536)
            case _:
                pass  # CUT: the request is read, the connection is closed

    def _drip(self, connection: socket.socket, start: bytes) -> None:
        connection.sendall(start)
        while not self._stop.wait(0.02):
            connection.sendall(b"x")


def _read_request(connection: socket.socket) -> Received | None:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65_536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65_536)
    method, path, _ = first.split(" ", 2)
    return Received(method, path, headers, body)


def _encode(reply: Reply) -> bytes:
    body = reply.body
    if isinstance(body, str):
        body = body.encode()
    elif not isinstance(body, bytes):
        body = json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    headers |= reply.headers
    lines = [f"HTTP/1.1 {reply.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def _close(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # not connected any more
    finally:
        connection.close()
