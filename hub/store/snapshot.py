"""A picture of configuration, kept in memory and read again when its version counter has moved."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from .database import Database
from .directory import version
from .watching import Rounds, Trouble

log = logging.getLogger(__name__)

T = TypeVar("T")


class Snapshot(Generic[T]):
    """The value of `load` at the newest version seen of the counter `name`."""

    def __init__(self, database: Database, name: str, load: Callable[[Connection], T]) -> None:
        self._database = database
        self._name = name
        self._load = load
        self._lock = threading.Lock()
        self._version = -1
        self._value: T | None = None
        self._checked_at = time.monotonic()
        self.poll()

    def __call__(self) -> T:
        assert self._value is not None
        return self._value

    def poll(self) -> bool:
        """Read again if the counter moved; says whether it did."""
        # One at a time: who began to read before a change must not come after who read it.
        with self._lock, self._database.read() as connection:
            current = version(connection, self._name)
            moved = current != self._version
            if moved:
                self._value, self._version = self._load(connection), current
            self._checked_at = time.monotonic()
        return moved

    @property
    def age_s(self) -> float:
        """Seconds since it was last known to be the newest."""
        return time.monotonic() - self._checked_at


class Watcher:
    """Polls snapshots each second, so that what an administrator changes holds everywhere within two."""

    def __init__(self, snapshots: Sequence[Snapshot[Any]]) -> None:
        self._snapshots = snapshots
        self._trouble = Trouble(log, "snapshot")
        self._rounds = Rounds("watcher", self._poll, every_s=1.0)

    def start(self) -> None:
        self._rounds.start()

    def stop(self) -> None:
        self._rounds.stop()

    def _poll(self) -> None:
        whole = True
        for snapshot in self._snapshots:
            try:
                snapshot.poll()
            except Exception as exc:  # noqa: BLE001 - a store that is away comes back; the old picture holds meanwhile
                whole = False
                self._trouble.failed(exc)
        if whole:
            self._trouble.over()
