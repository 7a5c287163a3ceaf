"""What a source seems to have no more is asked about, one thing at a time, and taken back where it says so for certain.

A source that has broken may say that of all it has: so in a day no more are taken back than its settings allow, and
where more are missing none is, until an administrator has looked.
"""

import logging
import random
from collections.abc import Container, Mapping
from dataclasses import dataclass
from itertools import islice

from contracts.failures import Failure
from contracts.inbound import Found, Look
from hub.store.committer import Committer
from hub.store.database import Database
from hub.store.missing import (
    DAY,
    MOST,
    Seen,
    Settled,
    missing_of,
    note_missing,
    settle_missing,
    withdrawn_since,
)
from hub.store.taking import absent, in_force, records

from .sources import Source
from .taking import Taker, Tally

log = logging.getLogger(__name__)

_MOST_UNTOLD = 3
"""Questions without an answer, after which the source is left alone until the next round."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Notes and settles it."""

    database: Database
    committer: Committer
    taker: Taker

    def note(self, source: Source, all_names: Mapping[str, Container[str]]) -> None:
        """What a source had and does not name any more, where it named all that it has (`Pulled.all_names`)."""
        for beginning, there in all_names.items():
            with self.database.read() as connection:
                gone = list(islice(absent(connection, source.ente_id, source.connector_id, beginning, there), MOST))
            self.committer.write(note_missing, Seen(source.ente_id, source.connector_id, gone, there))

    def settle(self, source: Source, look: Look, tally: Tally, *, at_most: int) -> None:
        """Ask about what is missing, where no more than `at_most` a day are, and count what came of it. What cannot be
        told now is asked again in the next round.

        Raises:
            StoreUnavailable: what was found is not kept.
            Misconfigured: as `Taker.take`.
        """
        of = (source.ente_id, source.connector_id)
        with self.database.read() as connection:
            names = [each.name for each in missing_of(connection, *of)]
            before = withdrawn_since(connection, *of, self.database.now(connection) - DAY)
        if not names:
            return
        if len(names) + before > at_most:
            log.warning("source.missing_held connector=%s missing=%d today=%d", source.connector_id, len(names), before)
            return
        untold = 0
        # Not by name: those that it never tells of would hide the others for ever.
        for name in random.sample(names, len(names)):
            try:
                found = look(name)
            except Failure as failure:
                log.warning("source.missing_not_told connector=%s reason=%s", source.connector_id, failure.reason)
                untold += 1
                if untold == _MOST_UNTOLD:
                    return
                continue
            if found is not None:
                tally.counts.update(self.taker.take(source, [found]).counts)
            self._note(source, name, found)

    def _note(self, source: Source, name: str, found: Found | None) -> None:
        gone = found is not None and found.withdrawn is not None and self._is_taken_back(source, name)
        settled = Settled(source.ente_id, source.connector_id, [name] * gone, [name] * (not gone))
        self.committer.write(settle_missing, settled)

    def _is_taken_back(self, source: Source, name: str) -> bool:
        """Whether it is, by this question or by one that a crash, or another process, left without its count."""
        with self.database.read() as connection:
            of = records(connection, source.ente_id, source.connector_id, [name])[name].item_id
            return of is not None and not in_force(connection, source.ente_id, {of})
