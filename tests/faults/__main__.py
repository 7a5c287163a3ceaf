"""`make faults`: the matrix in random order, then random kills, until the time is over. Any violation fails it."""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from .matrix.catalogue import SUBJECTS
from .programme import Programme
from .reporting import left_before, report

_A_CORE = 1.5
"""Scenarios at once that keep a core busy: most of a scenario is waiting."""


def main() -> int:
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="raccordo-faults-"))
    first = {*options.first, *left_before(options.report)}
    run = Programme(minutes=options.minutes, seed=options.seed, jobs=options.jobs, first=first).play(folder)
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


if __name__ == "__main__":
    sys.exit(main())
