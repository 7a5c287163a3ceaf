"""Threads that look at intervals whether there is something to be done outside: one of a kind among all processes that
share the database."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread

from .database import Singleton, error_name

log = logging.getLogger(__name__)

_PATIENCE_S = 5.0


@dataclass(slots=True)
class Watch:
    """Calls `look` for as long as it finds something, and then every `every_s` seconds."""

    name: str
    look: Callable[[], int]
    turn: Singleton
    every_s: float
    _stopping: Event = field(default_factory=Event, init=False)
    _thread: Thread | None = field(default=None, init=False)

    def start(self) -> None:
        self._thread = Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Whatever is under way is given up with the process, and looked for again by the next."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=_PATIENCE_S)
        self.turn.release()

    def _run(self) -> None:
        while not self._stopping.wait(self.every_s):
            try:
                while self.turn.held() and not self._stopping.is_set() and self.look():
                    pass
            except Exception as error:  # noqa: BLE001 - it must outlive a bad moment of the store
                log.warning("%s.failed error=%s", self.name, error_name(error))


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
