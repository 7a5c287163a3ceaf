"""What work-horses count: they end with their job, so that it goes through a pipe to the sweeper, which is scraped."""

import logging
import os
import threading
from contextlib import suppress
from typing import Any

import orjson

from hub import metrics

log = logging.getLogger(__name__)


class Tally:
    """A pipe, made before the forks. A line is shorter than PIPE_BUF, so that lines of several writers stay whole."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)

    def give(self) -> None:
        """Count into the pipe from now on, in this process and in those forked from it."""
        metrics.send_attempts(self._send)

    def take(self) -> None:
        """Count here what comes through the pipe, and what this process does itself."""
        metrics.send_attempts(None)
        threading.Thread(target=self._read, name="tally", daemon=True).start()

    def _send(self, attempt: dict[str, Any]) -> None:
        # A full pipe, or none: a delivery must not wait for whoever counts.
        with suppress(OSError):
            os.write(self._writing, orjson.dumps(attempt) + b"\n")

    def _read(self) -> None:
        with os.fdopen(self._reading, "rb") as lines:
            for line in lines:
                try:
                    metrics.count_attempt(**orjson.loads(line))
                except (ValueError, TypeError):
                    log.warning("tally.unreadable")
