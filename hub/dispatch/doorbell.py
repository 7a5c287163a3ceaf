"""The bell that calls workers: a job of RQ says "drain this lane", and no more. What is due stands in the outbox alone,
so a ring that is lost delays, and one too many finds nothing to do.
"""

import logging
import threading
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Self, cast

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, TimeoutError, WatchError
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

from hub.metrics import bell_heard
from hub.store.standing import Lane
from hub.store.watching import Trouble

if TYPE_CHECKING:
    from redis.client import Pipeline

log = logging.getLogger(__name__)

QUEUE = "raccordo"
"""One for all lanes: a worker that listens on several loses jobs (DECISIONS)."""
JOB = "hub.worker.jobs.drain"
JOB_TIMEOUT_S = 600
"""More than the longest drain: its budget, the lease of what it took last, that of what it took for others meanwhile,
its goodbye."""

_TIMEOUT_S = 0.5
_KEPT_S = 3600
_FORGOTTEN_S = 24 * 3600
_QUIET_S = 0.05
_PATIENCE_S = 1.0
_RETRY_S = 30.0


class Unheard(Exception):
    """Redis is not there, or does not answer in time."""


class Doorbell:
    """Rings for lanes. Safe to use by several threads and processes at once."""

    def __init__(self, url: str) -> None:
        self._redis = connect(url, timeout_s=_TIMEOUT_S)
        self._queue = Queue(QUEUE, connection=self._redis, serializer=JSONSerializer)

    def ring(self, lanes: Iterable[Lane]) -> int:
        """Ring for each lane whose last ring no longer waits for a worker; how many. Raises Unheard where one was not
        heard, after the others."""
        rung, fault = 0, ""
        for lane in lanes:
            try:
                rung += self._ring(lane)
            except (ConnectionError, TimeoutError, OSError) as error:
                raise Unheard(type(error).__name__) from None  # each would wait as long
            except Exception as error:  # noqa: BLE001 - whatever strangers put under a lane's name
                fault = type(error).__name__
        if fault:
            raise Unheard(fault)
        return rung

    def call(self, lanes: Iterable[Lane]) -> int:
        """Ring, or see whether a ring would be heard where there is nothing to ring for; the metric says. Raises
        Unheard.
        """
        wanted = list(lanes)
        try:
            rung = self.ring(wanted) if wanted else self._reach()
        except Unheard:
            bell_heard.set(0)
            raise
        bell_heard.set(1)
        return rung

    def _reach(self) -> int:
        try:
            self._redis.ping()
        except Exception as error:  # noqa: BLE001 - as above
            raise Unheard(type(error).__name__) from None
        return 0

    def close(self) -> None:
        self._redis.close()

    def _ring(self, lane: Lane) -> bool:
        bell = f"{QUEUE}:bell:{':'.join(lane)}"
        with self._redis.pipeline() as pipe:
            pipe.watch(bell)  # type: ignore[no-untyped-call]  # redis-py's own gap
            # Not "was it rung": a job that was taken, or lost, must not silence the next ring. It may be any bytes.
            last = cast("bytes | None", pipe.get(bell))
            if last is not None and pipe.lpos(self._queue.key, cast("str", last)) is not None:
                # It waits for a worker, or cannot be taken: a full Redis gives nothing out, and says so of a write.
                pipe.multi()
                pipe.set(bell, last, ex=_KEPT_S)
                with suppress(WatchError):
                    pipe.execute()
                return False
            pipe.multi()
            job_id = str(uuid.uuid4())
            pipe.set(bell, job_id, ex=_KEPT_S)
            self._enqueue(lane, job_id, pipe)
            try:
                pipe.execute()
            except WatchError:
                return False  # somebody else rang just now, and whoever comes will see what we know
        return True

    def _enqueue(self, lane: Lane, job_id: str, pipe: "Pipeline") -> None:
        self._queue.enqueue_call(
            JOB,
            args=tuple(lane),
            job_id=job_id,
            timeout=JOB_TIMEOUT_S,
            ttl=_FORGOTTEN_S,
            result_ttl=0,
            failure_ttl=_KEPT_S,
            description="drain a lane",  # by default it would be the arguments
            pipeline=pipe,
        )


class Ringer:
    """Rings from a thread of its own after commits: no request waits for Redis, or fails by it.

    `due` finds the lanes: asked once for all the commits since the last ring. Rings within its `with` block.
    """

    def __init__(self, due: Callable[[], Iterable[Lane]], ring: Callable[[Iterable[Lane]], object]) -> None:
        self._due = due
        self._ring = ring
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ringer", daemon=True)
        self._trouble = Trouble(log, "doorbell")
        self.unheard = 0
        """Rings that Redis did not take; the sweeper found the work."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ring a last time for what was committed, then stop."""
        self._stopping.set()
        self._wanted.set()
        self._thread.join()

    def ring(self) -> None:
        """Something may be due. Returns at once."""
        self._wanted.set()

    def _run(self) -> None:
        heard = True
        while True:
            self._wanted.wait(None if heard else _RETRY_S)
            self._wanted.clear()
            last = self._stopping.is_set()
            heard = self._try()
            if last:
                return
            self._stopping.wait(_QUIET_S if heard else _PATIENCE_S)

    def _try(self) -> bool:
        try:
            self._ring(self._due())
        except Exception as error:  # noqa: BLE001 - Redis or the store is away: the sweeper finds what is due
            self.unheard += 1
            self._trouble.failed(str(error) if isinstance(error, Unheard) else error)
            return False
        self._trouble.over()
        return True


def connect(url: str, *, timeout_s: float) -> Redis:
    """A client that tries once: whoever rings has something better to do than to wait."""
    return Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0))
