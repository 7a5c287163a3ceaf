"""Everybody who deals with the hub beside its vendors, on an embedded hub that is killed at each step of what they
want; and each deliberate bug turns its invariant red.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import psycopg
import pytest

from ..harness import HubUnderTest
from .bugs_of_parties import BUGS
from .ground import Ground
from .lives import Life
from .oracle import violations
from .parties.party import Party, Wish
from .steps import OF_PARTIES
from .trades import TOWNS
from .world import World

_TRADES = {party.name: replace(town, parties=(party,)) for town in TOWNS for party in town.parties}
_STEPS = [(name, step) for name, steps in OF_PARTIES.items() for step in steps] + [("braked", "taken_back")]
_SEEN_BY = {
    # bug -> (whose affair it is, the invariant that must be broken)
    "lose_a_record": ("source", "I11"),
    "believe_one_round": ("source", "I12"),
    "name_anew": ("station", "I13"),
    "pay_twice": ("instalments", "I14"),
    "ask_checkout_twice": ("carts", "I15"),
    "skip_a_subscriber": ("broadcasts", "I16"),
    "file_twice": ("rights", "I17"),
    "answer_nobody": ("rights", "I17"),
    "forget_the_day": ("braked", "I18"),
    "leave_the_parts": ("tenant", "I19"),
}
_LEASE_S = 1.0


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Callable[[str], World]]:
    """A hub with which one party deals."""
    made: list[World] = []

    def world(party: str) -> World:
        made.append(World(tmp_path, _TRADES[party]))
        return made[-1]

    yield world
    for each in made:
        each.close()


def _deal(world: World, life: Life, wishes: int) -> None:
    """The party makes that many wishes, in a life that may end at one of them."""
    (party,) = world.parties
    with world.life(life) as hub:
        world.prepare(hub)
        for _ in range(wishes):
            if world.alive():
                party.one(hub)
        if life.step:
            world.died(within_s=60)


@pytest.mark.parametrize(("party", "step"), _STEPS)
def test_killed_at_a_step_what_is_wanted_is_done_once(town: Callable[[str], World], party: str, step: str) -> None:
    world = town(party)
    _deal(world, Life(step, lease_s=_LEASE_S), 3)
    assert violations(world.recover(Life(lease_s=_LEASE_S))) == []
    assert world.parties[0].ledger.read()[-1]["event"] == "told"


@pytest.mark.parametrize("bug", _SEEN_BY)
def test_a_bug_shows(town: Callable[[str], World], bug: str) -> None:
    party, invariant = _SEEN_BY[bug]
    world = town(party)
    life = Life(bug=bug, lease_s=_LEASE_S)
    world.drain_within_s = 4
    _deal(world, life, 3)
    assert invariant in {found.invariant for found in violations(world.recover(life))}


def test_a_party_that_cannot_look_asks_again(tmp_path: Path) -> None:
    class Reader(Party):
        name = "reader"

        def wish(self, name: str) -> Wish:
            return {}

        def ask(self, hub: HubUnderTest, name: str, wish: Wish) -> Wish:
            raise psycopg.OperationalError("the database system is starting up")

        def found(self, hub: HubUnderTest) -> list[Wish]:
            return []

    reader = Reader(cast(Ground, SimpleNamespace(folder=tmp_path)))
    reader.one(cast(HubUnderTest, None))
    assert [line["event"] for line in reader.ledger.read()] == ["asked", "put_off"]


def test_every_bug_is_planted() -> None:
    assert set(BUGS) == set(_SEEN_BY)
