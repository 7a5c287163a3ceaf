"""The embedded dispatcher: claims, a pool of threads, and the sweeper, in the API process of a one-machine hub."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import timedelta

from hub.store.committer import Committer
from hub.store.database import error_name
from hub.store.lanes import LimitsOf
from hub.store.outbox import Claim, Due, claim
from hub.store.sweeping import Sweep, Swept, sweep

from .hands import give_up

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
        self._run = run
        self._resending = resending
        self._lease = lease
        self._limits = limits
        self._poll_s = poll_s
        self._sweep_s = sweep_s
        self._grace_s = grace_s
        self._after_sweep = after_sweep
        threads += 1  # the spare one
        self._free = threading.Semaphore(threads)
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="delivery")
        self._held: dict[str, Claim] = {}
        self._bell = threading.Event()
        self._stopping = threading.Event()
        self._loops = [
            threading.Thread(target=self._dispatch, name="dispatcher", daemon=True),
            threading.Thread(target=self._sweep_on, name="sweeper", daemon=True),
        ]

    def start(self, *, alone: bool = True) -> None:
        """Work. Whoever is `alone` with the database first takes over what a process that died left claimed."""
        self._committer.write(sweep, Sweep(self._resending(), everyone=alone))
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
        deadline = time.monotonic() + self._grace_s
        while self._held and time.monotonic() < deadline:
            time.sleep(0.02)
        for each in list(self._held.values()):
            give_up(self._committer, each)
        self._pool.shutdown(wait=True)

    def _dispatch(self) -> None:
        while not self._stopping.is_set():
            free = self._take_free()
            claims: list[Claim] = []
            try:
                if free:
                    busy = [each.lane for each in list(self._held.values())]
                    claims = self._committer.write(claim, Due.sparing(free, busy, self._lease, self._limits()))
            except Exception as exc:  # noqa: BLE001 - a store that is away comes back; the loop must live
                log.warning("dispatch.claim_failed error=%s", error_name(exc))
            for _ in range(free - len(claims)):
                self._free.release()
            for each in claims:
                self._held[each.claim_id] = each
                self._pool.submit(self._one, each)
            if not claims:
                self._bell.wait(self._poll_s)
                self._bell.clear()

    def _take_free(self) -> int:
        count = 0
        if self._free.acquire(timeout=self._poll_s):
            count = 1
            while count < self._threads and self._free.acquire(blocking=False):
                count += 1
        return count

    def _one(self, each: Claim) -> None:
        try:
            self._run(each)
        except Exception:
            # Not settled: the lease runs out and the sweeper takes it from there.
            log.exception("delivery.unsettled delivery_id=%s", each.delivery_id)
        finally:
            del self._held[each.claim_id]
            self._free.release()
            self._bell.set()

    def _sweep_on(self) -> None:
        while not self._stopping.wait(self._sweep_s):
            try:
                swept = self._committer.write(sweep, Sweep(self._resending()))
                if swept != Swept():
                    log.info("sweep.done %s", " ".join(f"{name}={count}" for name, count in asdict(swept).items()))
                    self._bell.set()
                self._after_sweep()
            except Exception as exc:  # noqa: BLE001 - the sweeper must outlive a bad moment of the store
                log.warning("sweep.failed error=%s", error_name(exc))
