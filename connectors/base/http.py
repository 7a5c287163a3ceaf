"""HTTP as every connector speaks it: bounded in time and size, no redirects, nothing taken from the environment.

`send` turns what the network does into the failures of `contracts.failures`. What the provider answers is the
connector's own affair: it gets an `Answer` and looks its status up in its table.
"""

import json
import logging
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx
from cryptography.hazmat.primitives.serialization import Encoding
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random

from contracts.addresses import LOOPBACK, is_public
from contracts.callbacks import is_listed
from contracts.connector import Limits
from contracts.failures import Deferred, Failure, Misconfigured, Unconfirmed
from contracts.proving import Proof
from contracts.tls import BadCertificate, TlsSettings, refuses_us

from .deadline import AddressRefused, DeadlineTransport, deadline, remaining

MAX_ANSWER_BYTES = 1_048_576
MAX_RETRY_AFTER = timedelta(days=1)

# The errors that httpx raises before the first byte of a request is written.
_NOTHING_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

# They log the URL of each request, and a provider may want a tax code in it.
_CHATTY_LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider answered. `repr` shows the status only."""

    status: int
    headers: httpx.Headers
    body: bytes
    complete: bool
    """False when the body was cut, too long, too slow or compressed: the status still stands."""

    def __repr__(self) -> str:
        return f"Answer({self.status})"

    def json(self) -> Any:
        """The body, whatever JSON it is; None where it is none."""
        if not self.complete:
            return None
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def object(self) -> dict[str, Any]:
        """The body as a JSON object; empty when it is anything else."""
        value = self.json()
        return value if isinstance(value, dict) else {}


def client(
    base_url: str,
    headers: Mapping[str, str],
    limits: Limits,
    tls: TlsSettings,
    transport: httpx.BaseTransport | None = None,
    *,
    private_hosts: tuple[str, ...] = (),
) -> httpx.Client:
    """A client for one provider, at a public address: whatever the name leads to later. `base_url` may itself name this
    machine, or a host that is listed as in our network.

    Raises:
        Misconfigured: `base_url` is neither https nor http on loopback, a header cannot be sent, or the client
            certificate cannot be used.
    """
    url = httpx.URL(base_url)
    if url.scheme != "https" and not (url.scheme == "http" and url.host in LOOPBACK):
        raise Misconfigured("http.plain_text", "only https, or http on loopback")
    try:
        transport = transport or _guarded(tls, (*private_hosts, *({url.host} & LOOPBACK)))
        return quiet_client(limits, transport, base_url=url, headers=headers)
    except UnicodeEncodeError:
        raise Misconfigured("http.header", "a header holds characters other than ASCII") from None


def chosen_client(limits: Limits, private_hosts: tuple[str, ...], tls: TlsSettings) -> httpx.Client:
    """A client for addresses of others' choice: it connects to public ones, and to hosts listed as in our network.
    Raises Misconfigured: the client certificate cannot be used."""
    return quiet_client(limits, _guarded(tls, private_hosts))


def _guarded(tls: TlsSettings, private_hosts: tuple[str, ...]) -> DeadlineTransport:
    def allowed(host: str, address: str) -> bool:
        return is_public(address) or is_listed(host, private_hosts)

    return DeadlineTransport(allowed=allowed, tls=_context(tls))


def _context(tls: TlsSettings) -> ssl.SSLContext | None:
    """None where the settings ask for nothing of their own."""
    try:
        shown, authorities = tls.shown(), tls.authorities()
    except BadCertificate as fault:
        raise Misconfigured("http.client_certificate", str(fault)) from None
    if shown is None and not authorities:
        return None
    believed = "".join(one.public_bytes(Encoding.PEM).decode() for one in authorities)
    context = ssl.create_default_context(cadata=believed) if believed else httpx.create_ssl_context(trust_env=False)
    if shown is not None:
        shown.show_in(context)
    return context


def quiet_client(
    limits: Limits,
    transport: httpx.BaseTransport,
    *,
    base_url: httpx.URL | str = "",
    headers: Mapping[str, str] | None = None,
) -> httpx.Client:
    """A client that takes nothing from the environment, keeps no cookies and logs no addresses."""
    _keep_quiet()
    return httpx.Client(
        base_url=base_url,
        # Not compressed: the cap on the answer's size then is a cap on memory.
        headers={"User-Agent": "raccordo", "Accept-Encoding": "identity", **(headers or {})},
        timeout=limits.timeout_s,
        transport=transport,
        follow_redirects=False,
        trust_env=False,
        # A cookie of one citizen's call has no business in another's.
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
    )


def send(
    http: httpx.Client,
    request: httpx.Request,
    *,
    unsafe: bool,
    deadline_s: float,
    auth: httpx.Auth | None = None,
    proof: Proof | None = None,
    most_bytes: int = MAX_ANSWER_BYTES,
) -> Answer:
    """Make one call within `deadline_s`, the reading of the answer included. `auth` signs each try anew; so does a
    `proof`, which looks at answers of success where they must be signed. An answer
    of more than `most_bytes` is incomplete.

    A failed connection, and any failure of a call that may be repeated, is tried again for a few hundred milliseconds.
    Longer waits belong to the hub.

    Raises:
        Misconfigured: the server took the connection for one of nobody it knows: its client certificate, or that there
            was none. It answers so before it reads a request (RFC 8446 4.4.2.4).
        Deferred: no byte left, or the call was safe to repeat.
        Unconfirmed: `unsafe`, and bytes had left when the connection failed or the time was over, or the answer is not
            its sender's: then nobody knows who took the request.
        Failure: whatever the proof raises where there is nothing to prove with; no byte left.
    """

    def may_repeat(error: BaseException) -> bool:
        return isinstance(error, _NOTHING_LEFT) or (not unsafe and isinstance(error, httpx.TransportError))

    tries = Retrying(
        retry=retry_if_exception(may_repeat),
        stop=_enough,
        wait=wait_random(0.05, 0.15),
        reraise=True,
    )
    with deadline(deadline_s):
        try:
            answer = tries(_exchange, http, request, proof.auth if proof is not None else auth, most_bytes)
        except httpx.TransportError as error:
            raise _failure(error, unsafe) from error
    if proof is not None and (fault := _disbelieved(proof, request, answer)) is not None:
        raise Unconfirmed("answer.not_proved", fault) if unsafe else Deferred("answer.not_proved", fault)
    return answer


def _disbelieved(proof: Proof, request: httpx.Request, answer: Answer) -> str | None:
    """Why an answer of success is not taken for one. An error may be unsigned: it promises nothing (modi 5.15)."""
    if proof.check_answer is None or not 200 <= answer.status < 300:
        return None
    if not answer.complete:
        return "incomplete"
    return proof.check_answer(answer.headers.multi_items(), answer.body, request.headers.get("Digest"))


def _enough(state: RetryCallState) -> bool:
    return state.attempt_number >= 3 or (state.seconds_since_start or 0) > 0.5 or remaining() == 0


def _exchange(http: httpx.Client, request: httpx.Request, auth: httpx.Auth | None, most_bytes: int) -> Answer:
    try:
        response = http.send(request, stream=True, follow_redirects=False, auth=auth)
    except httpx.InvalidURL:
        # httpx looks at a `Location` that is not followed, too: one that is no address is the provider's, not ours.
        raise httpx.RemoteProtocolError("the answer's Location is no address", request=request) from None
    try:
        body, complete = _read(response, most_bytes)
    finally:
        response.close()
    return Answer(response.status_code, response.headers, body, complete)


def _read(response: httpx.Response, most_bytes: int) -> tuple[bytes, bool]:
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        return b"", False
    chunks = bytearray()
    try:
        for chunk in response.iter_raw():
            chunks += chunk
            if len(chunks) > most_bytes or remaining() == 0:
                return b"", False
    except httpx.TransportError:
        return b"", False
    return bytes(chunks), True


def _failure(error: httpx.TransportError, unsafe: bool) -> Failure:
    # Never the error's own text: a resolver's or a server's words may repeat what we sent.
    kind = type(error).__name__
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLError) and (alert := refuses_us(cause)):
            return Misconfigured("http.client_certificate", f"the server says: {alert}")
    if isinstance(error, _NOTHING_LEFT):
        if any(isinstance(cause, ssl.SSLError) for cause in causes):
            return Deferred("http.tls", kind)
        if any(isinstance(cause, AddressRefused) for cause in causes):
            return Deferred("http.address_refused", kind, about="message")
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            return Deferred("http.dns", kind)
        return Deferred("http.unreachable", kind)
    return Unconfirmed("http.no_answer", kind) if unsafe else Deferred("http.no_answer", kind)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def retry_after(answer: Answer, now: datetime | None = None) -> timedelta | None:
    """The provider's wish of RFC 9110, 10.2.3: seconds or a date, at most a day. None for nonsense or for the past.

    A date is measured against the answer's own `Date`, if it has one, so that no clock need be right.
    """
    value = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]+", value):
        # Longer than nine digits is beyond the clamp and may be beyond timedelta.
        wait = timedelta(seconds=int(value)) if len(value) < 10 else MAX_RETRY_AFTER
    elif moment := _http_date(value):
        wait = moment - (_http_date(answer.headers.get("date", "")) or now or datetime.now(UTC))
    else:
        return None
    return min(wait, MAX_RETRY_AFTER) if wait > timedelta() else None


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class _OnlyTrouble(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING


def _keep_quiet() -> None:
    for name in _CHATTY_LOGGERS:
        logger = logging.getLogger(name)
        # A filter and not a level: a level is what an operator who looks for something else turns down.
        if not any(isinstance(found, _OnlyTrouble) for found in logger.filters):
            logger.addFilter(_OnlyTrouble())
