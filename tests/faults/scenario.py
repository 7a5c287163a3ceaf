"""A scenario: a topology, what is done to it, and what must hold afterwards beyond the oracle's rules."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .evidence import Evidence, Violation
from .lives import PLAIN, Life
from .oracle import violations
from .topology import Servers, Shared


def nothing_more(_world: Shared, _seen: Evidence) -> Iterable[str]:
    return ()


def nobody_was_put_off(_world: Shared, seen: Evidence) -> Iterable[str]:
    if hurt := [line for line in seen.ledger if line["event"] in ("put_off", "unknown")]:
        yield f"{len(hurt)} requests had no answer, or a bad one: {hurt[:3]}"


@dataclass(frozen=True)
class Scenario:
    """`play` is done to a world that runs, its trade prepared; an assertion of it that fails is a violation as well."""

    name: str
    play: Callable[[Shared], None]
    topology: Mapping[str, Any] = field(default_factory=dict)
    lives: Mapping[str, Life] = field(default_factory=dict)
    last: Life = PLAIN
    """Of all parts that are started for the end."""
    ends: frozenset[str] = frozenset()
    """Ends of deliveries that it brings about, beside `delivered` and `unconfirmed`."""
    drain_within_s: float = 25.0
    ordered: bool = False
    also: Callable[[Shared, Evidence], Iterable[str]] = nothing_more
    """What else does not hold, in words."""
    quick: bool = False
    """Part of `make test`."""
    needs: Callable[[], str] = lambda: ""
    """Why it cannot be played here; "" where it can."""
    on: Callable[[], Any] | None = None
    """Servers of its own."""


@dataclass(frozen=True)
class Outcome:
    scenario: str
    violations: list[Violation]
    counts: Counter[str]
    drain_s: float
    seconds: float


def perform(scenario: Scenario, folder: Path, on: Servers | None = None) -> Outcome:
    """Play it on its own servers, else on these; repair everything, look."""
    with scenario.on() if scenario.on else nullcontext(on) as servers:
        return _perform(scenario, folder, servers)


def _perform(scenario: Scenario, folder: Path, on: Servers) -> Outcome:
    started = time.monotonic()
    with Shared(folder, on, **scenario.topology) as world:
        world.drain_within_s = scenario.drain_within_s
        world.ends |= scenario.ends
        world.ordered = scenario.ordered
        found = []
        try:
            world.start(scenario.lives)
            world.prepare(world.hub)
            scenario.play(world)
        except AssertionError as error:
            found.append(Violation("play", str(error)[:2000]))
        seen = world.recover(scenario.last)
        found += violations(seen)
        found += [Violation("also", text) for text in scenario.also(world, seen)]
    return Outcome(scenario.name, found, counts(seen), seen.drain_s, time.monotonic() - started)


def counts(seen: Evidence) -> Counter[str]:
    """What a report says of a run."""
    found = Counter(row["state"] for row in seen.deliveries)
    found["accepted"] = len({line["name"] for line in seen.ledger if line["event"] == "acked"})
    found["put_off"] = sum(line["event"] in ("unknown", "put_off") for line in seen.ledger)
    found["duplicates"] = len(seen.told) - len({(one.channel, one.name) for one in seen.told})
    return found
