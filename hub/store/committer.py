"""Group commit: what has gathered while one transaction was being written becomes the next one.

A request is answered only after the COMMIT that holds it. A handler gets all the values of its kind at once and returns
a result or an exception for each: a conflict concerns its own request alone. A batch that fails as a whole is retried
in halves, so that one poisoned value does not fail its neighbours, nor makes each of them a transaction.
"""

import asyncio
import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from functools import partial
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from contracts.identifiers import new_uuid7
from hub.errors import StoreUnavailable
from hub.metrics import CommitWatch, commit_failures
from hub.tracing import span

from .chain import ChainWriter
from .database import Database
from .faults import CommitUnknown, error_name, is_away, is_held_up, may_pass
from .seats import Seat
from .watching import Trouble
from .works import Coming, Handler, Work, answer, tell_early

log = logging.getLogger(__name__)

V = TypeVar("V")
R = TypeVar("R")

CLOSED, DIED, FULL = "the committer is closed", "the committer died", "the committer's queue is full"
NOT_TRIED = (CLOSED, DIED, FULL)
"""Why something was not even tried: it says nothing about the value."""

BATCH = 256
MOST_BYTES = 4 * 2**20
"""Of the bodies in a batch: beyond that they, not its number, are what it costs, and everybody waits for its end."""
GATHER_S = 0.001
GATHERS = 5
"""How long, and how often, a batch waits for company at most: two half batches cost more than one whole. Whoever
comes alone never waits; and where this process has the database to itself half as many as in the one before will do, as
their callers are threads, which are at work while it is written."""
PATIENCE, LONELY = 20, 2
"""The same for a batch of announced values: how often at most, while others are on their way; and how often nobody is
before it goes."""
LATELY = 16
"""A batch as large as they lately were (but for one that was larger than all others) waits no more, unless others are
on their way: they are all here. So many batches later the next looks again, for there may be more by then."""
TRIES = 4
"""Of a transaction that met another writer's (a deadlock, a name taken meanwhile)."""


