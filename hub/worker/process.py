"""A worker process: RQ's worker listens for the bell and forks a work-horse for each ring; a child of it sweeps.

The parent holds no connection to the database and starts no thread: what a work-horse finds after its fork is whole.
"""

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.process import BaseProcess
from typing import Any, ClassVar

from redis.exceptions import ConnectionError, RedisError, TimeoutError
from rq import Worker
from rq.exceptions import DeserializationError, NoSuchJobError, StopRequested
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.worker import WorkerStatus

from hub.bootstrap import Hub
from hub.dispatch.doorbell import JOB, QUEUE, connect
from hub.exporter import exporting
from hub.home import Home
from hub.starting import described
from hub.stopping import Stopping, on_signals
from hub.store.faults import IN_TROUBLE
from hub.store.watching import Trouble

from . import jobs
from .sweeper import Sweeper
from .tally import Tally

log = logging.getLogger(__name__)

_LISTEN_S = 20
"""RQ's worker TTL: it listens for 15 seconds less, and gives up on a silent Redis after 10 more."""
_PAUSE_S = 1.0
_SELDOM_S = 60.0
_MOST_PACKED = 1000
"""Bytes of a compressed field of a job: a ring has 100. A thousand become a megabyte at most."""
_TAKEN = IntermediateQueue.get_intermediate_queue_key(f"rq:queue:{QUEUE}")
_FORK = multiprocessing.get_context("fork")


def work(home: Home, *, burst: bool = False) -> None:
    """Answer the bell until SIGTERM, or in a `burst` until nothing rings. Whatever Redis does, the sweeper goes on.
    Raises HomeError.
    """
    begin(home, "worker")
    logging.getLogger("rq.worker").addFilter(Seldom())
    jobs.preload(home)
    stopping = Stopping()
    tally = Tally()
    tally.give()
    redis = Trouble(log, "redis")
    parent = os.getpid()
    sweeper = Child(lambda: sweep(home, alone=lambda: os.getppid() != parent, tally=tally))
    try:
        while not stopping.is_set():
            if not burst:
                sweeper.keep()
            _listen(home, stopping, sweeper, redis, burst=burst)
            if burst:
                return
            stopping.wait(_PAUSE_S)
    except StopRequested:
        pass  # the signal came as RQ's worker was beginning its life, or ending it
    finally:
        on_signals(signal.SIG_IGN)
        sweeper.stop()


def sweep(home: Home, *, alone: Callable[[], bool] = lambda: False, tally: Tally | None = None) -> None:
    """Sweep until SIGTERM, and be scraped for all that works beside. Waits for a database that is away. Raises
    HomeError.
    """
    stopping = Stopping()
    stopping.on_signals()
    hub = _wired(home, lambda: stopping.wait(_PAUSE_S) or alone())
    if hub is None:
        return
    if tally is None:
        hub.observed.role = "sweep"
    else:
        tally.take()
    with hub.working(), exporting(home.settings.metrics_address, hub.observed):
        sweeper = Sweeper(hub, stopping)
        try:
            sweeper.run(alone=alone)
        finally:
            sweeper.close()


def _wired(home: Home, given_up: Callable[[], bool]) -> Hub | None:
    """A hub, once its database answers; None where that was given up, which is asked after each try."""
    trouble = Trouble(log, "sweep")
    while True:
        try:
            hub = Hub(home)
        except IN_TROUBLE as error:
            trouble.failed(error)
            if given_up():
                return None
        else:
            trouble.over()
            return hub


def look(home: Home, *, burst: bool = False) -> None:
    """Without Redis: look into the outbox until SIGTERM, or in a `burst` until nothing is due. Raises HomeError."""
    begin(home, "worker")
    stopping = Stopping()
    stopping.on_signals()
    hub = Hub(home)
    with hub.working(), exporting(home.settings.metrics_address, hub.observed):
        if burst:
            while not (stopping.is_set() or jobs.drain_of(hub, stopping)(None)):
                pass
        else:
            with hub.delivering():
                stopping.wait()


def begin(home: Home, kind: str) -> None:
    """Say with what a process of this kind works. Raises HomeError where it could not. Leaves no connection."""
    home.check_workers()
    try:
        home.open_database()
        log.info("%s.started %s", kind, described(home))
    finally:
        home.database.close()


