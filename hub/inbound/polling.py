"""Sources are asked for what they have, one step after the other, each connector in its own time.

A step: the connector is asked from the memo on, what it found is taken in, then the memo after it is kept. A crash
between any two of these repeats the step, and what was taken already is passed over as unchanged. Of a source that may
be asked ahead (`Pulled.ahead`) the next page comes while the one before is taken; it is taken in after it all the same.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from contracts.connector import Connector
from contracts.failures import Deferred, Failure, Misconfigured
from contracts.inbound import Memo, Pulled, Stuck
from hub.registry import Registry
from hub.store.committer import Committer
from hub.store.configuration import ConnectorConfig, Pause, pause
from hub.store.database import Database, Singleton
from hub.store.faults import LOST, error_name
from hub.store.ports import Vault
from hub.store.positions import Move, Position, Positions, position_of, reading_of_sources
from hub.store.reach import note_reach, reach_of
from hub.store.watching import Rounds

from .line import Line
from .missing import Missing
from .reporting import Reporter
from .sources import Manner, Source, still_taken
from .taking import Taker, Tally

log = logging.getLogger(__name__)

_ROUND_S = 1.0
_AT_ONCE = 4
"""Sources that are read at the same time: a slow one must not keep the others waiting."""
_FIRST_WAIT_S = 10.0
_LONGEST_WAIT_S = 3600.0
_KEEP_EVERY_S = 1.0
"""How often the place is made durable while pages come ahead of their turn: a commit for each would cost as much as
taking a hundred records, and after a crash what is read once more is passed over."""

Configs = Mapping[tuple[str, str], ConnectorConfig]


@dataclass(frozen=True, slots=True)
class Progress:
    """How a round of one source goes, for whoever watches it."""

    steps: int
    tally: Tally
    at_end: bool


@dataclass(slots=True)
class _Walk:
    """A round of one source: where it is in the store, and what came of it so far."""

    source: Source
    manner: Manner
    at: Position
    began: datetime
    """By the database's clock."""
    watch: Callable[[Progress], None]
    tally: Tally = field(default_factory=Tally)
    steps: int = 0
    heard: set[tuple[str, str, str]] = field(default_factory=set)
    """Of whom no sign of life was written down yet."""
    is_over: bool = False
    """Whether the end of what there is was reached."""
    kept_at: float = float("-inf")
    """When the place was made durable last, by the monotonic clock."""


