"""What a run plays, by several players: the matrix in random order, then random kills, until the time is over."""

import random
import threading
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .matrix.catalogue import SUBJECTS
from .matrix.random_kills import at_random
from .players import Player
from .reporting import Run
from .scenario import Outcome, Scenario

_AT_RANDOM = "random kills"
_SHARE = 0.25
"""Of the time, for random kills."""


class Programme:
    """What is to be played, for several who play at once, and what became of it."""

    def __init__(self, *, minutes: float, seed: int, jobs: int, first: Collection[str] = ()) -> None:
        """`first` are subjects and scenarios that come before the others."""
        self._started = time.monotonic()
        self._ends = self._started + minutes * 60
        self._seed, self._jobs = seed, jobs
        self._draw = random.Random(seed)
        self._matrix = sorted(_shuffled(self._draw), key=lambda each: not {each[0], each[1].name}.intersection(first))
        self._next = self._all()
        self._lock = threading.Lock()
        self._played: list[tuple[str, Outcome]] = []
        self._skipped: dict[str, str] = {}

    def play(self, folder: Path) -> Run:
        """All of it, and how it went."""
        with ThreadPoolExecutor(self._jobs) as players:
            list(players.map(lambda number: self._play(folder, number), range(self._jobs)))
        done = {outcome.scenario for _, outcome in self._played} | self._skipped.keys()
        left = [scenario.name for _, scenario in self._matrix if scenario.name not in done]
        seconds = time.monotonic() - self._started
        return Run(self._seed, self._jobs, seconds, self._played, self._skipped, left)

    def _play(self, folder: Path, number: int) -> None:
        """One player's part in it."""
        player = Player(folder, number, self._jobs)
        try:
            while (each := self._take()) is not None:
                subject, scenario = each
                self._note(subject, player.play(scenario.name))
        finally:
            player.close()

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
