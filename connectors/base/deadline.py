"""A total deadline for synchronous httpx calls.

httpx's time-outs are per operation: a server that sends one byte every few seconds renews them for ever. Here every
read, write and handshake on the socket is bounded by what is left of one budget, which `deadline` opens.

Name resolution is the one operation that the budget cannot interrupt. It comes before any byte leaves, and what is left
is looked at again after it, so a late answer of the resolver costs time but never sends.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import httpcore
import httpx

_expires: ContextVar[float | None] = ContextVar("raccordo_deadline", default=None)

# A warm connection spares a handshake between the steps of one delivery. Longer-lived ones get closed by the far side
# just as we write, and a POST that meets such a close is an unconfirmed delivery for nothing.
_KEEPALIVE_S = 2.0
_WRITE_CHUNK = 16_384

_SocketOptions = Iterable[tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]]


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Bound all network operations of this thread inside the block to `seconds` altogether."""
    token = _expires.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _expires.reset(token)


def remaining() -> float | None:
    """Seconds left, never negative; None outside of a `deadline` block."""
    expires = _expires.get()
    return None if expires is None else max(0.0, expires - time.monotonic())


def _within(timeout: float | None, expired: type[Exception]) -> float | None:
    left = remaining()
    if left is None:
        return timeout
    if left <= 0:
        raise expired("deadline")
    return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _within(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # In pieces, because the inner loop gives each partial send the whole time-out.
        for start in range(0, len(buffer), _WRITE_CHUNK):
            piece = buffer[start : start + _WRITE_CHUNK]
            self._inner.write(piece, _within(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _within(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class AddressRefused(httpcore.ConnectError):
    """The host's name leads to addresses that it may not have."""


class _Backend(httpcore.NetworkBackend):
    """Resolves once and tries each address with its share of what is left, so that a dead one does not use it up.

    The address that was judged is the one that is connected to: a name that changes in between changes nothing.
    """

    def __init__(self, allowed: Callable[[str, str], bool]) -> None:
        self._inner = httpcore.SyncBackend()
        self._allowed = allowed

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: _SocketOptions | None = None,
    ) -> httpcore.NetworkStream:
        addresses = [address for address in _resolve(host, port) if self._allowed(host, address)]
        if not addresses:
            raise AddressRefused("no address that is allowed")
        for tried, address in enumerate(addresses):
            left = _within(timeout, httpcore.ConnectTimeout)
            share = None if left is None else left / (len(addresses) - tried)
            try:
                return _Stream(self._inner.connect_tcp(address, port, share, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if tried == len(addresses) - 1:
                    raise
        raise httpcore.ConnectError("no address")


def _resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise httpcore.ConnectError("name resolution failed") from exc
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@cache
def _tls() -> ssl.SSLContext:
    # Reading the authorities' certificates takes longer than many a call.
    return httpx.create_ssl_context(trust_env=False)


class DeadlineTransport(httpx.HTTPTransport):
    """httpx's own transport, over sockets that keep the deadline. Certificates are checked, proxies ignored."""

    def __init__(
        self,
        *,
        max_connections: int = 100,
        allowed: Callable[[str, str], bool] = lambda _host, _address: True,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`allowed` says whether a host may be at an address; `tls` whom we believe and what we show, by default the
        public authorities and nothing."""
        context = tls or _tls()
        super().__init__(verify=context, trust_env=False)
        # httpx has no argument for httpcore's `network_backend`; test_http.py fails should this name ever change.
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=max_connections,
            max_keepalive_connections=max_connections,
            keepalive_expiry=_KEEPALIVE_S,
            network_backend=_Backend(allowed),
        )
