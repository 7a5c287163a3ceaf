"""The embedded dispatcher: claims, a pool of threads, and the sweeper, in the API process of a one-machine hub."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from hub.store.committer import Committer
from hub.store.outbox import Claim, Due, claim
from hub.store.standing import LimitsOf
from hub.store.watching import Trouble, each_on_its_own

from .hands import Hands
from .upkeep import swept_once

log = logging.getLogger(__name__)


class Dispatcher:
    """Claims no more than its threads can take at once, so that a lease runs only while somebody works on it."""

    def __init__(
        self,
        *,
        committer: Committer,
        run: Callable[[Claim], None],
        resending: Callable[[], frozenset[tuple[str, str]]],
        lease: timedelta,
        limits: Callable[[], LimitsOf] = dict,
        threads: int = 8,
        poll_s: float = 0.5,
        sweep_s: float = 5.0,
        grace_s: float = 20.0,
        after_sweep: Callable[[], None] = lambda: None,
    ) -> None:
        self._committer = committer
        self._resending = resending
        self._lease = lease
        self._limits = limits
        self._poll_s = poll_s
        self._sweep_s = sweep_s
        self._grace_s = grace_s
        self._after_sweep = after_sweep
        threads += 1  # the spare one
        self._bell = threading.Event()
        self._hands = Hands(committer, run, threads=threads, done=self._bell.set)
        self._stopping = threading.Event()
        self._trouble = Trouble(log, "dispatch")
        self._loops = [
            threading.Thread(target=self._dispatch, name="dispatcher", daemon=True),
            threading.Thread(target=self._sweep_on, name="sweeper", daemon=True),
        ]

    def start(self, *, alone: bool = True) -> None:
        """Work. Whoever is `alone` with the database first takes over what a process that died left claimed."""
        swept_once(self._committer, self._resending(), everyone=alone)
        for loop in self._loops:
            loop.start()

    def ring(self) -> None:
        """There may be something due. Best effort: the poll finds it anyway."""
        self._bell.set()

    def stop(self) -> None:
        """Finish what is in flight and stop. After the grace, what is not just being sent is handed back."""
        self._stopping.set()
        self._bell.set()
        for loop in self._loops:
            if loop.is_alive():
                loop.join()
        self._hands.finish(self._grace_s)

    def _dispatch(self) -> None:
        while not self._stopping.is_set():
            if not self._take():
                self._bell.wait(self._poll_s)
                self._bell.clear()

    def _take(self) -> bool:
        """Whether there was something to take up."""
        self._hands.wait(0)
        if not self._hands.free:
            return False
        try:
            wish = Due.sparing(self._hands.free, self._hands.lanes, self._lease, self._limits())
            claims = self._committer.write(claim, wish)
        except Exception as exc:  # noqa: BLE001 - a store that is away comes back; the loop must live
            self._trouble.failed(exc)
            return False
        self._trouble.over()
        self._hands.take(claims)
        return bool(claims)

    def _sweep(self) -> None:
        if swept_once(self._committer, self._resending()):
            self._bell.set()

    def _sweep_on(self) -> None:
        trouble = Trouble(log, "sweep")
        while not self._stopping.wait(self._sweep_s):
            try:
                each_on_its_own(self._sweep, self._after_sweep)
            except Exception as exc:  # noqa: BLE001 - the sweeper must outlive a bad moment of the store
                trouble.failed(exc)
            else:
                trouble.over()
