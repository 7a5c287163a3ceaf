"""A pool of threads that work on claims, and can say at any time which ones they hold."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from hub.errors import StoreUnavailable
from hub.store.committer import Committer
from hub.store.faults import error_name
from hub.store.handing_back import hand_back
from hub.store.outbox import Claim
from hub.store.standing import Lane

log = logging.getLogger(__name__)


class Hands:
    """For one thread that takes claims and waits; `run` works in the others."""

    def __init__(
        self,
        committer: Committer,
        run: Callable[[Claim], None],
        *,
        threads: int,
        done: Callable[[], None] = lambda: None,
    ) -> None:
        """`done` is called, by a thread of its own, whenever one more claim can be taken."""
        self._committer = committer
        self._run = run
        self._threads = threads
        self._done = done
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="delivery")
        self._held: dict[Future[None], Claim] = {}
        self._given_up: set[str] = set()

    @property
    def busy(self) -> bool:
        return bool(self._held)

    @property
    def free(self) -> int:
        """How many more claims can be worked on at once."""
        return self._threads - len(self._held)

    @property
    def lanes(self) -> set[Lane]:
        """Where the claims are from that are being worked on."""
        return {each.lane for each in self._held.values()}

    @property
    def claim_ids(self) -> set[str]:
        """What is being worked on."""
        return {each.claim_id for each in self._held.values()}

    def take(self, claims: Sequence[Claim]) -> None:
        """Begin to work on them."""
        for each in claims:
            future = self._pool.submit(self._one, each)
            self._held[future] = each
            future.add_done_callback(lambda _: self._done())

    def wait(self, timeout_s: float | None = None) -> None:
        """Until some claim is done with, if there is any."""
        for done in wait(self._held, timeout_s, FIRST_COMPLETED).done:
            del self._held[done]

    def finish(self, grace_s: float) -> None:
        """Let what is in flight end. After the grace, claims that left no mark "about to send" are handed back: their
        threads will find them lost before they send. The others alone know what became of them, and are waited for."""
        deadline = time.monotonic() + grace_s
        while self._held and (left := deadline - time.monotonic()) > 0:
            self.wait(left)
        for future, each in list(self._held.items()):
            if self._give_up(each):
                del self._held[future]
        while self._held:
            self.wait()
        self._pool.shutdown(wait=False)

    def _one(self, each: Claim) -> None:
        try:
            self._run(each)
        except Exception as exc:
            if each.claim_id in self._given_up:
                # It worked on while everything was put away; the delivery is long due again.
                log.info("delivery.left delivery_id=%s error=%s", each.delivery_id, error_name(exc))
                return
            # Not settled: the lease runs out and the sweeper takes it from there.
            cause = exc.__cause__ or exc
            if isinstance(cause, StoreUnavailable):
                log.warning("delivery.unsettled delivery_id=%s error=%s", each.delivery_id, error_name(cause))
            else:
                log.exception("delivery.unsettled delivery_id=%s", each.delivery_id)

    def _give_up(self, each: Claim) -> bool:
        """Hand a claim back; False where its thread is just sending, or the store is away: then the lease decides."""
        try:
            handed_back = self._committer.write(hand_back, each)
        except StoreUnavailable:
            return False
        if handed_back:
            self._given_up.add(each.claim_id)
            log.info("delivery.handed_back delivery_id=%s", each.delivery_id)
        return handed_back
