"""A PDND environment as it is configured, and who obtains the vouchers for its API."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, cast
from urllib.parse import urlsplit

from contracts.addresses import LOOPBACK
from contracts.tls import ClientCertificate
from hub.registry import Pdnd, Registry
from hub.security.vouchers import VoucherUnavailable as VoucherUnavailable

ApiVersion = Literal["v1", "v2", "v3"]


@dataclass(frozen=True, slots=True)
class PdndEnvironment:
    """Production, or one of the test environments. Values come from PDND's back office (modi 2.1).

    Raises:
        ValueError: an address is not https (http on loopback where `loopback` allows it), or has more than a path.
    """

    issuer: str
    """`iss` of its vouchers; the name the environment goes by here."""
    jwks_url: str
    """The platform's own keys (modi 2.3)."""
    keys_url: str = ""
    """Base of the API with its version, such as https://api.interop.pagopa.it/v3. Empty: only vouchers are verified."""
    api_version: ApiVersion = "v3"
    signed_answers: bool | None = None
    """Answers of the API must carry a signature of the platform. None: where the version is known to give one, v3."""
    events_every_s: float = 1.0
    """Seconds between two looks at the feed of key events, in each process: a key deleted at PDND is refused so much
    later, and as long as the look takes.
    """
    loopback: bool = False
    """A simulated PDND: plain http, on this machine only."""

    @property
    def demands_signatures(self) -> bool:
        return self.api_version == "v3" if self.signed_answers is None else self.signed_answers

    def __post_init__(self) -> None:
        for url in (self.jwks_url, self.keys_url or self.jwks_url):
            parts = urlsplit(url)
            plain = self.loopback and parts.scheme == "http" and parts.hostname in LOOPBACK
            reachable = plain or (parts.scheme == "https" and parts.hostname)
            if not reachable or "@" in parts.netloc or parts.query or parts.fragment:
                raise ValueError("an https address without password or query, or http on loopback for a simulated PDND")


class VoucherSource(Protocol):
    """Obtains vouchers, keeps them, and renews them ahead of their end."""

    async def header_for(self, *, purpose_id: str | None, method: str, url: str) -> Mapping[str, str]:
        """The headers that authorise one request: `Authorization`, and `DPoP` where the voucher is bound to a key.

        `purpose_id` is None for the platform's own API; `url` has no query (RFC 9449 4.2).

        Raises:
            VoucherUnavailable
        """
        ...

    def shown(self) -> ClientCertificate | None:
        """The client certificate of connections to the API. Raises VoucherUnavailable."""
        ...

    async def refused(self) -> bool:
        """The voucher shown last was answered with 401. Says whether another one may be asked for."""
        ...


@dataclass(frozen=True, slots=True)
class PdndAccess:
    """An environment with the vouchers of one client of kind "api" there; without, nothing of its API can be asked."""

    environment: PdndEnvironment
    vouchers: VoucherSource | None = None

    @property
    def has_api(self) -> bool:
        return bool(self.environment.keys_url) and self.vouchers is not None


Environments = Callable[[], Sequence[PdndAccess]]
"""Those configured at this moment, one for each issuer: the same objects as long as nothing changed."""


def _nobody(_enti: Sequence[str]) -> None:
    return None


class Configured:
    """The environments that enti are registered in, one for each issuer; the first ente's word on it counts.

    `vouchers` gives those of the first ente, among some, that has a client of kind "api".
    """

    def __init__(
        self,
        registry: Callable[[], Registry],
        vouchers: Callable[[Sequence[str]], VoucherSource | None] = _nobody,
        *,
        events_every_s: float = 1.0,
    ) -> None:
        self._registry = registry
        self._vouchers = vouchers
        self._events_every_s = events_every_s
        self._made: dict[PdndEnvironment, PdndAccess] = {}

    def __call__(self) -> Sequence[PdndAccess]:
        wanted: dict[str, PdndEnvironment] = {}
        enti: dict[str, list[str]] = {}
        for ente in self._registry().enti:
            if ente.pdnd is not None:
                wanted.setdefault(
                    ente.pdnd.issuer, replace(environment_of(ente.pdnd), events_every_s=self._events_every_s)
                )
                enti.setdefault(ente.pdnd.issuer, []).append(ente.ente_id)
        self._made = {one: self._access(one, enti[one.issuer]) for one in wanted.values()}
        return tuple(self._made.values())

    def _access(self, environment: PdndEnvironment, enti: Sequence[str]) -> PdndAccess:
        vouchers, present = self._vouchers(enti), self._made.get(environment)
        if present is not None and present.vouchers is vouchers:
            return present
        return PdndAccess(environment, vouchers)


def environment_of(pdnd: Pdnd) -> PdndEnvironment:
    """The environment that an ente is registered in."""
    # Plain http is for a simulated PDND: `PdndEnvironment` lets it lead to this machine alone.
    return PdndEnvironment(
        issuer=pdnd.issuer,
        jwks_url=pdnd.jwks_url,
        keys_url=pdnd.keys_url,
        api_version=cast("ApiVersion", pdnd.api_version),
        loopback=pdnd.jwks_url.startswith("http:"),
    )


@dataclass(frozen=True, slots=True)
class KeyName:
    """Which key of PDND is meant. As the `name` of `Wanted`: the kid, behind what is not the ordinary case.

    `kid`, `producer:kid`, `issuer\\nkid` or `issuer\\nproducer:kid`. Without an issuer it is the one environment there
    is; a hub that knows several must say which, so that a key of a test environment is never one of production.
    """

    kid: str
    issuer: str = ""
    producer: bool = False
    """A key of a producer's key chain, which signs answers (modi 1.5); else one of a consumer's client."""

    def __str__(self) -> str:
        return f"{self.issuer}\n" * bool(self.issuer) + "producer:" * self.producer + self.kid

    @classmethod
    def parse(cls, name: str) -> "KeyName":
        """Raises ValueError: the kid is none that PDND gives (base64url or hexadecimal)."""
        issuer, _, rest = name.rpartition("\n")
        kid = rest.removeprefix("producer:")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", kid):
            raise ValueError("not a kid")
        return cls(kid, issuer, kid != rest)
