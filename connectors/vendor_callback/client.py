"""The one call: POST to the vendor's address, signed, answered by 200."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from connectors.base.http import Answer, retry_after, send
from contracts.connector import Continue, Done, Memo, Notice, Preview, Push
from contracts.failures import Deferred, Failure, Rejected, Unconfirmed

from .config import Settings

_ANNOUNCED = {"step": "tell"}
# What the vendor would answer again tomorrow: a person looks, and replays.
_REFUSALS = frozenset({400, 404, 405, 410, 411, 413, 414, 415, 422})


@dataclass(frozen=True, slots=True)
class Caller:
    """The steps, over a client without an address of its own."""

    http: httpx.Client
    settings: Settings
    sign: Callable[[str, str], httpx.Auth]
    timeout_s: float

    def advance(self, notice: Notice, memo: Memo) -> Done | Continue:
        """Tell it, after it was announced; at least once, under one correlation id (modi 3)."""
        push, url = self._target(notice)
        if memo != _ANNOUNCED:
            return Continue(dict(_ANNOUNCED), unsafe=True)
        headers = {"Content-Type": "application/json", "X-Correlation-ID": push.correlation_id}
        request = self.http.build_request("POST", url, content=push.content, headers=headers)
        auth = self.sign(self.settings.issuer, self._audience(url))
        answer = send(self.http, request, unsafe=True, deadline_s=self.timeout_s, auth=auth)
        if answer.status == 200 and answer.complete:
            return Done(push.correlation_id)
        raise _failure(answer)

    def preview(self, notice: Notice) -> tuple[Preview, ...]:
        """The call, without its signature."""
        push, url = self._target(notice)
        fields = {"X-Correlation-ID": push.correlation_id, "body": push.content.decode()}
        return (Preview(f"POST {url}", fields),)

    def check(self) -> str:
        """Ask for the headers of each address: whatever is answered, somebody is there. Nothing is told."""
        if self.settings.url is None and not self.settings.hosts:
            raise Rejected("callback.no_address")
        if self.settings.url is not None and not self.settings.admits(self.settings.url):
            raise Rejected("callback.not_allowed", "http is for listed loopback hosts alone")
        addresses = [self.settings.url] if self.settings.url else [f"https://{host}/" for host in self.settings.hosts]
        for address in addresses:
            send(self.http, self.http.build_request("HEAD", address), unsafe=False, deadline_s=self.timeout_s)
        return "Every address answers; nothing was told."

    def _target(self, notice: Notice) -> tuple[Push, str]:
        push = notice.push
        url = None if push is None else push.url or self.settings.url
        if push is None or url is None:
            raise Rejected("callback.no_address")
        # Again, at every attempt: a host may have been taken back since the vendor named it.
        if not self.settings.admits(url):
            raise Rejected("callback.not_allowed")
        return push, url

    def _audience(self, url: str) -> str:
        return self.settings.audience or url.partition("?")[0]


def _failure(answer: Answer) -> Failure:
    reason = f"callback.status_{answer.status}"
    if answer.status == 200:
        return Unconfirmed("callback.acknowledgement_cut")
    if 200 <= answer.status < 400 or answer.status in _REFUSALS:
        return Rejected(reason)  # only 200 acknowledges, and no redirection is followed
    return Deferred(reason, after=retry_after(answer))
