"""Workers of plain RQ that die at a chosen moment, and a job for them."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from redis import Redis
from rq import Queue, Worker


def note(path: str, seconds: float = 0) -> None:
    with Path(path).open("a") as file:
        file.write("start\n")
    time.sleep(seconds)
    with Path(path).open("a") as file:
        file.write("end\n")


def work(url: str, queues: list[str], dies_after_pop: bool = False) -> None:
    """A worker's process."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    if dies_after_pop:
        Queue.dequeue_any = classmethod(_deadly)  # type: ignore[method-assign,assignment]
    Worker(queues, connection=Redis.from_url(url), serializer="json").work(burst=True)


_dequeue_any = Queue.dequeue_any.__func__  # type: ignore[attr-defined]


def _deadly(cls: Any, *args: Any, **kwargs: Any) -> Any:
    found = _dequeue_any(cls, *args, **kwargs)
    if found is not None:
        os.kill(os.getpid(), signal.SIGKILL)
    return found
