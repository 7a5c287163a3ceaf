"""One request, bounded in time, size and form: https as configured, no redirect, nothing taken from the environment.

What a server says in its body or in an error never leaves here but as the answer itself: failures are stable words.
"""

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final, Literal

import httpx

from contracts.tls import ClientCertificate, refuses_us

CONNECT_S: Final = 2.0
TOTAL_S: Final = 5.0
MOST_AT_ONCE: Final = 16
_AILING_S: Final = (1.0, 16.0)
_LONGEST_WISH_S: Final = 60.0


Detail = Literal["no_such_host", "nobody_listens", "certificate", "client_certificate"]


class FetchFailed(Exception):
    """There is no answer that can be used. `problem` is a stable word; `lasting` says that the server is not itself.

    `detail` is another such word for a person who looks into it: why a server is `unreachable`.
    """

    def __init__(
        self, problem: str, *, lasting: bool = False, retry_after_s: float = 0.0, detail: Detail | None = None
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.lasting = lasting
        self.detail = detail
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of status 200, or one of those that the caller asked for."""

    status: int
    headers: httpx.Headers
    body: bytes


@lru_cache(maxsize=64)
def tls(shown: ClientCertificate | None = None) -> ssl.SSLContext:
    """Believes the public authorities, and shows that certificate to servers that ask."""
    # Reading the authorities' certificates takes longer than many a call.
    context = httpx.create_ssl_context(trust_env=False)
    if shown is not None:
        shown.show_in(context)
    return context


def quiet_client(
    transport: httpx.AsyncBaseTransport | None = None, shown: ClientCertificate | None = None
) -> httpx.AsyncClient:
    """Connections of one event loop: nothing is taken from the environment, no redirect followed, no cookie kept."""
    return httpx.AsyncClient(
        transport=transport,
        verify=tls(shown),
        # Not compressed: the cap on the answer's size then is a cap on memory.
        headers={"User-Agent": "raccordo", "Accept-Encoding": "identity"},
        timeout=httpx.Timeout(TOTAL_S, connect=CONNECT_S),
        limits=httpx.Limits(max_connections=MOST_AT_ONCE),
        follow_redirects=False,
        trust_env=False,
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
    )


class Web:
    """The connections of one event loop. Made where it is first used, closed by `aclose`.

    What a call shows as its client certificate it shows alone: each has connections of its own.
    """

    def __init__(self) -> None:
        self._clients: dict[ClientCertificate | None, httpx.AsyncClient] = {}

    async def get(
        self,
        url: str,
        *,
        limit: int,
        media_types: Collection[str],
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        also: Collection[int] = (),
        shown: ClientCertificate | None = None,
    ) -> Answer:
        """The answer, with a body of at most `limit` bytes. Statuses in `also` are answers too, without their body.

        Raises:
            FetchFailed
        """
        return await self._sent("GET", url, limit, media_types, also, (), shown, headers=headers, params=params)

    async def post(
        self,
        url: str,
        *,
        data: Mapping[str, str],
        limit: int,
        media_types: Collection[str],
        headers: Mapping[str, str] | None = None,
        refusals: Collection[int] = (),
        shown: ClientCertificate | None = None,
    ) -> Answer:
        """The answer to a form. Statuses in `refusals` are answers too, with as much of their body as is allowed.

        Raises:
            FetchFailed
        """
        form = dict(data)
        return await self._sent("POST", url, limit, media_types, (), refusals, shown, headers=headers, data=form)

    async def _sent(
        self,
        method: str,
        url: str,
        limit: int,
        media_types: Collection[str],
        also: Collection[int],
        refusals: Collection[int],
        shown: ClientCertificate | None,
        **parts: Any,
    ) -> Answer:
        try:
            async with asyncio.timeout(TOTAL_S):
                client = self._open(shown)
                response = await client.send(client.build_request(method, url, **parts), stream=True)
                try:
                    return await _answer(response, limit, media_types, also, refusals)
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.TimeoutException):
            raise FetchFailed("timeout", lasting=True) from None
        # Also what a server's bad header or address makes httpx raise, and an alert of TLS that it lets through.
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ssl.SSLError) as error:
            raise FetchFailed("unreachable", lasting=True, detail=_why(error)) from None

    async def aclose(self) -> None:
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()

    def _open(self, shown: ClientCertificate | None) -> httpx.AsyncClient:
        if shown not in self._clients:
            self._clients[shown] = quiet_client(shown=shown)
        return self._clients[shown]


async def _answer(
    response: httpx.Response,
    limit: int,
    media_types: Collection[str],
    also: Collection[int],
    refusals: Collection[int],
) -> Answer:
    status = response.status_code
    if status in also:
        return Answer(status, response.headers, b"")
    if status == 429:
        raise FetchFailed("throttled", lasting=True, retry_after_s=_retry_after_s(response.headers))
    if status >= 500:
        raise FetchFailed("server_error", lasting=True, retry_after_s=_retry_after_s(response.headers))
    if status in refusals:
        return Answer(status, response.headers, await _body(response, limit))
    if status != 200:
        raise FetchFailed("redirected" if 300 <= status < 400 else f"status_{status}")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise FetchFailed("compressed")
    if response.headers.get("content-type", "").partition(";")[0].strip().lower() not in media_types:
        raise FetchFailed("media_type")
    return Answer(status, response.headers, await _body(response, limit))


async def _body(response: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > limit:
            raise FetchFailed("too_large")
    return bytes(body)


def _why(error: BaseException | None) -> Detail | None:
    """What the operating system or TLS said, somewhere below httpx's own error."""
    while error is not None:
        match error:
            case ssl.SSLCertVerificationError():
                return "certificate"
            case ssl.SSLError() if refuses_us(error):
                return "client_certificate"
            case socket.gaierror():
                return "no_such_host"
            case ConnectionRefusedError():
                return "nobody_listens"
            case BaseExceptionGroup():  # one for each address of the host
                error = error.exceptions[0]
            case _:
                error = error.__cause__ or error.__context__
    return None


def _retry_after_s(headers: httpx.Headers) -> float:
    """The seconds of Retry-After. Its date form is left aside: it would need both clocks to be right."""
    given = headers.get("retry-after", "").strip()
    return float(given) if re.fullmatch("[0-9]{1,9}", given) else 0.0


class Pause:
    """How long a server that is not itself is left alone: a second, then twice as long each time, up to 16.

    It may wish for more with Retry-After, up to a minute.
    So that whoever waits for its answer is refused at once, and not after the time-out of a request of their own.

    `refused_s`: first and longest pause after a refusal, which is no outage; by default there is none.
    """

    def __init__(self, *, refused_s: tuple[float, float] | None = None) -> None:
        self._refused_s = refused_s
        self._failures = 0
        self._until = float("-inf")
        self.problem = ""
        """Of the failure that it was last lengthened for."""

    @property
    def left_s(self) -> float:
        """Seconds until its end; 0 where there is none."""
        return max(0.0, self._until - time.monotonic())

    def check(self) -> None:
        """Raises FetchFailed while it lasts."""
        if self.left_s > 0:
            raise FetchFailed("paused")

    def failed(self, failure: FetchFailed) -> None:
        bounds = _AILING_S if failure.lasting else self._refused_s
        if bounds is None:
            return
        first_s, longest_s = bounds
        own_s = min(first_s * 2.0**self._failures, longest_s)
        self._failures = min(self._failures + 1, 10)
        self.problem = failure.problem
        self._until = time.monotonic() + max(own_s, min(failure.retry_after_s, _LONGEST_WISH_S))

    def succeeded(self) -> None:
        self._failures, self._until = 0, float("-inf")
