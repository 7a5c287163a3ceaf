"""What was found, and the lines that say it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from ..real.postgres import Postgres


@dataclass
class Line:
    """A line of the table. `ratio` is the median of the ratios of each round, `goal` what it should reach."""

    what: str
    value: float
    unit: str
    against: str = ""
    ratio: float | None = None
    goal: str = ""
    note: str = ""


@dataclass
class Findings:
    """What each round found, by name."""

    rounds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        self.rounds.setdefault(name, []).append(value)

    def of(self, name: str) -> float:
        return median(self.rounds[name])

    def ratio(self, name: str, other: str) -> float:
        return median(a / b for a, b in zip(self.rounds[name], self.rounds[other], strict=True))

    def spread(self, name: str) -> str:
        return f"{min(self.rounds[name]):,.0f}..{max(self.rounds[name]):,.0f}"


def latency(values: list[float]) -> str:
    """Of times in ms, for a note."""
    ordered = sorted(values)
    return f"p50 {ordered[len(ordered) // 2]:.0f} ms, p99 {ordered[len(ordered) * 99 // 100]:.0f} ms"


def on_each_kind(folder: Path, name: str, lines: Callable[[Path, str | None, str], list[Line]]) -> list[Line]:
    """`lines(folder, url, store_name)` on SQLite and on PostgreSQL."""
    found = lines(folder / name, None, "SQLite")
    with Postgres() as server:
        return found + lines(folder / f"shared-{name}", server.create_database(name), "PostgreSQL")
