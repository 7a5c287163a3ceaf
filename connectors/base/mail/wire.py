"""smtplib with one deadline over the whole session: its own time-out is per operation, and a slow drip renews it.

What IMAP needs too is here as well: the deadline, reading by it, a connection, a TLS context.
"""

import smtplib
import socket
import ssl
import time
from typing import Any

from contracts.failures import Misconfigured

_MAX_SESSION_BYTES = 262_144
_CHUNK = 65_536


class Deadline:
    """An instant by which everything must be over."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    @property
    def passed(self) -> bool:
        return time.monotonic() >= self._ends

    def left(self) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def at_most(self, seconds: float) -> None:
        """Bring the end nearer."""
        self._ends = min(self._ends, time.monotonic() + seconds)


class Lines:
    """The reading side as smtplib wants it: a file with `readline`, whose every read knows the deadline. More than
    `most` bytes altogether are a fault of the server."""

    def __init__(self, sock: socket.socket, deadline: Deadline, most: int = _MAX_SESSION_BYTES) -> None:
        self.sock = sock
        self._deadline = deadline
        self._buffer = bytearray()
        self._left = most

    def readline(self, limit: int) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0 and len(self._buffer) < limit and self._more():
            pass
        return self._taken(min(limit, end + 1 if end >= 0 else len(self._buffer)))

    def read(self, size: int) -> bytes:
        """`size` bytes; fewer only at the end of the connection."""
        if size - len(self._buffer) > self._left:
            raise OSError
        while len(self._buffer) < size and self._more():
            pass
        return self._taken(min(size, len(self._buffer)))

    def close(self) -> None:
        self._buffer.clear()

    def _more(self) -> bool:
        self.sock.settimeout(self._deadline.left())
        chunk = self.sock.recv(_CHUNK)
        self._buffer += chunk
        self._left -= len(chunk)
        if self._left < 0:
            raise OSError
        return bool(chunk)

    def _taken(self, size: int) -> bytes:
        found = bytes(self._buffer[:size])
        del self._buffer[:size]
        return found


class Session(smtplib.SMTP):
    """One connection. Use `open`, then smtplib's commands; the socket closes with the `with` block."""

    file: Any

    def __init__(self, *, own_name: str, deadline: Deadline, tls: ssl.SSLContext | None) -> None:
        # The name is given because smtplib would ask the DNS for it, outside the deadline.
        super().__init__(local_hostname=own_name, timeout=deadline.left())
        self._deadline = deadline
        self._tls = tls

    def open(self, host: str, port: int) -> tuple[int, bytes]:
        """Connect (with TLS from the first byte where a context was given) and read the greeting."""
        return self.connect(host, port)

    def upgrade(self, context: ssl.SSLContext, host: str) -> None:
        """TLS on the open connection, after the server's 220 to STARTTLS; what came in clear before it is forgotten."""
        assert self.sock is not None
        self.sock.settimeout(self._deadline.left())
        self.sock = context.wrap_socket(self.sock, server_hostname=host)
        self.file = None
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = Lines(self.sock, self._deadline)
        return super().getreply()

    def send(self, s: Any) -> None:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected
        rest = memoryview(s.encode("ascii") if isinstance(s, str) else s)
        try:
            while rest:
                self.sock.settimeout(self._deadline.left())
                rest = rest[self.sock.send(rest[:_CHUNK]) :]
        except OSError:
            self.close()
            raise

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return connected(host, port, self._deadline, self._tls)


def connected(host: str, port: int, deadline: Deadline, tls: ssl.SSLContext | None) -> socket.socket:
    """A connection to the first of the host's addresses that answers; with a context, in TLS from the first byte."""
    sock = _first_that_answers(host, port, deadline)
    if tls is None:
        return sock
    sock.settimeout(deadline.left())
    return tls.wrap_socket(sock, server_hostname=host)


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Raises Misconfigured where the file is not there, or no certificate."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as exc:
        raise Misconfigured("email.ca_file") from exc
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _first_that_answers(host: str, port: int, deadline: Deadline) -> socket.socket:
    trouble: OSError = OSError()
    for *_, address in _resolve(host, port):
        try:
            return socket.create_connection((str(address[0]), port), timeout=deadline.left())
        except OSError as exc:
            trouble = exc
    raise trouble


def _resolve(host: str, port: int) -> list[Any]:
    """The one operation that the deadline cannot interrupt; what is left is looked at again after it."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as exc:
        raise OSError from exc
