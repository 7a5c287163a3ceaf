"""Threads that look at intervals whether there is something to be done."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread

from .database import Database, Singleton
from .faults import error_name

log = logging.getLogger(__name__)

_PATIENCE_S = 5.0
_COPY_BACK_S = 0.2  # what comes meanwhile under full load is a fifth of what a writer would copy back itself
_TOLD_EVERY_S = 60.0
"""The same failure of each round, one after the other: a night of them is not to fill the log."""


@dataclass(slots=True)
class Trouble:
    """What the log says of a failure that goes on: when it begins or becomes another, each of them once a minute, and
    when it is over, with how long it was."""

    log: logging.Logger
    name: str
    calm_s: float = 0.0
    """How long ago the last failure must be: what fails and succeeds in turns, as small commits do on a full disk, is
    one trouble."""
    _told: dict[str, float] = field(default_factory=dict, init=False)
    """What was told since it began, and when last."""
    _since: float = field(default=0.0, init=False)
    _failed_at: float = field(default=0.0, init=False)

    def failed(self, error: Exception | str) -> None:
        name, now = error if isinstance(error, str) else error_name(error), time.monotonic()
        if not self._told:
            self._since = now
        self._failed_at = now
        if name not in self._told or now >= self._told[name] + _TOLD_EVERY_S:
            self.log.warning("%s.failed error=%s", self.name, name)
            self._told[name] = now

    def over(self) -> None:
        if not self._told or (now := time.monotonic()) < self._failed_at + self.calm_s:
            return
        self.log.info("%s.recovered after_s=%d", self.name, now - self._since)
        self._told.clear()


def each_on_its_own(*steps: Callable[[], object]) -> None:
    """Take every step, whatever becomes of those before it. Raises what the first that failed raised, at the end."""
    failed: Exception | None = None
    for step in steps:
        try:
            step()
        except Exception as exc:  # noqa: BLE001 - the others have their turn first
            failed = failed or exc
    if failed is not None:
        raise failed


@dataclass(slots=True)
class Rounds:
    """Calls `one` every `every_s` seconds, however the last time went."""

    name: str
    one: Callable[[], object]
    every_s: float
    stopping: Event = field(default_factory=Event, init=False)
    """What takes long looks whether it is set."""
    _thread: Thread | None = field(default=None, init=False)

    def start(self) -> None:
        self._thread = Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def stop(self, patience_s: float | None = None) -> None:
        """Once the one under way is over; with `patience_s` it is left alone after that."""
        self.stopping.set()
        if self._thread is not None:
            self._thread.join(patience_s)

    def _run(self) -> None:
        trouble = Trouble(log, self.name)
        while not self.stopping.wait(self.every_s):
            try:
                self.one()
            except Exception as error:  # noqa: BLE001 - it must outlive a bad moment of the store
                trouble.failed(error)
            else:
                trouble.over()


class Watch:
    """Calls `look` for as long as it finds something, and then every `every_s` seconds: in one process among all that
    share the database."""

    def __init__(self, name: str, look: Callable[[], int], turn: Singleton, every_s: float) -> None:
        self._look = look
        self._turn = turn
        self._rounds = Rounds(name, self._round, every_s)

    def start(self) -> None:
        self._rounds.start()

    def stop(self) -> None:
        """Whatever is under way is given up with the process, and looked for again by the next."""
        self._rounds.stop(_PATIENCE_S)
        self._turn.release()

    def _round(self) -> None:
        while self._turn.held() and not self._rounds.stopping.is_set() and self._look():
            pass


class Watches:
    """Several, by their names."""

    def __init__(
        self, looks: Mapping[str, Callable[[], int]], turn: Callable[[str], Singleton], every_s: float
    ) -> None:
        self._watches = [Watch(name, look, turn(name), every_s) for name, look in looks.items()]

    @contextmanager
    def running(self) -> Iterator[None]:
        for watch in self._watches:
            watch.start()
        try:
            yield
        finally:
            for watch in self._watches:
                watch.stop()


@contextmanager
def copying_back(database: Database) -> Iterator[None]:
    """Meanwhile SQLite's log goes into its file beside the writer; PostgreSQL has nobody wait for that."""
    if database.is_shared:
        yield
        return
    rounds = Rounds("copy_back", database.copy_back, _COPY_BACK_S)
    rounds.start()
    try:
        yield
    finally:
        rounds.stop()
