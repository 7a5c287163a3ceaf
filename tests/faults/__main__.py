"""`make faults`: the matrix in random order, then random kills, until the time is over. Any violation fails it."""

import argparse
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .matrix.catalogue import SUBJECTS
from .matrix.random_kills import at_random
from .players import Player
from .reporting import Run, left_before, report
from .scenario import Outcome, Scenario

_AT_RANDOM = "random kills"
_SHARE = 0.25
"""Of the time, for random kills."""
_A_CORE = 1.5
"""Scenarios at once that keep a core busy: most of a scenario is waiting."""


class Programme:
    """What is to be played, for several who play at once, and what became of it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._started = time.monotonic()
        self._ends = self._started + options.minutes * 60
        self._seed, self._jobs = options.seed, options.jobs
        self._draw = random.Random(options.seed)
        owed = left_before(options.report)
        self._matrix = sorted(
            _shuffled(self._draw), key=lambda each: not (each[0] in options.first or each[1].name in owed)
        )
        self._next = self._all()
        self._lock = threading.Lock()
        self._played: list[tuple[str, Outcome]] = []
        self._skipped: dict[str, str] = {}

    def play(self, folder: Path, number: int) -> None:
        """One player's part in it, until the end."""
        player = Player(folder, number, self._jobs)
        try:
            while (each := self._take()) is not None:
                subject, scenario = each
                self._note(subject, player.play(scenario.name))
        finally:
            player.close()

    def run(self) -> Run:
        """All of it, as it went."""
        done = {outcome.scenario for _, outcome in self._played} | self._skipped.keys()
        left = [scenario.name for _, scenario in self._matrix if scenario.name not in done]
        seconds = time.monotonic() - self._started
        return Run(self._seed, self._jobs, seconds, self._played, self._skipped, left)

    def _take(self) -> tuple[str, Scenario] | None:
        with self._lock:
            for subject, scenario in self._next:
                if not (reason := scenario.needs()):
                    return subject, scenario
                self._skipped[scenario.name] = reason
        return None

    def _note(self, subject: str, outcome: Outcome) -> None:
        with self._lock:
            self._played.append((subject, outcome))
            _tell(outcome, time.monotonic() - self._started)

    def _all(self) -> Iterator[tuple[str, Scenario]]:
        reserved = _SHARE * (self._ends - self._started)
        for each in self._matrix:
            if time.monotonic() > self._ends - reserved:
                break
            yield each
        while time.monotonic() < self._ends:
            yield _AT_RANDOM, at_random(self._draw.randrange(1_000_000))


def main() -> int:
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="raccordo-faults-"))
    programme = Programme(options)
    with ThreadPoolExecutor(options.jobs) as players:
        list(players.map(lambda number: programme.play(folder, number), range(options.jobs)))
    run = programme.run()
    if options.report:
        options.report.write_text(report(run))
    print(f"{len(run.played)} scenarios, {len(run.broken)} with violations, {len(run.left)} left out")
    if run.broken:
        print(f"what they left is in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    jobs = round(_A_CORE * (os.cpu_count() or 1))
    parser.add_argument("--jobs", type=int, default=jobs, help="scenarios at once; default %(default)s")
    parser.add_argument("--first", nargs="+", default=[], choices=SUBJECTS, help="subjects that come before the others")
    parser.add_argument("--report", type=Path, help="where to write it; what the last one had no time for comes first")
    return parser.parse_args()


def _shuffled(draw: random.Random) -> list[tuple[str, Scenario]]:
    """A scenario of each subject in turn, so that a short run has seen them all."""
    piles = {subject: draw.sample(scenarios, len(scenarios)) for subject, scenarios in SUBJECTS.items()}
    found = []
    while any(piles.values()):
        found += [(subject, pile.pop()) for subject, pile in piles.items() if pile]
    return found


def _tell(outcome: Outcome, at_s: float) -> None:
    verdict = "ok" if not outcome.violations else f"{len(outcome.violations)} VIOLATIONS"
    said = f"{outcome.scenario}  ({outcome.counts['accepted']} accepted, {outcome.seconds:.0f} s)"
    print(f"{at_s:6.0f} s  {verdict:4}  {said}", flush=True)
    for found in outcome.violations[:5]:
        print(f"          {found.invariant}: {found.text.splitlines()[0][:300]}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
