"""Tokens of OAuth 2.0 by client credentials (RFC 6749, 4.4): asked for before they end, and kept in memory alone."""

import base64
import threading
import time
from urllib.parse import quote_plus

import httpx

from connectors.base.http import retry_after, send
from contracts.failures import Deferred, Misconfigured

from .config import Settings

_SHORTEST_S = 30.0
_LONGEST_S = 3600.0
_LARGEST = 8192


class Tokens:
    """The token of one client."""

    def __init__(self, http: httpx.Client, settings: Settings, timeout_s: float) -> None:
        self._http, self._settings, self._timeout_s = http, settings, timeout_s
        self._lock = threading.Lock()
        self._token, self._ends, self._used = "", 0.0, False

    def get(self) -> str:
        """The token in force. Raises Deferred, and Misconfigured where the client is refused."""
        with self._lock:
            if not self._token or time.monotonic() >= self._ends:
                self._ask()
                self._used = False
            else:
                self._used = True
            return self._token

    def forget(self) -> bool:
        """The token was refused: whether a new one may do, which is so where it was not just made."""
        with self._lock:
            self._token = ""
            return self._used

    def _ask(self) -> None:
        one = self._settings
        secret = one.secret.get_secret_value() if one.secret is not None else ""
        # RFC 6749, 2.3.1: each is form-encoded before it is put together.
        pair = f"{quote_plus(one.auth_user or '')}:{quote_plus(secret)}"
        form = {"grant_type": "client_credentials"} | ({"scope": one.token_scope} if one.token_scope else {})
        headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}", "Accept": "application/json"}
        request = self._http.build_request("POST", one.token_url or "", data=form, headers=headers)
        answer = send(self._http, request, unsafe=False, deadline_s=self._timeout_s)
        if answer.status in (400, 401, 403):
            raise Misconfigured("mapped.client_refused", f"status {answer.status}: no token for this client")
        told = answer.object()
        token, kind, ends = told.get("access_token"), told.get("token_type"), told.get("expires_in")
        if answer.status != 200 or not isinstance(token, str) or not isinstance(kind, str) or kind.lower() != "bearer":
            raise Deferred("mapped.no_token", f"status {answer.status}", after=retry_after(answer))
        if not 0 < len(token) <= _LARGEST or not all("!" <= each <= "~" for each in token):
            raise Deferred("mapped.no_token", "the token cannot be sent")
        seconds = float(ends) if isinstance(ends, int) and not isinstance(ends, bool) else _SHORTEST_S
        self._token = token
        # Renewed at four fifths, so that none ends on the way.
        self._ends = time.monotonic() + min(max(seconds * 0.8, 1.0), _LONGEST_S)