class Polling:
    """Reads sources. One process does among all that share the database; `once` reads one at any time."""

    def __init__(
        self,
        *,
        database: Database,
        committer: Committer,
        vault: Vault,
        taker: Taker,
        missing: Missing,
        reporter: Reporter,
        registry: Callable[[], Registry],
        configs: Callable[[], Configs],
        connector: Callable[[str, str, int], Connector | None],
    ) -> None:
        self._database = database
        self._committer = committer
        self._vault = vault
        self._positions = Positions(vault)
        self._taker = taker
        self._missing = missing
        self._reporter = reporter
        self._registry = registry
        self._configs = configs
        self._connector = connector
        self._turn: Singleton = database.singleton("polling")
        self._busy: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._hands = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="source")
        self._rounds = Rounds("polling", self.round, _ROUND_S)

    def start(self) -> None:
        self._rounds.start()

    def stop(self) -> None:
        """Stop after the steps under way; the rest goes on at the next start."""
        self._rounds.stop()
        self._hands.shutdown()
        self._turn.release()

    def round(self) -> None:
        """Begin to read each source whose time has come and that nobody reads, or is about to. Of a body that has left
        those alone that tell what became of what was sent and paid."""
        left = self._registry().left
        active = [config for config in self._configs().values() if config.status == "active"]
        wanted = [config for config in active if self._pulls(config, tells=config.ente_id in left)]
        if not (wanted and self._turn.held()):
            return
        with self._database.read() as connection:
            now = self._database.now(connection)
            waiting = {
                (each.ente_id, each.connector_id, each.type)
                for each in reading_of_sources(connection)
                if each.due_at > now
            }
        for config in wanted:
            if (config.ente_id, config.connector_id, config.type) not in waiting and self._take(config):
                self._hands.submit(self._visit, config)

    def _pulls(self, config: ConnectorConfig, *, tells: bool) -> bool:
        """Whether it has a source to read; with `tells`, and something is delivered by it, or its provider calls: such
        as pagoPA's node, which calls of what is paid and is asked for the flows."""
        connector = self._connector(config.ente_id, config.connector_id, config.version)
        if connector is None or connector.pull is None:
            return False
        return not tells or connector.manifest.channel != "none" or connector.answer is not None

    def _visit(self, config: ConnectorConfig) -> None:
        try:
            self._read(config, lambda _: None, asked=False)
        except Failure:
            pass  # it is in the position, and was told
        except Exception as exc:  # noqa: BLE001 - the store is away: nothing is lost, and it is read again
            log.warning(
                "source.failed ente=%s connector=%s error=%s", config.ente_id, config.connector_id, error_name(exc)
            )
        finally:
            self._leave(config)

    def once(self, config: ConnectorConfig, *, watch: Callable[[Progress], None] = lambda _: None) -> Tally | None:
        """Read a source to the end of what it has now, with what it had put off; None where somebody reads it already
        in this process.

        Raises:
            Failure: of the provider, or of the settings; the position says so, and when it is tried again.
            LOST: the store is away; nothing is lost.
        """
        if not self._take(config):
            return None
        try:
            return self._read(config, watch, asked=True)
        finally:
            self._leave(config)

    def _take(self, config: ConnectorConfig) -> bool:
        """Whether it is ours to read now: nobody does, or waits to."""
        key = (config.ente_id, config.connector_id)
        with self._lock:
            if key in self._busy:
                return False
            self._busy.add(key)
            return True

    def _leave(self, config: ConnectorConfig) -> None:
        with self._lock:
            self._busy.discard((config.ente_id, config.connector_id))

    def _read(self, config: ConnectorConfig, watch: Callable[[Progress], None], *, asked: bool) -> Tally:
        connector = self._connector(config.ente_id, config.connector_id, config.version)
        if connector is None or connector.pull is None:
            raise Misconfigured("source.unusable", "its settings do not fit its type, or it reads nothing")
        source = Source.of(config)
        with self._database.read() as connection:
            at = position_of(connection, self._vault, config.ente_id, config.connector_id, config.type)
            began = self._database.now(connection)
        if asked and connector.afresh is not None:
            at = replace(at, memo=connector.afresh(dict(at.memo)))
        walk = _Walk(source, Manner.of(config), at, began, watch)
        with (
            ThreadPoolExecutor(1, "ahead") as hand,
            Line() as line,
        ):  # threads that are not there before they are needed
            try:
                try:
                    self._walk(config, connector.pull, walk, hand, line)
                finally:
                    line.wait()  # a page before may still be on its way into the store: behind it the next try begins
                # What a body that has left leaves here stays, whatever its sources have no more.
                stays = config.ente_id in self._registry().left
                if connector.look is not None and walk.is_over and not stays:
                    at_most = walk.manner.withdraw_at_most
                    self._missing.settle(
                        source,
                        connector.look,
                        walk.tally,
                        at_most=at_most,
                        parts=connector.parts,
                        lacked_twice=connector.looks_at_lists,
                    )
            except LOST:
                raise
            except Exception as exc:
                self._put_off(config, walk, _as_failure(config, exc))
                raise
        return walk.tally

    def _walk(
        self,
        config: ConnectorConfig,
        pull: Callable[[Memo], Pulled],
        walk: _Walk,
        hand: ThreadPoolExecutor,
        line: Line,
    ) -> None:
        """Step by step to the end, the pages ahead asked for by `hand`."""
        coming: Future[Pulled] | None = None
        while True:
            pulled = self._pulled(walk, pull, coming)
            if self._is_outdated(config):
                # Paused, removed or set otherwise meanwhile: what it brought is not taken, nor its place kept.
                return
            ahead = pulled.more and pulled.ahead and not self._rounds.stopping.is_set()
            coming = hand.submit(pull, dict(pulled.memo)) if ahead else None
            self._step(line, walk, pulled, ahead=ahead)
            if not ahead:
                line.wait()
            if not pulled.more:
                walk.is_over = True
                return
            if self._rounds.stopping.is_set():
                line.wait()
                self._keep(walk, timedelta(), at_end=False)
                return

    def _pulled(self, walk: _Walk, pull: Callable[[Memo], Pulled], coming: Future[Pulled] | None) -> Pulled:
        """What the next step brings; where something in its way was asked for in vain for long enough, what it brings
        without that."""
        try:
            return pull(dict(walk.at.memo)) if coming is None else coming.result()
        except Stuck as stuck:
            usual = walk.manner.tries, walk.manner.trying
            tries, trying = usual if stuck.tries is None else (stuck.tries, timedelta())
            since = walk.at.failing_since or walk.began
            if walk.at.failures + 1 < tries or walk.began < since + trying:
                raise
            pulled = stuck.past()
            log.warning(
                "source.passed_over ente=%s connector=%s reason=%s",
                walk.source.ente_id,
                walk.source.connector_id,
                stuck.reason,
            )
            return pulled

    def _is_outdated(self, config: ConnectorConfig) -> bool:
        now = self._configs().get((config.ente_id, config.connector_id))
        return now is None or now.version != config.version

    def _step(self, line: Line, walk: _Walk, pulled: Pulled, *, ahead: bool) -> None:
        """Take in what a step brought, then keep where it ended. Where the next page is asked for already, it is
        understood while the end of this one becomes durable."""
        left = walk.source.ente_id in self._registry().left
        found = filter(still_taken, pulled.found) if left else pulled.found
        tally = self._taker.take_in_line(line, walk.source, found, more=ahead)

        def moved() -> None:
            walk.tally.counts.update(tally.counts)
            walk.steps += 1
            walk.watch(Progress(walk.steps, walk.tally, not pulled.more))

        line.then(partial(self._move, walk, pulled, tally, ahead=ahead), moved)

    def _move(self, walk: _Walk, pulled: Pulled, tally: Tally, *, ahead: bool) -> None:
        source = walk.source
        self._reporter.report(source.ente_id, source.connector_id, pulled.reports)
        for reach in pulled.reach:
            told = reach_of(self._vault, source.ente_id, source.connector_id, reach)
            self._committer.write(note_reach, told)
        if pulled.there is not None:
            self._missing.forget(source, pulled.there)
        self._missing.note(source, pulled.all_names, listed_from=walk.began)
        taken = walk.at.taken + tally.total
        walk.at = replace(walk.at, memo=pulled.memo, failures=0, reason=None, failing_since=None, taken=taken)
        walk.heard |= tally.heard
        if ahead and time.monotonic() < walk.kept_at + _KEEP_EVERY_S:
            return
        after = timedelta() if pulled.more else (pulled.after if pulled.after is not None else walk.manner.every)
        self._keep(walk, after, at_end=not pulled.more)

    def _keep(self, walk: _Walk, after: timedelta, *, at_end: bool) -> None:
        self._committer.write(self._positions.move, Move(walk.at, after, at_end, tuple(walk.heard)))
        walk.kept_at, walk.heard = time.monotonic(), set()

    def _put_off(self, config: ConnectorConfig, walk: _Walk, failure: Failure) -> None:
        """Try again from the same memo, later each time; what an administrator has to set right pauses the source."""
        wait_s = min(_FIRST_WAIT_S * 2**walk.at.failures, max(walk.manner.every.total_seconds(), _LONGEST_WAIT_S))
        wished = failure.after if isinstance(failure, Deferred) else None
        after = max(timedelta(seconds=wait_s), wished or timedelta())
        failures = min(walk.at.failures + 1, 30)
        walk.at = replace(walk.at, failures=failures, reason=failure.reason)
        self._keep(walk, after, at_end=False)
        if isinstance(failure, Misconfigured):
            stop = Pause(config.ente_id, config.connector_id, config.version, str(failure))
            self._committer.write(pause, stop)
        log.warning(
            "source.put_off ente=%s connector=%s failures=%d reason=%s",
            config.ente_id,
            config.connector_id,
            failures,
            failure.reason,
        )


def _as_failure(config: ConnectorConfig, fault: Exception) -> Failure:
    if isinstance(fault, Failure):
        return fault
    log.error(
        "source.bug ente=%s connector=%s error=%s",
        config.ente_id,
        config.connector_id,
        error_name(fault),
        exc_info=fault,
    )
    return Deferred("source.bug", error_name(fault))
