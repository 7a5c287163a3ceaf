"""Validated certificate chains, remembered for minutes. Tokens never are: each signature is checked each time.

A full validation costs more than the signature itself (design/performance 1). Nothing is validated before a signature
held, so that a stranger with a vendor's public certificate can neither fill the cache nor burn the hub's CPU; each
vendor has its own few places and its own ration of new chains, so that none can evict another's entries.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final

from hub.registry import Registry, Vendor

from .causes import Refusal
from .certificates import Trusted, presented_key, validate
from .jose import VerifyingKey
from .material import Shelf
from .presented import CertificateRules, read
from .revocation import still_holds

LIFETIME: Final = timedelta(minutes=5)
PER_VENDOR: Final = 64
WINDOW_S: Final = 10.0
VALIDATIONS_PER_WINDOW: Final = 100
"""New chains of one vendor. At 0.7 ms each (measured with an intermediate) a flood costs 7 ms of every second."""

DEFAULT_RULES: Final = CertificateRules()


@dataclass(slots=True)
class _Place:
    """What is remembered of one vendor at one trust version."""

    version: int
    known: OrderedDict[str, Trusted] = field(default_factory=OrderedDict)
    window: int = 0
    spent: int = 0


class ChainCache:
    """Bounded memory of validated signers, by (ente, vendor), trust version and raw protected header.

    Safe to share between threads.
    """

    def __init__(
        self,
        *,
        per_vendor: int = PER_VENDOR,
        lifetime: timedelta = LIFETIME,
        validations_per_window: int = VALIDATIONS_PER_WINDOW,
    ) -> None:
        self._per_vendor = per_vendor
        self._lifetime = lifetime
        self._validations = validations_per_window
        self._bare_shelf = Shelf()
        self._places: dict[tuple[str, str], _Place] = {}
        self._lock = Lock()

    def resolve(
        self,
        protected: str,
        header: Mapping[str, Any],
        *,
        vendor: Vendor,
        registry: Registry,
        now: datetime,
        proof: Callable[[VerifyingKey], None],
        rules: CertificateRules = DEFAULT_RULES,
        shelf: Shelf | None = None,
    ) -> Trusted:
        """The trusted key of this header: remembered, or validated now and remembered, so that many who come together
        with a new certificate pay for it once.

        Before it is validated, `proof` checks the token under the certificate's own key, trusted or not. A header that
        was good before is validated again without drawing on the ration, so that a flood of strange certificates in a
        vendor's name cannot lock the vendor out.

        What was fetched for a chain is part of its verdict: once the shelf holds something newer, a revocation list
        above all, the chain is validated again.

        Raises:
            Wanted: what is behind `x5u`, or revocation data, is not at hand.
            Refusal: as `presented.read` and `certificates.validate`; `chain.busy` where the vendor's ration of new
                chains is spent.
        """
        shelf = shelf or self._bare_shelf
        place = self._place(vendor, registry)
        known = place.known.get(protected)
        if known is not None and known.since <= now < known.until and still_holds(known.consulted, shelf, now):
            return known
        presented = read(header, vendor, rules, shelf, now)
        # The ration is for those who hold a key: what a stranger makes up fails here, and costs the vendor nothing.
        proof(presented_key(presented))
        if known is None:
            self._spend(place, now)
        try:
            found = validate(presented, vendor, rules, shelf, now)
        except Refusal:
            # No longer known: whoever sends it again must hold its key, and pays from the ration.
            with self._lock:
                place.known.pop(protected, None)
            raise
        trusted = replace(
            found,
            since=max(found.since, now - self._lifetime),  # a clock set back must not prolong an entry
            until=min(found.until, now + self._lifetime),
        )
        self._keep(place, protected, trusted)
        return trusted

    def _keep(self, place: _Place, protected: str, trusted: Trusted) -> None:
        """Beyond its places a vendor's oldest entry goes."""
        with self._lock:
            place.known[protected] = trusted
            place.known.move_to_end(protected)
            while len(place.known) > self._per_vendor:
                place.known.popitem(last=False)

    def __len__(self) -> int:
        return sum(len(place.known) for place in self._places.values())

    def _place(self, vendor: Vendor, registry: Registry) -> _Place:
        owner = (vendor.ente_id, vendor.vendor_id)
        place = self._places.get(owner)
        if place is None or place.version != registry.version:
            with self._lock:
                # A request that still holds the older picture works on a place of its own, kept by nobody.
                fresh = _Place(registry.version)
                if place is not None:
                    # Known before the change: to be validated again, but not out of the ration.
                    stale = ((p, replace(trusted, until=trusted.since)) for p, trusted in place.known.items())
                    fresh.known.update(stale)
                if place is None or place.version < registry.version:
                    self._places[owner] = fresh
                place = fresh
        return place

    def _spend(self, place: _Place, now: datetime) -> None:
        window = int(now.timestamp() / WINDOW_S)
        with self._lock:
            if place.window != window:
                place.window, place.spent = window, 0
            if place.spent >= self._validations:
                raise Refusal("chain.busy")
            place.spent += 1
