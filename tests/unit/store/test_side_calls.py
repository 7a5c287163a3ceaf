"""Calls that somebody waits for: counted beside the deliveries of their connector, for all processes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from contracts.connector import Limits
from hub.store.configuration import set_status
from hub.store.figures import open_breakers
from hub.store.lanes import standings
from hub.store.side_calls import Call, begin, end
from hub.store.standing import Lane, Standing, Verdict, beside
from tests.unit.store.making import ENTE, take

GPD = Lane(ENTE, "gpd")
LIMITS = Limits(timeout_s=20, rate_per_s=1, burst=2, breaker_failures=3, breaker_open_s=30, breaker_max_open_s=100)
WIDE = LIMITS.model_copy(update={"rate_per_s": 1000, "burst": 1000})


def asked(store, limits=WIDE, lane=GPD):
    """None where it may begin, else the seconds to wait."""
    wait = store.write(begin, Call(lane, limits))
    return None if wait is None else wait.total_seconds()


def ended(store, *answered, lane=GPD, after=None):
    """What came of calls that were begun."""
    store.run(end, *[Verdict(lane, each, WIDE, after) for each in answered])


def failing(store, lane=GPD, **how):
    """So often in a row that the way is closed."""
    assert [asked(store, lane=lane) for _ in range(3)] == [None] * 3
    ended(store, False, False, False, lane=lane, **how)


def standing(store, lane=GPD):
    with store.database.read() as connection:
        return standings(connection).get(beside(lane), Standing())


def test_failures_in_a_row_close_the_way_for_a_while_and_one_tries_then(store):
    assert [asked(store) for _ in range(6)] == [None] * 6
    ended(store, False, False, True, False, False)
    assert standing(store).breaker(store.clock.now()) == "closed", "an answer in between"
    ended(store, False)
    assert standing(store).breaker(store.clock.now()) == "open"
    store.clock.pass_by(seconds=10)
    assert asked(store) == 20
    store.clock.pass_by(seconds=20)
    assert asked(store) is None, "one tries"
    store.clock.pass_by(seconds=5)
    assert asked(store) == 15, "the others wait until that one is over at the latest"
    ended(store, False)
    assert asked(store) == 60, "doubled"
    store.clock.pass_by(seconds=60)
    assert asked(store) is None
    ended(store, True)
    assert [asked(store), asked(store)] == [None, None]


def test_operators_see_it_while_it_fails_and_not_once_nobody_has_asked_for_long(store):
    def shown():
        with store.database.read() as connection:
            return open_breakers(connection, store.clock.now())[beside(GPD)]

    failing(store)
    assert shown()
    store.clock.pass_by(minutes=59)
    assert shown(), "half open: it failed when it was last tried"
    store.clock.pass_by(minutes=1)
    assert not shown(), "nobody knows any more"


def test_a_trial_that_nobody_ends_is_not_waited_for(store):
    failing(store)
    store.clock.pass_by(seconds=30)
    assert asked(store) is None
    assert asked(store) == 20
    store.clock.pass_by(seconds=20)
    assert asked(store) is None


def test_the_rate_is_the_connectors_and_says_when_to_come_again(store):
    assert [asked(store, LIMITS) for _ in range(3)] == [None, None, 1]
    store.clock.pass_by(seconds=0.25)
    assert asked(store, LIMITS) == 0.75
    store.clock.pass_by(seconds=0.75)
    assert [asked(store, LIMITS), asked(store, LIMITS)] == [None, 1]


def test_it_asks_for_as_long_as_the_provider_wished(store):
    failing(store, after=timedelta(seconds=70))
    assert asked(store) == 70


def test_several_of_one_commit_are_counted_one_by_one(store):
    calls = [Call(GPD, LIMITS), Call(Lane(ENTE, "other"), LIMITS), Call(GPD, LIMITS), Call(GPD, LIMITS)]
    assert store.run(begin, *calls) == [None, None, None, timedelta(seconds=1)]


def test_deliveries_and_calls_do_not_hold_each_other_up(outbox):
    store, io = outbox, Lane(ENTE, "io")
    failing(store, io)
    assert asked(store, lane=io) == 30
    (claim,) = take(store, lane=io, limits={io: LIMITS})
    assert claim.lane == io
    with store.database.write() as tx:
        set_status(tx, ENTE, "io", status="active")
    assert asked(store, lane=io) is None, "whoever activates a connector says that all of it works"


@pytest.mark.parametrize("connector_id", ["gpd", "g" * 64])
def test_the_lane_beside_is_no_connectors_and_fits(store, connector_id):
    lane = Lane(ENTE, connector_id)
    assert len(beside(lane).connector_id) <= 64
    assert asked(store, lane=lane) is None
    assert standing(store, lane).claimed == 1


def test_processes_that_ask_at_once_share_the_rate(store):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: asked(store, LIMITS), range(16)))
    assert found.count(None) == 2