class Seldom(logging.Filter):
    """RQ's own warnings, each text at most once a minute: a Redis that is away is tried every second."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        now, last = time.monotonic(), self._told.get(record.msg)
        if last is not None and now - last < _SELDOM_S:
            return False
        self._told[record.msg] = now
        return True


class Child:
    """A process beside this one that is started again when it dies."""

    def __init__(self, target: Callable[[], None]) -> None:
        self._target = target
        self._process: BaseProcess | None = None

    def keep(self) -> None:
        """Start it, if it is not there."""
        if self._process is None or not self._process.is_alive():
            if self._process is not None:
                log.warning("worker.sweeper_died exit_code=%s", self._process.exitcode)
            self._process = _FORK.Process(target=self._target, name="sweeper")
            self._process.start()

    def stop(self) -> None:
        """Let it end what it does."""
        if self._process is not None:
            self._process.terminate()
            self._process.join()


class Ring(Job):
    """A job as it comes out of Redis, where anybody may have put it: looked at before it is unpacked."""

    def refresh(self) -> None:
        """Read it. Raises NoSuchJobError where it is none of ours, and leaves nothing of it."""
        try:
            if max(self.connection.hstrlen(self.key, packed) for packed in ("data", "exc_info")) <= _MOST_PACKED:
                super().refresh()  # type: ignore[no-untyped-call]  # RQ's own gap
                return
        except (ConnectionError, TimeoutError, NoSuchJobError, StopRequested):
            raise  # the last by a signal, at whatever line
        except Exception:  # noqa: BLE001, S110 - no number, no JSON, no UTF-8: refused like any other
            pass
        _refuse(self)
        raise NoSuchJobError


class Listener(Worker):
    """RQ's worker on one queue, without what could disturb a fork or obey somebody in Redis."""

    known: ClassVar[frozenset[str]] = frozenset({JOB})
    max_connection_wait_time = _PAUSE_S  # a minute, by RQ's own: so long a Redis that is back would ring for nobody

    def __init__(self, home: Home, stopping: Stopping, sweeper: Child, redis: Trouble, *, burst: bool) -> None:
        self._stopping = stopping
        self._sweeper = sweeper
        self._redis = redis
        self._burst = burst
        super().__init__(
            [QUEUE],
            connection=connect(home.settings.redis_url, timeout_s=_LISTEN_S - 5),
            serializer=JSONSerializer,
            job_class=Ring,
            worker_ttl=_LISTEN_S,
            log_job_description=False,
        )

    def subscribe(self) -> None:
        """Not: a thread for commands, such as "shut down", of whoever reaches Redis."""

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        if self._stop_requested and self.get_state() == WorkerStatus.IDLE:
            # RQ looks only between two jobs: where somebody below has taken the exception for one of his own, it would
            # listen until the next ring, which may never come.
            raise StopRequested
        if not (self.is_horse or self._burst):
            self._sweeper.keep()
        super().heartbeat(timeout, pipeline)
        if pipeline is None:
            self._redis.over()

    def request_stop(self, signum: Any, frame: Any) -> None:
        self._stopping.set()
        self._stop_requested = True  # where somebody below takes the exception for one of his own
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # RQ's own gap

    def _install_signal_handlers(self) -> None:
        super()._install_signal_handlers()  # type: ignore[no-untyped-call]  # RQ's own gap
        # RQ does this late: told before, it would listen on for ever, and `execute_job` swallow each ring.
        if self._stopping.is_set():
            self._stop_requested = True

    def handle_warm_shutdown_request(self) -> None:
        """The work-horse is told too: RQ would wait for the end of its whole job."""
        if self.horse_pid:
            with suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGTERM)

    def setup_work_horse_signals(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, jobs.stop_politely)

    def execute_job(self, job: Job, queue: Queue) -> None:
        if self._stopping.is_set():
            return  # the sweeper rings again
        if not self._is_ring(job):
            _refuse(job)
            return
        super().execute_job(job, queue)

    def _is_ring(self, job: Job) -> bool:
        """RQ calls whatever function a job names: whoever writes to Redis would command this machine."""
        calls = (job._success_callback_name, job._failure_callback_name, job._stopped_callback_name)
        try:
            ours = job.func_name in self.known and not any(calls) and not job.webhooks
            return ours and jobs.lane_of(*job.args, **job.kwargs) is not None
        except (DeserializationError, TypeError):
            return False


def _refuse(job: Job) -> None:
    """Leave nothing of a job. It is not named: its id, too, is a stranger's text."""
    log.warning("worker.job_refused")
    job.connection.delete(job.key)
    job.connection.lrem(_TAKEN, 0, job.id)


def _listen(home: Home, stopping: Stopping, sweeper: Child, redis: Trouble, *, burst: bool) -> None:
    """One life of RQ's worker: it ends when Redis fails at the wrong moment."""
    worker: Listener | None = None
    stopping.on_signals()
    try:
        worker = Listener(home, stopping, sweeper, redis, burst=burst)
        worker.work(burst=burst, logging_level="WARNING")
    except (RedisError, OSError) as error:
        redis.failed(error)
    finally:
        stopping.on_signals()
        if worker is not None:
            _await_horse(worker)
            worker.connection.close()


def _await_horse(worker: Listener) -> None:
    """A work-horse that RQ gave up watching still delivers; the next one must not come on top of it."""
    while worker.horse_pid:
        if worker._stopping.is_set():
            worker.handle_warm_shutdown_request()
        try:
            if os.waitpid(worker.horse_pid, os.WNOHANG)[0]:
                return
        except ChildProcessError:
            return
        time.sleep(0.1)
