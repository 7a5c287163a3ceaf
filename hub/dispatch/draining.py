"""What a worker does when the bell rings: deliver what is due in a lane, for a while."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
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


def wishes(free: int, busy: set[Lane], lease: timedelta, limits: LimitsOf, lane: Lane | None = None) -> Iterator[Due]:
    """What a drain of that lane asks for, one after the other until something comes: for all free hands but the spare
    one (`Due.sparing`) work of its own lane, and while it waits for slow answers that of any other."""
    wish = Due.sparing(free, busy, lease, limits)
    if lane is not None and lane not in wish.without:
        yield replace(wish, lane=lane)
    if lane is None or busy:
        yield wish


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
        hands = Hands(self.committer, self.run, threads=self.threads + 1)  # the spare one
        try:
            done = self._work(hands, lane, most, time.monotonic() + budget_s)
            self._outlast(hands, lane)
            return done
        finally:
            while hands.busy and not self.stopping.is_set():
                hands.wait(_GLANCE_S)
            hands.finish(self.grace_s)

    def _work(self, hands: Hands, lane: Lane | None, most: int, deadline: float) -> bool:
        while most > 0 and time.monotonic() < deadline and not self.stopping.is_set():
            taken = self._take(hands, wishes(hands.free, hands.lanes, self.lease, self.limits(), lane), most)
            most -= taken
            if hands.busy:
                hands.wait(_GLANCE_S)
            elif not taken and not self._held_back(lane, deadline):
                return True
        return False

    def _outlast(self, hands: Hands, lane: Lane | None) -> None:
        """Serve the other lanes until the slowest of what was taken has its answer: this may be the only worker."""
        last = hands.claim_ids
        while lane is not None and last & hands.claim_ids and not self.stopping.is_set():
            wish = Due.sparing(hands.free, hands.lanes, self.lease, self.limits())
            self._take(hands, [replace(wish, without=wish.without | {lane})], MOST)
            hands.wait(_GLANCE_S)

    def _take(self, hands: Hands, choice: Iterable[Due], most: int) -> int:
        """How many were claimed, of the first of these wishes that gives any."""
        for wish in choice if hands.free else ():
            if claims := self.committer.write(claim, replace(wish, limit=min(wish.limit, most))):
                hands.take(claims)
                return len(claims)
        return 0

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
