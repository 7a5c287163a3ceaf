"""Hears that a commit on another machine queued deliveries. A hint: nothing depends on it, for polling goes on."""

import logging
import threading
from collections.abc import Callable

from .database import Database
from .postgres import DUE, alone
from .watching import Trouble

log = logging.getLogger(__name__)

_LOOK_S = 0.25
"""How soon it notices that it is to stop."""
_RETRY_S = 5.0


class Listener:
    """Calls `ring` after each such commit, and once whenever it begins to listen: it may have missed some."""

    def __init__(self, database: Database, ring: Callable[[], None]) -> None:
        self._database = database
        self._ring = ring
        self._stopping = threading.Event()
        self._trouble = Trouble(log, "listener")
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def start(self) -> None:
        if self._database.is_shared:  # where one process has the database to itself, it rings for itself
            self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except Exception as exc:  # noqa: BLE001 - whatever it is, it is only a hint that is missing
                self._trouble.failed(exc)
                self._stopping.wait(_RETRY_S)

    def _listen(self) -> None:
        with alone(self._database.engine) as connection:
            driver = connection.connection.dbapi_connection
            assert driver is not None
            driver.execute(f"LISTEN {DUE}")
            self._trouble.over()
            self._ring()
            while not self._stopping.is_set():
                for _ in driver.notifies(timeout=_LOOK_S, stop_after=1):
                    self._ring()
