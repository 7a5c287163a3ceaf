"""A call to an address that a certificate names: bounded in time and size, to public addresses only, never followed on.

Unlike what an operator configures, such an address is the choice of a CA, or of a vendor within its hosts. So whatever
the name resolves to is looked at before a connection is made, and it is that very address that is connected to.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Final

import httpcore
import httpx

from contracts.addresses import LOOPBACK, is_public

from .http import MOST_AT_ONCE, TOTAL_S, quiet_client, tls

MAX_BYTES: Final = 1024 * 1024

_SocketOptions = Iterable[tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]]


class Unreachable(Exception):
    """There is no answer that can be used. `problem` is a word or two of ours, never of the other side."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class Outside:
    """Connections of one event loop; made where first used, closed by `aclose`.

    `internal_hosts` are those that may have a private address because an operator listed them; `loopback` is for
    simulators and tests.
    """

    def __init__(self, *, internal_hosts: frozenset[str] = frozenset(), loopback: bool = False) -> None:
        self._allowed = internal_hosts | (LOOPBACK if loopback else frozenset())
        self._loopback = loopback
        self._client: httpx.AsyncClient | None = None

    async def get(self, url: str, *, plain: bool = False, limit: int = MAX_BYTES) -> bytes:
        """The body of a GET, of at most `limit` bytes. `plain`: over http too, for what carries its own signature.

        Raises:
            Unreachable
        """
        body = bytearray()
        await self._send("GET", url, body.extend, plain=plain, limit=limit)
        return bytes(body)

    async def take(self, url: str, give: Callable[[bytes], None], *, most: int, within_s: float) -> None:
        """Give the body of a GET piece by piece: a file, which may be larger and take longer than a list of keys.

        Raises:
            Unreachable: also "too large" after more than `most` bytes.
        """
        await self._send("GET", url, give, plain=False, limit=most, within_s=within_s)

    async def post(self, url: str, content: bytes, content_type: str, *, plain: bool = False) -> bytes:
        """The body of the answer to a POST.

        Raises:
            Unreachable
        """
        body = bytearray()
        await self._send("POST", url, body.extend, plain=plain, content=content, content_type=content_type)
        return bytes(body)

    async def _send(
        self,
        method: str,
        url: str,
        give: Callable[[bytes], None],
        *,
        plain: bool,
        content: bytes | None = None,
        content_type: str = "",
        limit: int = MAX_BYTES,
        within_s: float | None = None,
    ) -> None:
        try:
            async with asyncio.timeout(TOTAL_S if within_s is None else within_s):
                headers = {"Content-Type": content_type} if content_type else {}
                request = self._open().build_request(method, url, content=content, headers=headers)
                self._check(request.url, plain=plain)
                response = await self._open().send(request, stream=True)
                try:
                    await _body(response, give, limit)
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.TimeoutException):
            raise Unreachable("timeout") from None
        # Also what a bad header or address makes httpx raise, and an alert of TLS that it lets through.
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ssl.SSLError):
            raise Unreachable("unreachable") from None

    def _check(self, url: httpx.URL, *, plain: bool) -> None:
        here = self._loopback and url.host in LOOPBACK
        if url.scheme != "https" and not (url.scheme == "http" and (plain or here)):
            raise Unreachable("not https")
        if url.userinfo:
            raise Unreachable("a password in the address")

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = quiet_client(_Transport(self._allowed))
        return self._client


async def _body(response: httpx.Response, give: Callable[[bytes], None], limit: int) -> None:
    if response.status_code != 200:
        raise Unreachable(f"status {response.status_code}")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise Unreachable("compressed")
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > limit:
            raise Unreachable("too large")
        give(chunk)


class _Transport(httpx.AsyncHTTPTransport):
    """httpx's own transport, over connections to addresses that were looked at."""

    def __init__(self, allowed: frozenset[str]) -> None:
        context = tls()
        super().__init__(verify=context, trust_env=False)
        # httpx has no argument for httpcore's `network_backend`; a test fails should this name ever change.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context, max_connections=MOST_AT_ONCE, network_backend=_Backend(allowed)
        )


class _Backend(httpcore.AsyncNetworkBackend):
    def __init__(self, allowed: frozenset[str]) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._allowed = allowed

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: _SocketOptions | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await _resolve(host, port)
        if host not in self._allowed and not all(is_public(address) for address in addresses):
            raise httpcore.ConnectError("not a public address")
        for tried, address in enumerate(addresses, start=1):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if tried == len(addresses):
                    raise
        raise httpcore.ConnectError("no address")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


async def _resolve(host: str, port: int) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise httpcore.ConnectError("name resolution failed") from exc
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
