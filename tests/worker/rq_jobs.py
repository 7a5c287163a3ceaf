"""Workers of plain RQ that die at a chosen moment, and a job for them."""

import os
import signal
import time
from pathlib import Path

from redis import Redis
from rq import Worker

from ..faults.steps import STEPS


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
        STEPS["popped"](lambda: os.kill(os.getpid(), signal.SIGKILL))
    Worker(queues, connection=Redis.from_url(url), serializer="json").work(burst=True)
