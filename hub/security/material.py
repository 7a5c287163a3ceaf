"""What a verdict needs from elsewhere: keys and certificates that others publish, kept in memory once fetched.

Checks wait for nobody: what they ask of the `Shelf` is there, or they raise `Wanted`, and whoever called them fetches
it and verifies anew. Nothing here talks to the network.
"""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, Literal, NamedTuple

from .jose import VerifyingKey

Source = Literal["pdnd-jwks", "pdnd-key", "x5u", "crl", "ocsp"]
"""By value: Mapping[kid, VerifyingKey] of PDND's own keys; PdndKey; tuple of DER bytes, leaf first; a parsed
CertificateRevocationList; an OCSPResponse."""

CAPACITY: Final = 4096


class Wanted(Exception):
    """A verdict needs what is not at hand: fetch it, then verify anew."""

    def __init__(self, source: Source, name: str) -> None:
        super().__init__(source)
        self.source: Source = source
        self.name = name
        """The kid (pdnd-key), the environment's issuer (pdnd-jwks), the URL (x5u, crl), `url\\nhex of DER` (ocsp)."""


class PdndKey(NamedTuple):
    """A public key that PDND keeps, and the client it belongs to where PDND says so."""

    key: VerifyingKey
    client_id: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """What a fetch brought."""

    value: Any
    """None: it is known not to exist, or could not be had; `problem` says why."""
    fresh_until: float
    """Epoch seconds; afterwards it is fetched again in the background, but still used."""
    usable_until: float
    """Afterwards it is as if it had never been fetched."""
    problem: str = ""


class Shelf:
    """Bounded memory of what was fetched, by source and name; safe to share between threads.

    What was not found has places of its own, so that names made up by strangers push out nothing that is in use.
    """

    def __init__(self, *, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._found: OrderedDict[tuple[Source, str], Held] = OrderedDict()
        self._missing: OrderedDict[tuple[Source, str], Held] = OrderedDict()
        self._lock = Lock()

    def get(self, source: Source, name: str, now: float) -> Held:
        """What is held of that name and still usable.

        Raises:
            Wanted: nothing is.
        """
        place = (source, name)
        with self._lock:
            for held_by in (self._found, self._missing):
                held = held_by.get(place)
                if held is None:
                    continue
                if now >= held.usable_until:
                    del held_by[place]
                    continue
                held_by.move_to_end(place)
                return held
        raise Wanted(source, name)

    def put(self, source: Source, name: str, held: Held) -> None:
        """Keep it instead of what was there; beyond the capacity the least recently used goes."""
        place = (source, name)
        kept, other = (self._missing, self._found) if held.value is None else (self._found, self._missing)
        with self._lock:
            other.pop(place, None)
            kept[place] = held
            kept.move_to_end(place)
            while len(kept) > self._capacity:
                kept.popitem(last=False)

    def drop(self, source: Source, name: str) -> None:
        """Forget it at once: a key that was revoked."""
        with self._lock:
            self._found.pop((source, name), None)
            self._missing.pop((source, name), None)

    def stale(self, now: float) -> list[tuple[Source, str]]:
        """What is in use and no longer fresh: to be refreshed in the background."""
        with self._lock:
            return [place for place, held in self._found.items() if held.fresh_until <= now < held.usable_until]
