"""The fetching of what verdicts want, put together."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hub.clock import Clock
from hub.security.material import Shelf
from hub.settings import Settings

from .certificates import CertificateFetchers
from .environment import Environments
from .events import KeyFeeds, Positions
from .http import Web
from .outside import Outside
from .pdnd import PdndKeys
from .resolver import Resolver


@dataclass(frozen=True, slots=True)
class Trusting:
    """Fetches within `running()`."""

    resolver: Resolver
    feeds: KeyFeeds
    _web: Web = field(repr=False)
    _outside: Outside = field(repr=False)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Fetch what verdicts want, and follow what happens to keys at PDND."""
        self.resolver.start(background=[self.feeds.follow], closing=[self._web.aclose, self._outside.aclose])
        try:
            yield
        finally:
            self.resolver.stop()

    def figures(self) -> Iterator[tuple[str, tuple[str, ...], float]]:
        """What the exporter shows of it."""
        yield "raccordo_trust_held", (), self.resolver.held()
        for issuer, lag_s in self.feeds.lags().items():
            yield "raccordo_pdnd_events_lag_seconds", (issuer,), lag_s


def trusting(shelf: Shelf, clock: Clock, settings: Settings, pdnd: Environments, positions: Path) -> Trusting:
    """For one process: keys of PDND's environments, certificates and revocation lists from elsewhere. `positions` is
    the file that says how far the key events were read."""
    web, outside = Web(), Outside(internal_hosts=settings.internal_host_names)
    keys = PdndKeys(pdnd, web, clock)
    certificates = CertificateFetchers(outside, clock, crl_limit=settings.crl_limit)
    resolver = Resolver(shelf, {**keys.fetchers(), **certificates.by_source()}, clock)
    return Trusting(resolver, KeyFeeds(keys, resolver, Positions(positions)), web, outside)
