"""An API process that rings (this one), simulated providers, a real Redis, and workers in processes that may be told
where to die. What the providers got stands in their own ledgers.
"""

import json
import os
import signal
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
from redis import Redis as Client
from redis.observability import recorder

import hub.bootstrap as bootstrap
import hub.worker.process as process
import hub.worker.sweeper as sweeper
from connectors import registry as connectors
from hub.home import Home
from hub.settings import Settings
from hub.telemetry import configure

from ..faults.hub_process import CONTEXT
from ..faults.steps import STEPS, after
from ..harness import HubUnderTest, eventually, make_message
from ..real.redis import Redis

SWEEP_S = 0.5
LEASE_S = 4.0
LIMITS = {"retry_base_s": 0.05, "retry_cap_s": 0.2, "rate_per_s": 1000.0, "burst": 1000, "concurrency": 4}
BODY = "Il contenuto è riservato."


class World:
    """Everything but the workers; `worker()` starts one."""

    def __init__(self, folder: Path, redis: Redis, hub: HubUnderTest, io_url: str) -> None:
        self.folder = folder
        self.redis = redis
        self.hub = hub
        self._io_url = io_url
        self._count = 0
        self.client = Client.from_url(redis.url)

    @contextmanager
    def worker(
        self,
        *,
        step: str = "",
        lease_s: float = LEASE_S,
        burst: bool = False,
        told: str = "",
        **settings: Any,
    ) -> Iterator[psutil.Process]:
        """A worker until the block ends; it may be dead by then. With `step` it dies there, the first time; with `told`
        (of `TOLD`) it gets SIGTERM at that moment.
        """
        with self._process(_work, step, self.folder / "died", lease_s, burst, told, **settings) as one:
            yield one

    @contextmanager
    def sweeper(self, *, patience_s: float = 60) -> Iterator[psutil.Process]:
        with self._process(_sweep, patience_s) as one:
            yield one

    @contextmanager
    def _process(self, target: Any, *arguments: Any, **settings: Any) -> Iterator[psutil.Process]:
        self._count += 1
        given = self.hub.home.settings.model_dump() | settings
        log = self.folder / f"worker-{self._count}.log"
        started = CONTEXT.Process(target=target, args=(given, log, *arguments))
        started.start()
        assert started.pid
        one = psutil.Process(started.pid)
        try:
            yield one
        finally:
            family = [one, *_children(one)]
            if started.is_alive():
                started.terminate()
            started.join(20)
            alive = started.is_alive()
            for each in family:
                with suppress(psutil.NoSuchProcess):
                    if each != one:
                        each.wait(20)
            assert not alive, self.logs()

    def listening(self) -> None:
        """Until a worker listens."""
        eventually(lambda: self.client.scard("rq:workers"), bool)

    def publish(self, *names: str, **fields: Any) -> float:
        """Publish messages; the longest time that an answer took."""
        longest = 0.0
        for name in names:
            started = time.monotonic()
            answer = self.hub.publish("messages", make_message(name, body_markdown=BODY, **fields))
            longest = max(longest, time.monotonic() - started)
            assert answer.status_code == 201, answer.text
        return longest

    def states(self, channel: str = "io") -> Counter[str]:
        return Counter(d["state"] for d in self.hub.deliveries() if d["channel"] == channel)

    def delivered(self, count: int, *, within_s: float = 30, channel: str = "io") -> float:
        """Until so many are delivered; how long it took."""
        started = time.monotonic()
        try:
            eventually(lambda: self.states(channel), lambda seen: seen["delivered"] >= count, within_s=within_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.logs()}") from None
        return time.monotonic() - started

    def told(self) -> list[str]:
        """The title of each message that App IO accepted."""
        path = self.folder / "io" / "app_io.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return sorted(
            json.loads(line)["message"]["content"]["subject"].removeprefix("Comunicazione: ") for line in lines
        )

    def mails(self) -> Counter[str]:
        """How often each Message-ID arrived."""
        found: Counter[str] = Counter()
        for path in (self.folder / "mail" / "mailbox").glob("*.eml"):
            found[next(line for line in path.read_text().splitlines() if line.lower().startswith("message-id"))] += 1
        return found

    def io_faults(self, *faults: dict[str, Any]) -> None:
        httpx.post(f"{self._io_url}/_sim/faults", json=list(faults)).raise_for_status()

    def logged(self, event: str) -> int:
        """How many lines of the workers' logs are of that event."""
        return self.logs().count(f'"event":"{event}"')

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("worker-*.log")))


def horse_of(worker: psutil.Process) -> psutil.Process:
    """Its work-horse, once there is one that has claimed: RQ gives it a process group of its own."""

    def found() -> list[psutil.Process]:
        return [one for one in _children(worker) if os.getpgid(one.pid) == one.pid]

    return eventually(found, bool)[0]


def _children(one: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return one.children(recursive=True)
    return []


@contextmanager
def providers(folder: Path) -> Iterator[tuple[dict[str, tuple[str, dict[str, Any]]], str]]:
    """App IO and a mail server: connectors for them, and the simulator's own address."""
    io = connectors.simulate("app_io", folder / "io", status_polls=0)
    mail = connectors.simulate("email", folder / "mail")
    settings = {**io.start(), "status_delay_s": 0.05, "status_checks": 0}
    try:
        yield (
            {"io": ("app_io", settings), "posta": ("email", dict(mail.start()))},
            str(settings["base_url"]).removesuffix("/api/v1"),
        )
    finally:
        mail.stop()
        io.stop()


def _work(settings: dict[str, Any], log: Path, step: str, died: Path, lease_s: float, burst: bool, told: str) -> None:
    """A worker's process."""
    home = _home(settings, log)
    bootstrap.LEASE = timedelta(seconds=lease_s)
    if step:
        STEPS[step](_once(died))
    if told:
        TOLD[told]()
    work = process.work if home.settings.redis_url else process.look
    work(home, burst=burst)


def _tell(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _told_at_birth() -> None:
    after(process.Listener, "register_birth")(_tell)


def _told_while_a_library_counts() -> None:
    """redis-py asks at each command whether it is to count it, and goes on whatever exception that raises."""
    instance = recorder.get_observability_instance
    waited: list[str] = []

    def told() -> Any:
        if any(frame.name == "dequeue_any" for frame in traceback.extract_stack()) and not waited:
            waited.append("")
            _tell()
        return instance()

    recorder.get_observability_instance = told


TOLD = {
    "at birth": _told_at_birth,
    "while a library counts": _told_while_a_library_counts,
}


def _sweep(settings: dict[str, Any], log: Path, patience_s: float) -> None:
    sweeper.PATIENCE_S = patience_s
    process.sweep(_home(settings, log))


def _home(settings: dict[str, Any], log: Path) -> Home:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    configure()
    return Home(Settings.model_validate(settings))


def _once(died: Path) -> Any:
    """kill -9 of this process, the first time that any comes here."""

    def die() -> None:
        with suppress(FileExistsError):
            os.close(os.open(died, os.O_CREAT | os.O_EXCL))
            os.kill(os.getpid(), signal.SIGKILL)

    return die
