"""Positions that go to GPD in one request (v2, "bulk"), of deliveries that stand at the same act at the same moment.

Nobody waits for company: while a request is under way the next one fills up, and whoever came first sends it for all.
Each delivery stays its own: its claim, its mark "about to send", its answer. That of one request is everybody's in it.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.base.http import Answer
from contracts.failures import Deferred, Failure, Unconfirmed

Post = Callable[[Sequence[dict[str, Any]], float], Answer]
"""(positions, seconds that are left) -> GPD's answer. Raises a Failure."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a request."""

    outcome: Answer | Failure
    count: int
    """How many positions were in it."""


@dataclass(slots=True)
class _Batch:
    positions: list[dict[str, Any]]
    # What stands here if the leader is cut off by a bug: it may have sent.
    outcome: Answer | Failure = field(default_factory=lambda: Unconfirmed("pagopa.no_clear_answer"))
    over: threading.Event = field(default_factory=threading.Event)


class Together:
    """Of one act. `most` positions go in a request, and `timeout_s` is the whole of a step, the waiting included."""

    def __init__(self, most: int, timeout_s: float, post: Post) -> None:
        self._most, self._timeout_s, self._post = most, timeout_s, post
        self._under_way = threading.Lock()
        self._lock = threading.Lock()
        self._filling: _Batch | None = None

    def send(self, position: dict[str, Any]) -> Sent:
        """Send it, by itself or with others."""
        batch, leads = self._joined(position)
        if leads:
            self._lead(batch)
        else:
            # No longer than its leader's step, which began before this one.
            batch.over.wait()
        return Sent(batch.outcome, len(batch.positions))

    def _joined(self, position: dict[str, Any]) -> tuple[_Batch, bool]:
        with self._lock:
            batch = self._filling
            if batch is not None and len(batch.positions) < self._most:
                batch.positions.append(position)
                return batch, False
            self._filling = batch = _Batch([position])
            return batch, True

    def _lead(self, batch: _Batch) -> None:
        since = time.monotonic()
        turn = self._under_way.acquire(timeout=self._timeout_s)
        try:
            with self._lock:
                if self._filling is batch:
                    self._filling = None
            left_s = self._timeout_s - (time.monotonic() - since)
            if not turn or left_s <= 0:
                batch.outcome = Deferred("pagopa.busy", "the request before it is still under way")
            else:
                batch.outcome = self._post(batch.positions, left_s)
        except Failure as failure:
            batch.outcome = failure
        finally:
            if turn:
                self._under_way.release()
            batch.over.set()
