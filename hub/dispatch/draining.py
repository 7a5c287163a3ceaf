"""What a worker does when the bell rings: deliver what is due in a lane, for a while."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from hub.store.committer import Committer
from hub.store.database import Database
from hub.store.outbox import Claim, Due, claim
from hub.store.pacing import resumes_at
from hub.store.standing import Lane, LimitsOf

from .hands import Hands

MOST = 1000
"""Deliveries of one drain: after them the lane queues up again behind the others."""
BUDGET_S = 20.0
_GLANCE_S = 0.25


@dataclass(frozen=True, slots=True)
class Drain:
    """Drains lanes with threads of its own. `limits` are those in force, `stopping` ends a drain before its time."""

    committer: Committer
    database: Database
    run: Callable[[Claim], None]
    limits: Callable[[], LimitsOf]
    lease: timedelta
    threads: int
    grace_s: float
    stopping: threading.Event

    def __call__(self, lane: Lane | None, *, most: int = MOST, budget_s: float = BUDGET_S) -> bool:
        """Deliver what is due in the lane (None: in all), claiming no more than can be worked on at once.

        False where it ended with something left: `most` were taken, the time was up, or it had to stop.
        """
        deadline = time.monotonic() + budget_s
        hands = Hands(self.committer, self.run, threads=self.threads)
        try:
            while most > 0 and time.monotonic() < deadline and not self.stopping.is_set():
                taken = self._take(hands, lane, most)
                most -= taken
                if hands.busy:
                    hands.wait(_GLANCE_S)
                elif not taken and not self._held_back(lane, deadline):
                    return True
            return False
        finally:
            while hands.busy and not self.stopping.is_set():
                hands.wait(_GLANCE_S)
            hands.finish(self.grace_s)

    def _take(self, hands: Hands, lane: Lane | None, most: int) -> int:
        if not hands.free:
            return 0
        wish = Due(min(hands.free, most), self.lease, lane, self.limits())
        claims = self.committer.write(claim, wish)
        if not claims and hands.busy and lane is not None:
            # While it waits for a slow answer, its other hands are not idle.
            claims = self.committer.write(claim, replace(wish, lane=None))
        hands.take(claims)
        return len(claims)

    def _held_back(self, lane: Lane | None, deadline: float) -> bool:
        """Whether the lane's rate alone keeps something back; waits until it may go on."""
        if lane is None:
            return False
        with self.database.read() as connection:
            now = self.database.now(connection)
            at = resumes_at(connection, now, lane, self.limits())
        if at is None:
            return False
        wait_s = max(0.0, (at - now).total_seconds())
        self.stopping.wait(max(0.001, min(wait_s, deadline - time.monotonic())))
        return True
