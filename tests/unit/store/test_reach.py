"""Whom a channel does not reach: kept without names, forgotten when the contrary is said, relied upon while new."""

import hashlib
from datetime import timedelta

import pytest

from contracts.inbound import Reach
from hub.store.reach import FRESH, note_reach, reach_of, unreached_scopes
from hub.store.standing import Lane
from hub.store.tables import unreached
from tests.unit.store.making import ENTE, START

ROSSI, VERDI = "RSSMRA80A01H501U", "VRDLGI75B02F205X"
HERE = Lane(ENTE, "io")


def named(*people):
    return [hashlib.sha256(each.encode()).hexdigest() for each in people]


def tell(store, scope="", until=START, **people):
    store.write(note_reach, reach_of(store.vault, ENTE, "io", Reach(scope, until, **people)))


def known(store, person=ROSSI, lane=HERE, scopes=("", "tari")):
    with store.database.read() as connection:
        return unreached_scopes(connection, store.vault, lane, person, scopes, store.clock.now())


def test_who_is_named_is_known_and_nobody_else(store):
    tell(store, unreached=named(ROSSI))
    assert known(store) == {""}
    assert known(store, VERDI) == set()
    assert known(store, lane=Lane(ENTE, "other")) == set()
    assert known(store, scopes=("tari",)) == set()


def test_each_service_is_another_matter(store):
    tell(store, scope="tari", unreached=named(ROSSI))
    tell(store)
    assert known(store) == {"tari"}


def test_who_wants_it_again_is_known_no_more_and_twice_told_changes_nothing(store):
    for _ in range(2):
        tell(store, unreached=named(ROSSI, VERDI))
        tell(store, until=START + timedelta(days=1), reached=named(ROSSI))
        assert (known(store), known(store, VERDI)) == (set(), {""})


def test_a_day_that_is_missing_makes_everything_before_it_doubtful(store):
    """Somebody may have wanted it again on that day."""
    tell(store, unreached=named(ROSSI))
    tell(store, until=START + timedelta(days=1), reached=None)
    assert known(store) == set()


@pytest.mark.parametrize("late", [timedelta(seconds=-1), timedelta()])
def test_old_knowledge_is_not_relied_upon(store, late):
    tell(store, unreached=named(ROSSI))
    store.clock.moment = START + FRESH + late
    assert bool(known(store)) == (late < timedelta())


def test_many_at_once(store):
    people = [f"{number:064x}" for number in range(1200)]
    tell(store, unreached=[*people, *named(ROSSI)])
    tell(store, until=START + timedelta(days=1), reached=people)
    assert known(store) == {""}
    assert len(store.rows(unreached)) == 2


def test_neither_the_person_nor_the_providers_hash_is_kept(store):
    tell(store, unreached=named(ROSSI))
    shown = str(store.rows(unreached))
    assert ROSSI not in shown
    assert named(ROSSI)[0] not in shown
