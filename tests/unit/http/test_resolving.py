"""Verification anew after each fetch, and not for ever."""

import asyncio

import pytest

from hub.errors import RequestRefused
from hub.http.resolving import ROUNDS, NothingElsewhere, resolved
from hub.security.material import Wanted


class Fetching:
    """Counts what it was asked for; after `enough` there is nothing more to want."""

    def __init__(self, enough: int) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.enough = enough

    async def resolve(self, wanted: Wanted, *, caller: str) -> None:
        self.asked.append((wanted.source, wanted.name, caller))

    async def verdict(self) -> str:
        if len(self.asked) < self.enough:
            raise Wanted("pdnd-key", f"kid-{len(self.asked)}")
        return "verified"


def test_what_is_at_hand_fetches_nothing():
    fetching = Fetching(0)
    assert asyncio.run(resolved(fetching.verdict, fetching, "192.0.2.1")) == "verified"
    assert fetching.asked == []


def test_each_round_fetches_what_the_last_one_wanted():
    fetching = Fetching(2)
    assert asyncio.run(resolved(fetching.verdict, fetching, "192.0.2.1")) == "verified"
    assert fetching.asked == [("pdnd-key", "kid-0", "192.0.2.1"), ("pdnd-key", "kid-1", "192.0.2.1")]


def test_whoever_always_wants_more_is_refused():
    fetching = Fetching(100)
    with pytest.raises(RequestRefused) as caught:
        asyncio.run(resolved(fetching.verdict, fetching, "192.0.2.1"))
    assert len(fetching.asked) == ROUNDS
    assert caught.value.cause.startswith("material.wanted: pdnd-key")


def test_a_hub_that_fetches_nothing_refuses():
    with pytest.raises(RequestRefused):
        asyncio.run(resolved(Fetching(1).verdict, NothingElsewhere(), "192.0.2.1"))