class Committer:
    """The process's one writer for everything hot. Its queue is bounded: when full, the caller gets 503."""

    def __init__(self, database: Database, *, depth: int = 4096) -> None:
        self._database = database
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._most = depth
        self._ready: dict[asyncio.AbstractEventLoop, list[Work]] = {}
        self._lately: list[int] = []
        self._here = threading.Event()
        """Set as the last of those on their way comes, so that who waits for them goes at once."""
        self._seat = Seat()
        self._chain = ChainWriter(new_uuid7())
        self._trouble = Trouble(log, "commit", calm_s=10.0)
        self.watch = CommitWatch()
        self.coming = 0
        """Values announced and not here yet."""
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self._closed = False
        self._door = threading.Lock()
        """Nothing enters the queue after the word that ends it."""

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Write what was handed over, then stop."""
        with self._door:
            if self._closed:
                return
            self._closed = True
        self._queue.put(None)
        self._thread.join()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def depth(self) -> int:
        """Values that wait."""
        return self._queue.qsize()

    async def submit(
        self,
        handler: Handler[V, R],
        value: V,
        *,
        size: int = 0,
        early: Callable[[R], None] | None = None,
        coming: Coming | None = None,
    ) -> R:
        """Hand over a value, of so many bytes where they count; returns once it is durable. Raises what the handler
        answered, or StoreUnavailable.

        `early` is called on the event loop with a result that stands but is not durable yet: what it prepares is ready
        when the commit is, and nobody may see it before. It is called once a try, or not at all, and may fail.
        `coming` is what announced the value.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        # All who are ready in this turn are handed over together: they share the batch, whose fixed cost is that of
        # several messages.
        ready = self._ready.get(loop)
        if ready is None:
            ready = self._ready[loop] = []
            loop.call_soon(self._hand_over, loop)
        ready.append(Work(handler, value, loop, future, size, early, coming))
        return await future

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        works = self._ready.pop(loop)
        try:
            self._put(works)
        except StoreUnavailable as refusal:
            for work in works:
                if not work.future.done():
                    work.future.set_exception(refusal)
        for work in works:
            if work.coming is not None:
                work.coming.end()
                if not self.coming:
                    self._here.set()

    def write(self, handler: Handler[V, R], value: V) -> R:
        """The same for a thread."""
        future: Future[R] = Future()
        self._put([Work(handler, value, None, future)])
        return future.result()

    def write_all(
        self, handler: Handler[V, R], values: Sequence[V], *, size: Callable[[V], int] = lambda _: 0
    ) -> list[R | Exception]:
        """Several for a thread, in their order; for each its result, or what would have been raised. `size` as of
        `submit`."""
        works = [Work(handler, value, None, None, size(value)) for value in values]
        handed: list[Future[R]] = []
        rest = [works[start : start + BATCH] for start in range(0, len(works), BATCH)]
        while rest:
            some = rest.pop(0)
            # All are answered in their order: who waits for the last has waited for each, at the cost of one.
            last: Future[R] = Future()
            some[-1].future = last
            try:
                self._put(some)
                handed.append(last)
            except StoreUnavailable as refused:
                some[-1].future = None
                if len(some) > 1:  # as many as there is room for
                    rest[:0] = [some[: len(some) // 2], some[len(some) // 2 :]]
                    continue
                for work in (*some, *chain.from_iterable(rest)):  # none may overtake another
                    work.result = refused
                break
        wait(handed)
        return [work.result for work in works]

    def _put(self, works: list[Work]) -> None:
        with self._door:
            if self._closed:
                raise StoreUnavailable(cause=CLOSED)
            if self._thread.ident is not None and not self.alive:
                raise StoreUnavailable(cause=DIED)
            if self._queue.qsize() + len(works) > self._most:
                raise StoreUnavailable(cause=FULL)
            for work in works:
                self._queue.put(work)

    def _run(self) -> None:
        try:
            self._write_until_closed()
        finally:
            self._seat.leave()

    def _write_until_closed(self) -> None:
        before = 0
        while (first := self._queue.get()) is not None:
            self._gather(first, before)
            batch, size = [first], first.size
            last = False
            while len(batch) < BATCH and size < MOST_BYTES:
                try:
                    work = self._queue.get_nowait()
                except queue.Empty:
                    break
                if work is None:
                    last = True
                    break
                batch.append(work)
                size += work.size
            before = len(batch)
            self._lately.append(before)
            self.watch.begin(len(batch))
            with span("commit", size=len(batch)):
                self._commit(batch)
            self.watch.end()
            answer(batch)
            if last:
                return

    def _gather(self, first: Work, before: int) -> None:
        """Wait a little for company of the `first`; `before` were in the last batch."""
        if len(self._lately) == LATELY:
            self._lately.clear()
        self._here.clear()
        announced = first.coming is not None
        company = sorted(self._lately)[-2:][0] if self._lately else BATCH
        if not announced and not self._database.is_shared:
            company = before // 2
        waits = PATIENCE if announced else GATHERS
        # Those who were answered a moment ago may have sent their next, which the event loop has not read yet.
        lonely = 0
        while waits and before > 1 and (here := 1 + self._queue.qsize()) < BATCH:
            if here >= company and not (announced and self.coming):
                return
            if announced:
                lonely = 0 if self.coming else lonely + 1
                if lonely > LONELY:
                    return
            if self._here.wait(GATHER_S):
                self._here.clear()
            waits -= 1

    def _commit(self, batch: list[Work]) -> None:
        if (fault := self._attempt(batch)) is None:
            self._trouble.over()
            return
        if len(batch) > 1 and not (isinstance(fault, CommitUnknown) or is_away(fault) or is_held_up(fault)):
            half = len(batch) // 2
            self._commit(batch[:half])
            self._commit(batch[half:])
            return
        commit_failures.inc()
        self._trouble.failed(f"{error_name(fault)} handler={batch[0].handler.__name__}")
        for work in batch:
            # A value that the database refuses is refused the next time, too: a bug of ours, whoever sent it.
            passing = isinstance(fault, SQLAlchemyError) and not isinstance(fault, DataError)
            work.result = StoreUnavailable(cause=error_name(fault)) if passing else fault

    def _attempt(self, batch: list[Work]) -> Exception | None:
        """Write the batch, again where another writer was in the way; what kept it from being written."""
        for left in reversed(range(TRIES)):
            try:
                self._transaction(batch)
            except CommitUnknown as exc:
                # Perhaps it is written, and the root with it. A second time would read as a replay: the caller, who
                # hears 503, comes back with a fresh token and is told what holds.
                self._chain = ChainWriter(new_uuid7())
                return exc
            except Exception as exc:  # noqa: BLE001 - whatever a handler raised is answered to its callers
                if left == 0 or not may_pass(exc):
                    if isinstance(exc, IntegrityError):
                        # Were it the chain's own root that is there already, every commit would meet it from now on.
                        self._chain = ChainWriter(new_uuid7())
                    return exc
                time.sleep(random.uniform(0, 0.01))  # noqa: S311 - so that the two do not meet again
            else:
                return None
        return None

    def _transaction(self, batch: list[Work]) -> None:
        kinds: dict[Handler[Any, Any], list[Work]] = {}
        for work in batch:
            kinds.setdefault(work.handler, []).append(work)
        with self._database.write(self._seat) as tx:
            for handler, works in kinds.items():
                for work, result in zip(works, handler(tx, [work.value for work in works]), strict=True):
                    work.result = result
            self._chain.extend(tx)
            tx.at_commit = partial(tell_early, batch)
        self._chain.committed()
