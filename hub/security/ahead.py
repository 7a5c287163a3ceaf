"""Signatures of several requests, checked by two threads at once before the rest of their checks runs.

OpenSSL works without the interpreter's lock, and checking signatures of elliptic curves is a fifth of what a
publication costs; those of RSA take less time than to share them would (DECISIONS 168). Nothing is decided here: what
is found to hold is not checked again in its turn, and everything else is.
"""

import os
import threading
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from hub.outcomes import outcome

from .checks import State, check_signatures, unchecked

_Batch = deque[State]
"""Each thread takes the next request from it, until there is none."""


class SecondThread:
    """Checks signatures beside the thread that asks for it, where the machine has a processor for both."""

    def __init__(self) -> None:
        self._batches: SimpleQueue[_Batch] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_of_use = _processors() > 1

    def check_ahead(self, requests: Iterable[State]) -> None:
        """Check the signatures of those whose turn comes next. Nobody is waited for: what the other thread has under
        way at the end may not be said to hold yet."""
        if not self._is_of_use:
            return
        batch = deque(one for one in requests if not _of_rsa(one))
        if len(batch) > 1:
            self._share(batch)
            _check(batch)

    def _share(self, batch: _Batch) -> None:
        if self._thread is None or not self._thread.is_alive():  # the first time, and in a process that was forked
            self._batches = SimpleQueue()  # a fork can leave the lock of the old one held
            self._thread = threading.Thread(target=_serve, args=(self._batches,), name="signatures", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # the system gives no more threads
                return
        with suppress(Empty):
            self._batches.get_nowait()  # one that is over: for a thread that is stuck they must not pile up
        self._batches.put(batch)


def _serve(batches: SimpleQueue[_Batch]) -> None:
    while True:
        _check(batches.get())


def _check(batch: _Batch) -> None:
    while True:
        try:
            begun = batch.popleft()
        except IndexError:
            return
        outcome(check_signatures, begun)


def _of_rsa(begun: State) -> bool:
    return any(isinstance(one.key.public, RSAPublicKey) for one in unchecked(begun))


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1
