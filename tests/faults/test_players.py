"""Who plays scenarios side by side: everything is played, and who dies at it is replaced and has not passed."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from . import programme
from .evidence import Violation
from .matrix.random_kills import NAME
from .players import Player
from .programme import Programme
from .reporting import report
from .scenario import Outcome, Scenario

WANTED, BROKEN, SKIPPED = "a soak", "a full disk", "a disk of somebody else's"


def _scenario(name: str, **more: Any) -> Scenario:
    return Scenario(name, lambda _: None, **more)


def test_all_of_the_matrix_is_played_once_by_all_together_then_random_kills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played: list[tuple[int, str]] = []

    class Quick:
        def __init__(self, _folder: Path, number: int, together: int) -> None:
            assert number in range(together)
            self._number = number

        def play(self, name: str) -> Outcome:
            played.append((self._number, name))
            if sum(each.startswith(NAME) for _, each in played) >= 4:
                whole._ends = 0
            found = [Violation("I1", "it is lost")] if name == BROKEN else []
            return Outcome(name, found, Counter(accepted=1), 0.0, 0.0)

        def close(self) -> None:
            pass

    matrix = {
        "redis": [_scenario(f"redis {n}") for n in range(20)],
        "disk": [_scenario(BROKEN), _scenario(SKIPPED, needs=lambda: "no root")],
        "soak": [_scenario(WANTED)],
    }
    monkeypatch.setattr(programme, "Player", Quick)
    monkeypatch.setattr(programme, "SUBJECTS", matrix)
    whole = Programme(minutes=1_000_000, seed=1, jobs=3, first={WANTED})
    run = whole.play(tmp_path)
    once = Counter(name for _, name in played if not name.startswith(NAME))
    assert once == Counter(each.name for its in matrix.values() for each in its if each.name != SKIPPED)
    assert played[0][1] == WANTED
    assert (run.left, run.skipped) == ([], {SKIPPED: "no root"})
    assert [outcome.scenario for outcome in run.broken] == [BROKEN]
    text = report(run)
    assert "3 at a time; for 0 more there was no time" in text
    assert "- violations: 1" in text


def test_a_player_that_dies_at_a_scenario_is_replaced_and_the_scenario_is_broken_off(tmp_path: Path) -> None:
    player: Any = Player(tmp_path, 0, 1)
    try:
        lost = player.play("a scenario of which nobody has heard")
        assert [found.invariant for found in lost.violations] == ["broken off"]
        next_one = player.play("provider answers 400")
        assert "broken off" not in {found.invariant for found in next_one.violations}
        assert next_one.counts["accepted"]
    finally:
        player.close()
