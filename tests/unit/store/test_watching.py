"""Rounds go on however the last one went, and say so without filling the log."""

import pytest

from hub.store import watching
from hub.store.watching import Rounds, Trouble
from tests.harness import eventually


def test_a_failure_is_told_once_until_it_is_over_and_another_at_once(caplog):
    caplog.set_level("INFO", watching.__name__)
    outcomes = iter([OSError, OSError, OSError, None, OSError, ValueError, ValueError, None])
    done = []

    def one():
        outcome = next(outcomes, None)
        done.append(outcome)
        if outcome is not None:
            raise outcome

    rounds = Rounds("trial", one, 0.001)
    rounds.start()
    eventually(lambda: len(done), lambda count: count > 8)
    rounds.stop()
    told = [each.getMessage().partition(" after_s=")[0] for each in caplog.records if each.name == watching.__name__]
    assert told == [
        "trial.failed error=OSError",
        "trial.recovered",
        "trial.failed error=OSError",
        "trial.failed error=ValueError",
        "trial.recovered",
    ]


def test_once_it_is_over_the_log_says_so_and_how_long_it_was(caplog, monkeypatch: pytest.MonkeyPatch):
    clock = iter(range(100, 1000, 7))
    monkeypatch.setattr(watching.time, "monotonic", lambda: float(next(clock)))
    caplog.set_level("INFO", watching.__name__)
    trouble = Trouble(watching.log, "trial")
    trouble.over()
    trouble.failed(OSError())
    trouble.failed(OSError())
    trouble.over()
    trouble.over()
    assert caplog.messages == ["trial.failed error=OSError", "trial.recovered after_s=14"]


def test_what_fails_and_succeeds_in_turns_is_one_trouble(caplog, monkeypatch: pytest.MonkeyPatch):
    """On a full disk a small commit finds room between two that do not: the log said it was over, twice a second."""
    now = [100.0]
    monkeypatch.setattr(watching.time, "monotonic", lambda: now[0])
    caplog.set_level("INFO", watching.__name__)
    trouble = Trouble(watching.log, "trial", calm_s=10.0)
    for handler in ("record", "claim", "record", "claim"):
        trouble.failed(f"SQLITE_FULL handler={handler}")
        now[0] += 4
        trouble.over()
    now[0] += 6
    trouble.over()
    trouble.over()
    assert caplog.messages == [
        "trial.failed error=SQLITE_FULL handler=record",
        "trial.failed error=SQLITE_FULL handler=claim",
        "trial.recovered after_s=22",
    ]


def test_one_that_goes_on_is_told_again_from_time_to_time(caplog, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watching, "_TOLD_EVERY_S", 0.0)
    rounds = Rounds("trial", lambda: 1 // 0, 0.001)
    rounds.start()
    eventually(lambda: len(caplog.records), lambda count: count >= 3)
    rounds.stop()
