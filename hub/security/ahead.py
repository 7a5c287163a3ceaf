"""Signatures of several requests, checked by two threads at once before the rest of their checks runs.

OpenSSL works without the interpreter's lock, and checking signatures of elliptic curves is a fifth of what a
publication costs; those of RSA take less time than to share them would (DECISIONS 168). Nothing is decided here: what
is found to hold is not checked again in its turn, and everything else is.
"""

import os
import threading
from collections import deque
from collections.abc import Iterable
from queue import SimpleQueue
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from hub.outcomes import outcome

from . import jose
from .checks import State, unchecked
from .checks.state import Presented

FEWEST: Final = 4
"""Signatures: the other thread takes longer to wake for fewer."""


class SecondHand:
    """A thread that checks signatures beside the one that asks, where the machine has a processor for it."""

    def __init__(self) -> None:
        self._todo: SimpleQueue[deque[Presented]] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_of_use = _processors() > 1

    def takes(self, begun: State) -> bool:
        """Whether the signatures of a request may wait for those of others. Not those of a chain that was validated
        just now: once they hold it is remembered, and each of the others would pay for it as well."""
        return self._is_of_use and all(
            not isinstance(one.key.public, RSAPublicKey)
            and (
                one.trusted is None
                or begun.chains.keeps(one.token.protected, one.trusted, vendor=begun.vendor, registry=begun.registry)
            )
            for one in unchecked(begun)
        )

    def check(self, requests: Iterable[State]) -> None:
        """Check their signatures. Nobody is waited for: one that the other thread has under way at the end may not be
        said to hold yet."""
        todo = deque(one for begun in requests for one in unchecked(begun))
        if len(todo) < FEWEST:
            return
        if self._thread is None or not self._thread.is_alive():  # the first time, and in a process that was forked
            self._thread = threading.Thread(target=self._serve, name="signatures", daemon=True)
            self._thread.start()
        self._todo.put(todo)
        _check(todo)

    def _serve(self) -> None:
        while True:
            _check(self._todo.get())


def _check(todo: deque[Presented]) -> None:
    while todo:
        try:
            one = todo.popleft()
        except IndexError:  # the other thread has taken the last
            return
        one.holds = outcome(_verify, one) is None


def _verify(one: Presented) -> None:
    jose.verify(one.token, one.key)


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1
