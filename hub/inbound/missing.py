"""What a source seems to have no more is asked about, one thing at a time, and taken back where it says so for certain.

A source that has broken may say that of all it has: so in a day no more are taken back than its settings allow, and
where more are missing none is, until an administrator has looked.
"""

import logging
import random
from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from types import MappingProxyType

from contracts.failures import Failure
from contracts.inbound import Found, Look, Parts
from hub.store.bulk import pieces
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
from hub.store.parts import parts_of
from hub.store.ports import Vault
from hub.store.taking import absent, in_force, records

from .sources import Source
from .taking import Taker, Tally

log = logging.getLogger(__name__)

_MOST_UNTOLD = 3
"""Questions without an answer, after which the source is left alone until the next round."""
_NONE: Parts = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Missing:
    """Notes and settles it."""

    database: Database
    committer: Committer
    vault: Vault
    taker: Taker

    def note(
        self, source: Source, all_names: Mapping[str, Container[str]], *, listed_from: datetime | None = None
    ) -> None:
        """What a source had and does not name any more, where it named all that it has (`Pulled.all_names`), and from
        when on it did: what an earlier list lacked is lacked again."""
        for beginning, there in all_names.items():
            with self.database.read() as connection:
                gone = list(islice(absent(connection, source.ente_id, source.connector_id, beginning, there), MOST))
            seen = Seen(source.ente_id, source.connector_id, gone, there, listed_from)
            self.committer.write(note_missing, seen)

    def forget(self, source: Source, there: Container[str]) -> None:
        """What a source names is there, and missing no more. Writes nothing where nothing of it was missing."""
        of = (source.ente_id, source.connector_id)
        with self.database.read() as connection:
            back = [each.name for each in missing_of(connection, *of) if each.name in there]
        if back:
            self.committer.write(settle_missing, Settled(*of, (), back))

    def settle(
        self,
        source: Source,
        look: Look,
        tally: Tally,
        *,
        at_most: int,
        parts: Parts = _NONE,
        lacked_twice: bool = False,
    ) -> None:
        """Ask about what is missing, where no more than `at_most` a day are, and count what came of it. What cannot be
        told now is asked again in the next round. `parts` go back before what they hang on, and count as much.
        `lacked_twice`: only about what two lists of all that there is lacked.

        Raises:
            StoreUnavailable: what was found is not kept.
            Misconfigured: as `Taker.take`.
        """
        of = (source.ente_id, source.connector_id)
        with self.database.read() as connection:
            known = missing_of(connection, *of)
            before = withdrawn_since(connection, *of, self.database.now(connection) - DAY)
        # By a question that a crash, or another process, left without its count: with more missing than may go they
        # would be held for ever, as if they were still there.
        settled = self._taken_back(source, [each.name for each in known])
        if settled:
            self.committer.write(settle_missing, Settled(*of, settled, ()))
            before += len(settled)
            known = [each for each in known if each.name not in settled]
        names = [each.name for each in known if each.lacked_again or not lacked_twice]
        if not names:
            return
        going = {each.name for each in known}
        if len(going) + before <= at_most:  # else what hangs on them need not be looked for
            going |= {part for name in names for part in self._parts(source, name, parts)}
        if len(going) + before > at_most:
            log.warning(
                "source.missing_held ente=%s connector=%s missing=%d today=%d",
                source.ente_id,
                source.connector_id,
                len(going),
                before,
            )
            return
        untold = 0
        # Not by name: those that it never tells of would hide the others for ever.
        for name in random.sample(names, len(names)):
            if name in settled:
                continue
            try:
                found = look(name)
            except Failure as failure:
                log.warning(
                    "source.missing_not_told ente=%s connector=%s reason=%s",
                    source.ente_id,
                    source.connector_id,
                    failure.reason,
                )
                untold += 1
                if untold == _MOST_UNTOLD:
                    return
                continue
            settled |= self._settle(source, name, found, tally, parts)

    def _settle(self, source: Source, name: str, found: Found | None, tally: Tally, parts: Parts) -> set[str]:
        """Take in what the question about it brought, its parts first where it goes back; all that this is about."""
        of = (source.ente_id, source.connector_id)
        goes = found is not None and found.withdrawn is not None
        with_it = self._parts(source, name, parts) if goes else []
        if with_it:
            # Missing as well until they are taken back, so that what a crash leaves is counted in the next round.
            self.committer.write(note_missing, Seen(*of, with_it))
        if found is not None:
            going = (replace(found, name=part) for part in with_it)
            tally.counts.update(self.taker.take(source, [*going, found]).counts)
        about = {*with_it, name}
        gone = self._taken_back(source, about) if goes else set()
        self.committer.write(settle_missing, Settled(*of, gone, about - gone))
        return about

    def _parts(self, source: Source, name: str, parts: Parts) -> list[str]:
        with self.database.read() as connection:
            return parts_of(connection, self.vault, source.ente_id, source.connector_id, name, parts)

    def _taken_back(self, source: Source, names: Collection[str]) -> set[str]:
        """Those of the records that have items, none of them in force."""
        back: set[str] = set()
        with self.database.read() as connection:
            for some in pieces(sorted(names)):
                known = records(connection, source.ente_id, source.connector_id, some)
                items = {name: each.item_id for name, each in known.items() if each.item_id is not None}
                active = in_force(connection, source.ente_id, set(items.values()))
                back.update(name for name, item_id in items.items() if item_id not in active)
        return back
