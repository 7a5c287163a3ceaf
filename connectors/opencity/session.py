"""Calls to one tenant: the login and its token, which is kept in memory alone, and what each status means.

The token's life is that tenant's own (an hour, ten days); `exp` of the JWT says it. It is read and not checked: who
made it is the one that will check it.
"""

import base64
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import httpx

from connectors.base.http import MAX_ANSWER_BYTES, Answer, retry_after, send
from contracts.failures import Deferred, Failure, Misconfigured

from .config import Settings

_DEFAULT_LIFE_S = 3600.0
"""Of a token that does not say (spec/opencity.md, 2)."""
_RENEW_AT = 0.8

GONE = (404, 410)
"""By its own name: there is no such thing, or no more."""

Row = tuple[type[Failure], str]

LOGIN: Mapping[int, Row] = {
    400: (Misconfigured, "opencity.login_refused"),
    401: (Misconfigured, "opencity.login_refused"),
    403: (Misconfigured, "opencity.login_refused"),
    404: (Misconfigured, "opencity.not_the_api"),
    405: (Misconfigured, "opencity.not_the_api"),
    408: (Deferred, "opencity.busy"),
    415: (Misconfigured, "opencity.not_the_api"),
    429: (Deferred, "opencity.busy"),
}
# Of calls that change nothing. 401 is one that a new token did not mend.
READ: Mapping[int, Row] = {
    400: (Misconfigured, "opencity.request_refused"),
    401: (Misconfigured, "opencity.not_authorised"),
    403: (Misconfigured, "opencity.not_allowed"),
    404: (Misconfigured, "opencity.not_the_api"),
    405: (Misconfigured, "opencity.not_the_api"),
    406: (Misconfigured, "opencity.not_the_api"),
    408: (Deferred, "opencity.busy"),
    429: (Deferred, "opencity.busy"),
    500: (Deferred, "opencity.breaks"),
}


@dataclass(slots=True)
class Session:
    """One operator at one tenant; used by several threads."""

    http: httpx.Client
    settings: Settings
    timeout_s: float
    now: Callable[[], float] = time.time
    _token: str | None = field(default=None, repr=False)
    _renew_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        most_bytes: int = MAX_ANSWER_BYTES,
        accept: str = "application/json",
    ) -> Answer:
        """The answer to a question, whatever its status but 401. Raises Deferred where there is none."""
        return self._call("GET", path, query=query, most_bytes=most_bytes, accept=accept)

    def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """The answer to what must not be repeated blindly. Raises Unconfirmed where there is none."""
        return self._call("POST", path, body=body, unsafe=True)

    def public(self, path: str) -> Answer:
        """The answer to a question that needs no token."""
        return self._send(self._request("GET", path), time.monotonic() + self.timeout_s)

    def token(self) -> str:
        """The token in force, asked for where there is none. Raises the Failure that the login met."""
        return self._current(time.monotonic() + self.timeout_s)

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        unsafe: bool = False,
        most_bytes: int = MAX_ANSWER_BYTES,
        accept: str = "application/json",
    ) -> Answer:
        ends_at = time.monotonic() + self.timeout_s
        # A token may end before its time: the tenant's keys change, its clock is another. One login mends that.
        for _ in range(2):
            token = self._current(ends_at)
            request = self._request(method, path, query, body)
            request.headers["Authorization"] = f"Bearer {token}"
            request.headers["Accept"] = accept
            answer = self._send(request, ends_at, unsafe=unsafe, most_bytes=most_bytes)
            if answer.status != 401:
                return answer
            self._forget(token)
        raise failure_of(READ, answer)

    def _current(self, ends_at: float) -> str:
        with self._lock:
            if self._token is None or self.now() >= self._renew_at:
                self._token = None
                self._token, self._renew_at = self._login(ends_at)
            return self._token

    def _forget(self, token: str) -> None:
        with self._lock:
            if self._token == token:
                self._token = None

    def _login(self, ends_at: float) -> tuple[str, float]:
        given = {"username": self.settings.username, "password": self.settings.password.get_secret_value()}
        answer = self._send(self._request("POST", "/auth", body=given), ends_at)
        if answer.status != 200:
            raise failure_of(LOGIN, answer)
        token = answer.object().get("token")
        # What goes into a header has no blanks; what is not one token is no token.
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token or " " in token:
            raise Deferred("opencity.unreadable", "the login gave no token")
        return token, renewal(token, self.now())

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> httpx.Request:
        url = f"{self.settings.base_url}{path}" + (f"?{urlencode(query)}" if query else "")
        request = self.http.build_request(method, url, json=body, headers={"Accept": "application/json"})
        # Also where there is no body: without it some calls are answered by the web pages.
        request.headers["Content-Type"] = "application/json"
        return request

    def _send(
        self, request: httpx.Request, ends_at: float, *, unsafe: bool = False, most_bytes: int = MAX_ANSWER_BYTES
    ) -> Answer:
        left = ends_at - time.monotonic()
        if left <= 0:
            raise Deferred("opencity.too_slow")
        return send(self.http, request, unsafe=unsafe, deadline_s=left, most_bytes=most_bytes)


def renewal(token: str, now: float) -> float:
    """When to ask for another one: after four fifths of its life, by the hub's clock from now on."""
    claims = _claims(token)
    issued, expires = claims.get("iat", now), claims.get("exp")
    life = _DEFAULT_LIFE_S
    if isinstance(expires, int | float) and isinstance(issued, int | float) and expires > issued:
        # By the tenant's own two times: the hub's clock may be another.
        life = float(expires - issued)
    return now + life * _RENEW_AT


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, IndexError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def failure_of(table: Mapping[int, Row], answer: Answer) -> Failure:
    """What an answer means that is not the one hoped for. Its words stay out: they may repeat what was sent."""
    if 300 <= answer.status < 400:
        row: Row = (Misconfigured, "opencity.not_the_api")
    elif 400 <= answer.status < 500:
        row = table.get(answer.status, (Misconfigured, "opencity.request_refused"))
    else:
        row = table.get(answer.status, (Deferred, "opencity.unavailable"))
    kind, reason = row
    detail = f"status {answer.status}"
    return Deferred(reason, detail, after=retry_after(answer)) if kind is Deferred else kind(reason, detail)


def content_of(answer: Answer) -> Any:
    """The JSON of an answer of success, its numbers exact.

    Raises:
        Deferred: it is not whole, or no JSON.
    """
    if not answer.complete:
        raise Deferred("opencity.incomplete", "cut, too slow or too long: a smaller page_size may help")
    try:
        return json.loads(answer.body, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise Deferred("opencity.unreadable", "not JSON") from None


def read(answer: Answer) -> Any:
    """The JSON of an answer that has to be 200. Raises the Failure that it is otherwise."""
    if answer.status != 200:
        raise failure_of(READ, answer)
    return content_of(answer)
