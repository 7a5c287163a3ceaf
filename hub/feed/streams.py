"""Who waits for changes of a citizen's feed: one look at the store for all the streams of a process.

However many streams are open, a look asks twice: how far each ente has come and, where it has come further, whose items
among those who wait were it. Nobody is asked about while nothing is written.
"""

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from contracts.faults import bilingual
from hub.errors import QuotaExceeded, StoreUnavailable
from hub.registry import Portal, Registry
from hub.store.arrivals import changed_since, last_sequences
from hub.store.citizens import Citizens, Subject
from hub.store.database import Database
from hub.store.watching import Trouble

log = logging.getLogger(__name__)

LOOK_S = 0.5
"""Between two looks: a change is told within two seconds on either database, also one that another process wrote."""

End = Literal["expired", "trust_changed", "stopping"]
"""Why a stream ends that its reader left open: the assertion has expired; the portal, its keys or its rights are no
longer those that were verified; the hub stops."""


@dataclass(eq=False, slots=True)
class Waiting:
    """An open stream. `stirred` is set whenever there may be something new, or `end` says why there is no more."""

    subject: Subject
    portal: Portal
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    end: End | None = None
    looked_for: bool = False
    """A look has had it in sight: before the first one, what came meanwhile may have been missed."""
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    def stir(self, end: End | None = None) -> None:
        """From any thread: let the stream look for itself."""
        self.end = self.end or end
        try:
            self._loop.call_soon_threadsafe(self.stirred.set)
        except RuntimeError:
            log.debug("stream.loop_gone")  # its server is gone, and the stream with it


class Streams:
    """The open streams of this process, and the thread that looks for all of them while there are any."""

    def __init__(
        self, database: Database, citizens: Citizens, registry: Callable[[], Registry], *, most_per_portal: int
    ) -> None:
        self._database = database
        self._citizens = citizens
        self._registry = registry
        self._most = most_per_portal
        self._changed = threading.Condition()
        self._open: set[Waiting] = set()
        self._count: Counter[tuple[str, str]] = Counter()
        self._last: dict[str, int] = {}
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="streams", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end_soon(self) -> None:
        """Let all streams end with the next look. Takes no lock: a signal's handler may call it."""
        self._stopping = True

    def stop(self) -> None:
        self._stopping = True
        with self._changed:
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    def enter(self, subject: Subject, portal: Portal) -> Waiting:
        """One more stream, on the running event loop. Raises QuotaExceeded where the portal has all it may
        have, StoreUnavailable while the hub stops."""
        key = (portal.ente_id, portal.portal_id)
        with self._changed:
            if self._stopping:
                raise StoreUnavailable(bilingual("L'hub si sta fermando", "the hub is stopping"))
            if self._count[key] >= self._most:
                raise QuotaExceeded(
                    bilingual("Troppi flussi aperti", "too many open streams"), headers={"Retry-After": "30"}
                )
            waiting = Waiting(subject, portal)
            self._open.add(waiting)
            self._count[key] += 1
            self._changed.notify()
        return waiting

    def leave(self, waiting: Waiting) -> None:
        with self._changed:
            if waiting in self._open:
                self._open.remove(waiting)
                self._count[(waiting.portal.ente_id, waiting.portal.portal_id)] -= 1

    def __len__(self) -> int:
        return len(self._open)

    def _run(self) -> None:
        trouble = Trouble(log, "streams")
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._open) or self._stopping)
                # In this order, under the lock: whoever comes in after a stop was seen is refused.
                stopping, waiting = self._stopping, list(self._open)
            if stopping:
                for one in waiting:
                    one.stir("stopping")
                return
            try:
                self.look(waiting)
            except Exception as exc:  # noqa: BLE001 - a store that is away comes back, and then all is found
                trouble.failed(exc)
            else:
                trouble.over()
            with self._changed:
                self._changed.wait_for(lambda: self._stopping, timeout=LOOK_S)

    def look(self, waiting: list[Waiting]) -> None:
        """Stir those for whom there is something since the last look, and those that it is the first look for."""
        portals = self._registry().portals
        for one in waiting:
            if portals.get((one.portal.ente_id, one.portal.portal_id)) != one.portal:
                one.stir("trust_changed")
        with self._database.read() as connection:
            # First how far it has come: whatever is numbered up to there, a stream that looks afterwards sees.
            reached = last_sequences(connection)
            changed: set[tuple[str, str]] = set()
            people = {}
            moved = [one for one in waiting if reached.get(one.portal.ente_id) != self._last.get(one.portal.ente_id)]
            if moved:
                people = self._citizens.find_all(connection, {one.subject for one in moved})
            for ente_id in {one.portal.ente_id for one in moved}:
                ids = {c.citizen_id for c in people.values() if c.ente_id == ente_id}
                for citizen_id in changed_since(connection, ente_id, ids, self._last.get(ente_id, 0)):
                    changed.add((ente_id, citizen_id))
        for one in waiting:
            citizen = people.get(one.subject)
            news = citizen is not None and (citizen.ente_id, citizen.citizen_id) in changed
            if news or not one.looked_for:
                one.stir()
            one.looked_for = True
        self._last = reached
