"""Anchors: where the hash chain stands, written down outside the database and signed."""

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from contracts.base import rfc3339
from hub.clock import Clock
from hub.security.sign import SigningKey
from hub.security.signed_lines import append_durably, signed_line
from hub.store.chain import tails
from hub.store.database import Database
from hub.store.faults import LOST, error_name

log = logging.getLogger(__name__)

ANCHOR_EVERY = timedelta(minutes=5)


class Anchors:
    """The file of anchors of one machine, which is enough; when it is gone, another's goes on."""

    def __init__(self, database: Database, file: Path, signing_key: Callable[[], SigningKey], clock: Clock) -> None:
        self._database = database
        self._file = file
        self._signing_key = signing_key
        self._clock = clock
        self._writer = database.singleton("anchor")
        self._written_at = clock.now()

    def keep(self) -> None:
        """Write one, at intervals."""
        if self._clock.now() - self._written_at >= ANCHOR_EVERY and self._writer.held():
            self._written_at = self._clock.now()
            self.write()

    def write(self) -> None:
        """Write one now. Where that fails the next one vouches for the same records: neither a file of root's nor a
        store that is away keeps the hub from ending in order."""
        try:
            with self._database.read() as connection:
                found = tails(connection)
            claims: dict[str, Any] = {"at": rfc3339(self._clock.now()), "tails": found}
            append_durably(self._file, signed_line(claims, self._signing_key()))
        except (OSError, *LOST) as exc:
            told = exc.strerror if isinstance(exc, OSError) else error_name(exc)
            log.error("anchor.not_written file=%s error=%s", self._file, told)  # noqa: TRY400 - the trace says no more

    def release(self) -> None:
        """Let another machine go on."""
        self._writer.release()
