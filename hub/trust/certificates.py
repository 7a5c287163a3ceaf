"""Fetchers of what verdicts on certificates want: chains behind `x5u`, CRLs, OCSP answers. Read here, believed nowhere.

Signatures and dates are for `hub.security` to check, each time it uses what lies on the shelf.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import OCSPResponse, OCSPResponseStatus

from hub.clock import Clock
from hub.security import der
from hub.security.crl import Crl
from hub.security.material import Held, Source
from hub.security.presented import MAX_CERTIFICATES

from .outside import Outside, Unreachable

Fetch = Callable[[str], Awaitable[Held]]

# Seconds. A revocation is seen within `fresh`; what was fetched serves on while the other side is away.
X5U_FRESH_S: Final = 300.0
X5U_USABLE_S: Final = 3600.0
CRL_FRESH_S: Final = 900.0
OCSP_FRESH_S: Final = 300.0
FAILED_S: Final = 60.0
"""How long a failure is not tried again: meanwhile `fail-open` lets pass and `fail-closed` refuses."""

CRL_BYTES: Final = 20 * 1024 * 1024
"""Of a list, at most: some half a million entries."""

_OCSP: Final = "application/ocsp-request"


class CertificateFetchers:
    """One fetcher for each source, over connections of one event loop. They never raise: a failure is Held too."""

    def __init__(self, outside: Outside, clock: Clock, *, crl_limit: int = CRL_BYTES) -> None:
        self._outside = outside
        self._clock = clock
        self._crl_limit = crl_limit

    def by_source(self) -> Mapping[Source, Fetch]:
        return {"x5u": self.x5u, "crl": self.crl, "ocsp": self.ocsp}

    async def x5u(self, url: str) -> Held:
        """A tuple of DER, leaf first. RFC 7515 4.1.5 asks for PEM; one certificate in DER is read too."""
        try:
            ders = _certificates(await self._outside.get(url))
        except Unreachable as failure:
            return self._failed(failure.problem)
        now = self._now()
        return Held(ders, now + X5U_FRESH_S, now + X5U_USABLE_S)

    async def crl(self, name: str) -> Held:
        """A CRL in DER (RFC 5280 4.2.1.13), or in PEM, as some publish it. The hex of its issuer's DER follows the
        address in `name`.
        """
        url, _, issuer = name.partition("\n")
        try:
            raw = await self._outside.get(url, plain=True, limit=self._crl_limit)
            found = await asyncio.to_thread(_crl, raw, issuer)
        except Unreachable as failure:
            return self._failed(failure.problem)
        return self._until(found, found.read.next_update_utc, fresh_s=CRL_FRESH_S)

    async def ocsp(self, name: str) -> Held:
        """The answer to the request whose hex follows the address in `name`."""
        url, _, request = name.partition("\n")
        try:
            raw = await self._outside.post(url, bytes.fromhex(request), _OCSP, plain=True)
            found, next_update = _ocsp(raw)
        except Unreachable as failure:
            return self._failed(failure.problem)
        return self._until(found, next_update, fresh_s=OCSP_FRESH_S)

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _failed(self, problem: str) -> Held:
        now = self._now()
        return Held(None, now + FAILED_S, now + FAILED_S, problem)

    def _until(self, value: Any, next_update: datetime | None, *, fresh_s: float) -> Held:
        if next_update is None:
            return self._failed("no nextUpdate")
        now, end = self._now(), next_update.timestamp()
        if end <= now:
            return self._failed("over already")
        return Held(value, min(now + fresh_s, end), end)


def _certificates(body: bytes) -> tuple[bytes, ...]:
    try:
        found = [der.pem_certificate(pem) for pem in der.pem_parts(body)[: MAX_CERTIFICATES + 1]]
        found = found or [der.certificate(body)]
    except der.Unreadable:
        raise Unreachable("no certificates") from None
    if len(found) > MAX_CERTIFICATES:
        raise Unreachable("too many certificates")
    return tuple(one.public_bytes(Encoding.DER) for one in found)


def _crl(body: bytes, issuer: str) -> Crl:
    try:
        found = Crl(der.crl(body))
    except der.Unreadable:
        raise Unreachable("no CRL") from None
    with suppress(*der.READING_FAILS):  # the verdict comes to the same, and says so
        found.signed_by(der.certificate(bytes.fromhex(issuer)))
    return found


def _ocsp(body: bytes) -> tuple[OCSPResponse, datetime | None]:
    try:
        answer = der.ocsp_answer(body)
        if answer.response_status is not OCSPResponseStatus.SUCCESSFUL:
            raise Unreachable(f"status {answer.response_status.name.lower()}")
        ends = [one.next_update_utc for one in answer.responses]
    except der.READING_FAILS:
        raise Unreachable("no OCSP answer") from None
    return answer, min((end for end in ends if end is not None), default=None)
