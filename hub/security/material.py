"""What a check needs from elsewhere, and where it lies once fetched. Nothing here fetches."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, Literal

from .jose import VerifyingKey

Source = Literal["pdnd-jwks", "pdnd-key", "x5u", "crl", "ocsp"]
PLACES: Final = 4096


class Wanted(Exception):
    """A verdict needs what is not at hand: fetch it, then verify anew."""

    def __init__(self, source: Source, name: str) -> None:
        super().__init__(source, name)
        self.source: Source = source
        self.name = name
        """The kid (pdnd-key), the environment's issuer (pdnd-jwks), the URL (x5u, crl), for ocsp `url\\nhex of the
        request's DER`."""


@dataclass(frozen=True, slots=True)
class PdndKey:
    """A key by its kid, and the client that PDND says it belongs to."""

    key: VerifyingKey
    client_id: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """What was fetched. Times are epoch seconds."""

    value: Any
    """None: it is known not to exist, or could not be had; then `problem` says why."""
    fresh_until: float
    """Afterwards it is fetched again in the background, but still used."""
    usable_until: float
    """Afterwards it is as if it had never been fetched."""
    problem: str = ""


class Shelf:
    """In memory, bounded: the least recently used goes. Safe to share between threads."""

    def __init__(self, places: int = PLACES) -> None:
        self._places = places
        self._held: OrderedDict[tuple[Source, str], Held] = OrderedDict()
        self._lock = Lock()

    def get(self, source: Source, name: str, now: float) -> Held:
        """What is usable at `now`. Raises Wanted."""
        with self._lock:
            held = self._held.get((source, name))
            if held is None or held.usable_until <= now:
                raise Wanted(source, name)
            self._held.move_to_end((source, name))
            return held

    def put(self, source: Source, name: str, held: Held) -> None:
        with self._lock:
            self._held[source, name] = held
            self._held.move_to_end((source, name))
            while len(self._held) > self._places:
                self._held.popitem(last=False)

    def drop(self, source: Source, name: str) -> None:
        """Forgets it: a revoked key, within the event feed's second."""
        with self._lock:
            self._held.pop((source, name), None)

    def stale(self, now: float) -> Sequence[tuple[Source, str]]:
        """What is still usable and no longer fresh: to be refreshed in the background."""
        with self._lock:
            return [place for place, held in self._held.items() if held.fresh_until <= now < held.usable_until]
