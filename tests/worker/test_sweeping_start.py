"""A sweeper that begins while its database is away waits for it: it neither dies nor leaves a trace in the log."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from hub.worker import process

A_HOME: Any = "a home"


def away(times: int) -> Any:
    """What a hub is wired by, while the database is away so often."""
    left: Iterator[int] = iter(range(times))

    def wired(home: object) -> object:
        if next(left, None) is not None:
            raise OperationalError("SELECT secret", {}, Exception("password"))
        return home

    return wired


def test_it_tries_until_the_database_answers(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(process, "Hub", away(2))
    with caplog.at_level(logging.INFO):
        assert process._wired(A_HOME, lambda: False) == A_HOME
    told = [message.partition(" after_s=")[0] for message in caplog.messages]
    assert told == ["sweep.failed error=OperationalError", "sweep.recovered"]


def test_it_gives_up_when_it_is_told_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "Hub", away(9))
    asked = iter((False, True))
    assert process._wired(A_HOME, lambda: next(asked)) is None
