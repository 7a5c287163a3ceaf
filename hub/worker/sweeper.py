"""The sweeper: upkeep of the outbox, and a ring for each lane with something due. Where Redis does not hear it, or
nobody comes, it delivers with its own hands. Several may run.
"""

import logging
import threading
import time
from collections.abc import Callable

from hub.bootstrap import Hub
from hub.dispatch.doorbell import Doorbell, Unheard
from hub.dispatch.upkeep import swept_once
from hub.store.watching import Trouble, each_on_its_own

from .jobs import drain_of

log = logging.getLogger(__name__)

PATIENCE_S = 60.0
"""How long nothing may have been begun, in any lane with something due, before the sweeper helps: workers are dead, or
suspended, or hear no ring."""


class Sweeper:
    """Sweeps with a hub that is `working()`."""

    def __init__(self, hub: Hub, stopping: threading.Event) -> None:
        self._hub = hub
        self._stopping = stopping
        self._bell = Doorbell(hub.settings.redis_url) if hub.settings.redis_url else None
        self._begun, self._begun_at = -1, time.monotonic()
        self._store, self._redis = Trouble(log, "sweep"), Trouble(log, "doorbell")
        self._drain = drain_of(hub, stopping)

    def run(self, *, alone: Callable[[], bool] = lambda: False) -> None:
        """Sweep at intervals, until it is to stop or is `alone`."""
        while not (self._stopping.is_set() or alone()):
            try:
                self.sweep()
            except Exception as error:  # noqa: BLE001 - it must outlive a bad moment of the store
                self._store.failed(error)
            else:
                self._store.over()
            self._stopping.wait(self._hub.settings.sweep_s)

    def sweep(self) -> None:
        """Once. Without Redis workers look for themselves, and nobody is called."""
        each_on_its_own(
            lambda: swept_once(self._hub.committer, self._hub.connectors.resending()), self._hub.after_sweep, self._call
        )

    def _call(self) -> None:
        if (bell := self._bell) is None:
            return
        due = self._hub.calling.due_lanes()
        begun = self._hub.calling.begun(due)
        if begun != self._begun or not due:
            self._begun, self._begun_at = begun, time.monotonic()
        try:
            bell.call(due)
        except Unheard as unheard:
            self._redis.failed(str(unheard))
            if due:
                self._help()
            return
        self._redis.over()
        # Not "was it rung": whoever takes the rings out of Redis would silence everything.
        if due and time.monotonic() - self._begun_at > PATIENCE_S:
            log.warning("sweep.unanswered lanes=%d", len(due))
            self._help()

    def _help(self) -> None:
        self._drain(None, budget_s=self._hub.settings.sweep_s)

    def close(self) -> None:
        if self._bell is not None:
            self._bell.close()
