"""The rate of a recipient's domain: each takes a place, waits for it once, and is then sent."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.base.conformance import make_notice
from contracts.connector import Continue, Done, Limits

from . import connect
from .config import Settings
from .simulator import Simulator


class Turns:
    """Places at a fixed moment, one every 1/rate seconds."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, float]] = []

    def __call__(self, name: str, per_s: float) -> timedelta:
        before = sum(each == name for each, _ in self.taken)
        self.taken.append((name, per_s))
        return timedelta(seconds=before / per_s)


def settings(**changes: Any) -> Settings:
    base = {"host": "127.0.0.1", "port": 25, "security": "none", "from_address": "avvisi@comune.example.it"}
    return Settings(**base | changes)


def test_one_over_the_rate_waits_for_its_place_and_takes_no_other(tmp_path: Path) -> None:
    with Simulator(tmp_path) as sim:
        turns = Turns()
        its = settings(port=sim.port, domain_rates="Posta.example=0.5, *=2")
        connector = connect(its, Limits(timeout_s=5), turns)
        steps = [connector.advance(make_notice(email=f"{who}@posta.example"), {}) for who in "abc"]
        assert [getattr(step, "after", None) for step in steps] == [timedelta(seconds=n) for n in (0, 2, 4)]
        assert [step.unsafe for step in steps if isinstance(step, Continue)] == [True, False, False]
        last = steps[2]
        assert isinstance(last, Continue)
        assert not last.accepted
        told = make_notice(email="c@posta.example")
        ready = connector.advance(told, last.memo)
        assert isinstance(ready, Continue)
        assert (ready.after, ready.unsafe) == (timedelta(), True)
        assert isinstance(connector.advance(told, ready.memo), Done)
        assert turns.taken == [("posta.example", 0.5)] * 3
        connector.advance(make_notice(email="d@altrove.example"), {})
        assert turns.taken[-1] == ("altrove.example", 2.0)


def test_a_domain_without_a_rate_takes_no_place() -> None:
    turns = Turns()
    connector = connect(settings(domain_rates="gmail.com=1"), Limits(), turns)
    step = connector.advance(make_notice(email="a@posta.example"), {})
    assert isinstance(step, Continue)
    assert step.unsafe
    assert turns.taken == []


@pytest.mark.parametrize(
    "rates", ["gmail.com", "gmail.com=0", "gmail.com=-1", "gmail.com=x", "=1", "a b=1", "a.it=1,a.it=2", "a.it=inf"]
)
def test_a_rate_that_is_none_is_refused(rates: str) -> None:
    with pytest.raises(ValidationError):
        settings(domain_rates=rates)


def test_an_accented_domain_is_the_one_that_travels() -> None:
    assert settings(domain_rates="città.example=1").rate_of("xn--citt-3na.example") == 1.0
