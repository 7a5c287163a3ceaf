"""Fetches what a verdict wants and puts it on the shelf.

One fetch at a time for each name, whoever asks; what does not exist, or could not be had, is shelved too for a short
while; strangers have a budget. Fetches run on a thread and an event loop of their own, so that any loop may ask.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

from hub import metrics
from hub.clock import Clock
from hub.errors import RequestRefused
from hub.security.material import Held, Shelf, Source, Wanted

from .budget import Budget

log = logging.getLogger(__name__)

Fetch = Callable[[str], Awaitable[Held]]
Background = Callable[[], Coroutine[Any, Any, None]]
_Key = tuple[Source, str]

DEADLINE_S: Final = 6.0
"""For one fetch, waiting for its turn included: longer than what a fetcher itself allows."""
FAILED_S: Final = 5.0
"""How long a fetch that failed is not tried again for whoever asks."""
AGAIN_S: Final = 30.0
"""How soon something stale that could not be fetched, or a JWKS that lacks a kid, is fetched again."""
_REFRESH_EVERY_S: Final = 1.0
_AT_ONCE: Final = 16
_START_S: Final = 10.0


@dataclass(slots=True)
class _Flight:
    """A fetch under way. `dropped`: what it brings may be older than a revocation."""

    caller: str = ""
    """Whose budget paid; none for a refresh."""
    done: "Future[None]" = field(default_factory=Future)
    dropped: bool = False


class Resolver:
    """`fetchers` give what is to be shelved and need not raise. Used from any thread and any event loop."""

    def __init__(
        self, shelf: Shelf, fetchers: Mapping[Source, Fetch], clock: Clock, *, budget: Budget | None = None
    ) -> None:
        self._shelf = shelf
        self._fetchers = fetchers
        self._clock = clock
        self._budget = budget or Budget()
        self._lock = threading.Lock()
        self._flights: dict[_Key, _Flight] = {}
        self._fetched_at: dict[_Key, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    def start(self, background: Iterable[Background] = (), closing: Iterable[Background] = ()) -> None:
        """Begin to work: `background` runs on the resolver's loop until it stops, `closing` at its end."""
        ready = threading.Event()
        run = self._run(ready, list(background), list(closing))
        self._thread = threading.Thread(target=asyncio.run, args=(run,), name="trust", daemon=True)
        self._thread.start()
        if not ready.wait(_START_S):
            raise RuntimeError("the resolver did not start")

    def stop(self) -> None:
        """Let nothing more be fetched; who still waits is refused."""
        with self._lock:
            loop, stop, self._loop = self._loop, self._stop, None
        if loop is not None and stop is not None and self._thread is not None:
            loop.call_soon_threadsafe(stop.set)
            self._thread.join()

    async def resolve(self, wanted: Wanted, *, caller: str) -> None:
        """Have it fetched, or known not to be had: then it is on the shelf, and the verdict is asked for anew.

        Asked for a JWKS that is on the shelf, it fetches it again: it may lack the key of a platform that rotated.

        Args:
            caller: whose budget pays: an address, as long as it is not known who sends.

        Raises:
            RequestRefused: over budget; `cause` says so, nothing was fetched.
        """
        key = (wanted.source, wanted.name)
        with self._lock:
            if self._at_hand(key):
                return
            flight = self._flights.get(key)
            if flight is None:
                if self._loop is None:
                    raise RequestRefused(cause="trust.stopped: nothing is fetched now")
                if not self._budget.spend(caller):
                    metrics.trust_fetches.labels(wanted.source, "over_budget").inc()
                    raise RequestRefused(cause=f"trust.budget: too many fetches of {wanted.source} for this caller")
                flight = self._take_off(key, caller)
        # Shielded: a caller who goes away must not take the fetch from the others.
        await asyncio.shield(asyncio.wrap_future(flight.done))

    def drop(self, source: Source, name: str) -> None:
        """Forget it, and what a fetch under way brings: it may have been revoked meanwhile."""
        with self._lock:
            self._shelf.drop(source, name)
            if flight := self._flights.get((source, name)):
                flight.dropped = True

    def drop_all(self, source: Source) -> None:
        """Forget everything of a source: nobody knows what was revoked meanwhile."""
        with self._lock:
            self._shelf.drop_all(source)
            for key, flight in self._flights.items():
                flight.dropped = flight.dropped or key[0] == source

    def held(self) -> int:
        """How much is on the shelf."""
        return len(self._shelf)

    def _at_hand(self, key: _Key) -> bool:
        if self._usable(key) is None:
            return False
        again_at = self._fetched_at.get(key, 0.0) + AGAIN_S
        return key[0] != "pdnd-jwks" or self._now() < again_at

    def _usable(self, key: _Key) -> Held | None:
        try:
            return self._shelf.get(*key, self._now())
        except Wanted:
            return None

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _take_off(self, key: _Key, caller: str = "") -> _Flight:
        """Under the lock, where the loop runs."""
        assert self._loop is not None
        flight = self._flights[key] = _Flight(caller)
        flying = asyncio.run_coroutine_threadsafe(self._fly(key, flight), self._loop)
        # Also where the loop ends before it begins.
        flying.add_done_callback(lambda _: self._over(key, flight))
        return flight

    async def _fly(self, key: _Key, flight: _Flight) -> None:
        for _ in range(2):
            flight.dropped = False
            if self._land(key, await self._fetch(key), flight):
                return

    def _over(self, key: _Key, flight: _Flight) -> None:
        with self._lock:
            del self._flights[key]
        flight.done.set_result(None)

    def _land(self, key: _Key, held: Held, flight: _Flight) -> bool:
        """Put it on the shelf, unless it was dropped meanwhile. A failure leaves there what is still usable."""
        with self._lock:
            if flight.dropped:
                return False
            now = self._now()
            before = self._usable(key)
            if held.value is None and held.problem and before is not None and before.value is not None:
                held = replace(before, fresh_until=now + AGAIN_S)
            if key[0] == "pdnd-jwks":
                self._fetched_at[key] = now
            if held.value is not None:
                self._budget.refund(flight.caller)
            self._shelf.put(*key, held)
            return True

    async def _fetch(self, key: _Key) -> Held:
        source, name = key
        try:
            async with asyncio.timeout(DEADLINE_S), self._turns:
                held = await self._fetchers[source](name)
        except TimeoutError:
            held = self._failed("timeout")
        except Exception as exc:  # whatever it is, who waits is refused and not left waiting
            log.exception("trust.fetcher_failed source=%s", source)
            held = self._failed(type(exc).__name__)
        outcome = "found" if held.value is not None else "failed" if held.problem else "absent"
        metrics.trust_fetches.labels(source, outcome).inc()
        log.info("trust.fetched source=%s outcome=%s problem=%s", source, outcome, held.problem or None)
        return held

    def _failed(self, problem: str) -> Held:
        until = self._now() + FAILED_S
        return Held(None, until, until, problem)

    async def _run(self, ready: threading.Event, background: list[Background], closing: list[Background]) -> None:
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._stop = asyncio.Event()
        with self._lock:
            self._loop = asyncio.get_running_loop()
        tasks = [asyncio.create_task(each()) for each in (self._refresh, *background)]
        ready.set()
        await self._stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for close in closing:
            with suppress(Exception):
                await close()

    async def _refresh(self) -> None:
        """What is stale is fetched again while it is still used."""
        while True:
            await asyncio.sleep(_REFRESH_EVERY_S)
            with self._lock:
                waiting = [key for key in self._shelf.stale(self._now()) if key not in self._flights]
                if self._loop is not None:
                    for key in waiting[:_AT_ONCE]:
                        self._take_off(key)
