"""`make faults`: the matrix in random order, then random kills, until the time is over. Any violation fails it."""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from .matrix.catalogue import SUBJECTS
from .matrix.random_kills import at_random
from .oracle import Violation
from .reporting import Run, left_before, report
from .scenario import Outcome, Scenario, perform
from .topology import Servers, servers

_AT_RANDOM = "random kills"
_SHARE = 0.25
"""Of the time, for random kills."""


def main() -> int:
    options = _options()
    draw = random.Random(options.seed)
    started = time.monotonic()
    played: list[tuple[str, Outcome]] = []
    skipped: dict[str, str] = {}
    folder = Path(tempfile.mkdtemp(prefix="raccordo-faults-"))
    owed = left_before(options.report)
    matrix = sorted(_shuffled(draw), key=lambda each: not (each[0] in options.first or each[1].name in owed))
    with servers() as on:
        for subject, scenario in _until(started + options.minutes * 60, matrix, draw):
            if reason := scenario.needs():
                skipped[scenario.name] = reason
                continue
            outcome = _played(scenario, folder / str(len(played)), on)
            played.append((subject, outcome))
            _tell(outcome, time.monotonic() - started)
    done = {outcome.scenario for _, outcome in played} | skipped.keys()
    left = [scenario.name for _, scenario in matrix if scenario.name not in done]
    run = Run(options.seed, time.monotonic() - started, played, skipped, left)
    if options.report:
        options.report.write_text(report(run))
    print(f"{len(played)} scenarios, {len(run.broken)} with violations")
    if run.broken:
        print(f"what they left is in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
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


def _until(deadline: float, matrix: list[tuple[str, Scenario]], draw: random.Random) -> Iterator[tuple[str, Scenario]]:
    reserved = _SHARE * (deadline - time.monotonic())
    for each in matrix:
        if time.monotonic() > deadline - reserved:
            break
        yield each
    while time.monotonic() < deadline:
        yield _AT_RANDOM, at_random(draw.randrange(1_000_000))


def _played(scenario: Scenario, folder: Path, on: Servers) -> Outcome:
    started = time.monotonic()
    try:
        outcome = perform(scenario, folder, on)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        outcome = Outcome(scenario.name, [Violation("broken off", text)], Counter(), 0, time.monotonic() - started)
    if not outcome.violations:
        shutil.rmtree(folder)
    return outcome


def _tell(outcome: Outcome, at_s: float) -> None:
    verdict = "ok" if not outcome.violations else f"{len(outcome.violations)} VIOLATIONS"
    print(f"{at_s:6.0f} s  {verdict:4}  {outcome.scenario}  ({outcome.counts['accepted']} accepted)", flush=True)
    for found in outcome.violations[:5]:
        print(f"          {found.invariant}: {found.text.splitlines()[0][:300]}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
