"""Whether to stop, as a signal says it."""

import queue
import signal
import threading
from typing import Any


class Stopping(threading.Event):
    """An event that a signal's handler may set.

    A plain one may not be: the handler runs in whatever the main thread is doing, and where that is waiting for the
    same event it may hold the event's lock, for which the handler would wait for ever. A `SimpleQueue` is made for
    that (`queue`, "reentrant"). It is never cleared.
    """

    def __init__(self) -> None:
        super().__init__()
        self._word: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._said = False

    def set(self) -> None:
        self._said = True
        self._word.put(None)

    def is_set(self) -> bool:
        return self._said

    def wait(self, timeout: float | None = None) -> bool:
        if not self._said:
            try:
                self._word.get(timeout=timeout)
            except queue.Empty:
                return self._said
            self._word.put(None)  # for the next who waits
        return True

    def on_signals(self) -> None:
        """SIGTERM and SIGINT set it from now on."""
        on_signals(lambda *_: self.set())


def on_signals(handler: Any) -> None:
    """What SIGTERM and SIGINT do from now on."""
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, handler)
