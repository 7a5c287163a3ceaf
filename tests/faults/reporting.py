"""The report of a run of the whole matrix: what was played, and what it showed."""

import platform
import subprocess
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from .scenario import Outcome

_ROOT = Path(__file__).parents[2]
_NO_TIME = "- no time: "
_STATES = ("accepted", "put_off", "delivered", "unconfirmed", "rejected", "parked", "duplicates")


_HEAD = (
    "# Fault tests",
    "",
    "Written by `make faults`. How it is judged is in `tests/faults/`: a vendor, the parties that deal with the hub",
    "beside it (a source, pagoPA's station and Checkout, instalments, broadcasts, rights) and the providers keep",
    "accounts of their own on the disk; parts of the hub are killed, frozen, cut off or misled under load; afterwards",
    "the accounts, the feed and the database must agree (I0 to I10 of `tests/faults/oracle.py`, I11 to I19 of",
    "`tests/faults/oracle_of_parties.py`). That they would not agree if the hub were wrong is shown by planted bugs in",
    "`make test`.",
    "",
)


@dataclass(frozen=True)
class Run:
    """Everything that was played, by subject; the scenarios that could not be played here, with the reason."""

    seed: int
    jobs: int
    """How many were played at once."""
    seconds: float
    played: Sequence[tuple[str, Outcome]]
    skipped: dict[str, str]
    left: Sequence[str]
    """Scenarios of the matrix for which there was no time."""

    @property
    def broken(self) -> list[Outcome]:
        return [outcome for _, outcome in self.played if outcome.violations]


def report(run: Run) -> str:
    """In Markdown."""
    total: Counter[str] = sum((outcome.counts for _, outcome in run.played), Counter())
    slowest = max((outcome for _, outcome in run.played), key=lambda outcome: outcome.drain_s, default=None)
    lines = [
        *_HEAD,
        f"- commit {_commit()}, seed {run.seed}",
        f"- {platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"{psutil.cpu_count()} CPUs, {psutil.virtual_memory().total >> 30} GiB",
        f"- {len(run.played)} scenarios in {run.seconds / 60:.1f} minutes, {run.jobs} at a time; "
        f"for {len(run.left)} more there was no time",
        f"- violations: {sum(len(outcome.violations) for outcome in run.broken)}",
        f"- messages accepted: {total['accepted']}",
        f"- requests without an answer or with a 5xx, sent again: {total['put_off']}",
        *[f"- deliveries {state}: {total[state]}" for state in ("delivered", "unconfirmed", "rejected", "parked")],
        f"- copies at providers: {total['duplicates']}, e-mails with the same Message-ID, each explained by an "
        "attempt whose end nobody knew (or it would be a violation)",
    ]
    if slowest:
        lines.append(f"- slowest drain after the repair: {slowest.drain_s:.1f} s ({slowest.scenario})")
    lines += ["", *_table(run), ""]
    for outcome in run.broken:
        lines += [f"## Violations: {outcome.scenario}", ""]
        lines += [f"- {found.invariant}: {found.text.splitlines()[0]}" for found in outcome.violations[:20]] + [""]
    for name, reason in run.skipped.items():
        lines.append(f"- not played: {name}: {reason}")
    lines += [f"{_NO_TIME}{name}" for name in run.left]
    return "\n".join(lines).rstrip() + "\n"


def left_before(last: Path | None) -> set[str]:
    """For which scenarios there was no time, as that report says."""
    lines = last.read_text().splitlines() if last is not None and last.exists() else []
    return {line.removeprefix(_NO_TIME) for line in lines if line.startswith(_NO_TIME)}


def _table(run: Run) -> list[str]:
    subjects: dict[str, list[Outcome]] = defaultdict(list)
    for subject, outcome in run.played:
        subjects[subject].append(outcome)
    lines = [
        f"| subject | scenarios | {' | '.join(_STATES)} | violations | slowest drain |",
        f"|---|---|{'---|' * len(_STATES)}---|---|",
    ]
    for subject, outcomes in subjects.items():
        total: Counter[str] = sum((outcome.counts for outcome in outcomes), Counter())
        numbers = " | ".join(str(total[state]) for state in _STATES)
        broken = sum(len(outcome.violations) for outcome in outcomes)
        slowest = max(outcome.drain_s for outcome in outcomes)
        lines.append(f"| {subject} | {len(outcomes)} | {numbers} | {broken} | {slowest:.1f} s |")
    return lines


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=_ROOT, capture_output=True, text=True, check=False).stdout.strip()

    changed = " with changes" if git("status", "--porcelain") else ""
    return (git("rev-parse", "--short", "HEAD") or "unknown") + changed
