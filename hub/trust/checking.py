"""Whether a client at PDND works: a voucher is really asked for and, for PDND's own API, really used there.

Nothing of it is kept or shared, and no pause is begun or heeded: an administrator looks, and may look again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from contracts.tls import ClientCertificate
from hub.clock import Clock
from hub.security import jose
from hub.security.vouchers import Voucher
from hub.store.pdnd_clients import PdndCredentials

from .asking import obtain, shown_by
from .credentials import UnusableKey
from .environment import PdndAccess, PdndEnvironment
from .http import Answer, Detail, FetchFailed, Web
from .pdnd import PdndClient


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of it."""

    problem: str = ""
    """A stable word or PDND's code, as in the log; empty where all went well."""
    at_api: bool = False
    """The problem is not with the voucher, but with PDND's API, which was shown one."""
    why: str = ""
    """Of `key_unusable` and `certificate_unusable`: what is wrong with it, for the administrator."""
    detail: Detail | None = None
    ahead_s: float | None = None
    """How far this machine's clock is ahead of the server's, in seconds; None where nothing with a date came."""
    lifetime_s: int = 0
    claims: Mapping[str, Any] | None = None
    """Of the voucher."""
    read_key: bool | None = None
    """The client's own key was found through PDND's API; None where that was not tried."""


class _Dated(Web):
    """Remembers what the clock of whoever answered said."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.ahead_s: float | None = None

    async def _sent(self, *args: Any, **parts: Any) -> Answer:
        answer = await super()._sent(*args, **parts)
        self.ahead_s = _ahead_s(answer.headers, self._clock.now().timestamp())
        return answer


async def check(its: PdndCredentials, environment: PdndEnvironment | None, clock: Clock) -> Checked:
    """Ask for a voucher; a client of kind `api` then reads its own key in the `environment`, if there is one."""
    web = _Dated(clock)
    try:
        return await _check(web, its, environment, clock)
    finally:
        await web.aclose()


async def _check(web: _Dated, its: PdndCredentials, environment: PdndEnvironment | None, clock: Clock) -> Checked:
    now = clock.now().timestamp()
    try:
        voucher = await obtain(web, its, now=now)
    except UnusableKey as unusable:
        return Checked(unusable.problem, why=str(unusable))
    except FetchFailed as failed:
        return Checked(failed.problem, detail=failed.detail, ahead_s=web.ahead_s)
    lifetime_s = round(voucher.expires_at - now)
    found = Checked(ahead_s=web.ahead_s, lifetime_s=lifetime_s, claims=jose.parse(voucher.token).claims)
    if its.kind != "api" or environment is None or not environment.keys_url:
        return found
    client = PdndClient(PdndAccess(environment, _One(voucher, its, clock)), web, clock)
    try:
        key = await client.key(its.kid, producer=False)
    except FetchFailed as failed:
        return replace(found, problem=failed.problem, at_api=True, detail=failed.detail)
    return replace(found, read_key=key is not None)


class _One:
    """A `VoucherSource` of one voucher."""

    def __init__(self, voucher: Voucher, its: PdndCredentials, clock: Clock) -> None:
        self._voucher = voucher
        self._its = its
        self._clock = clock

    async def header_for(self, *, purpose_id: str | None, method: str, url: str) -> Mapping[str, str]:
        del purpose_id
        return self._voucher.headers(method=method, url=url, now=self._clock.now().timestamp())

    def shown(self) -> ClientCertificate | None:
        return shown_by(self._its)

    async def refused(self) -> bool:
        return False


def _ahead_s(headers: httpx.Headers, now: float) -> float | None:
    try:
        return now - parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        return None
