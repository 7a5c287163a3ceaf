"""Lanes: what a breaker, a rate, a cap on what is under way and an order let through."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from contracts.connector import Limits
from hub.store.configuration import set_status
from hub.store.lanes import due_lanes, shared_out, standings
from hub.store.outbox import Due, Settlement, claim, settle
from hub.store.standing import BULK, NORMAL, URGENT, Lane, Standing, allowance, answered, begun, failed
from hub.store.sweeping import Sweep, sweep
from hub.store.tables import deliveries
from tests.unit.store import making
from tests.unit.store.filling import fill
from tests.unit.store.making import ENTE, LEASE, START

IO = Lane(ENTE, "io")
WIDE = Limits(rate_per_s=10_000, burst=10_000, concurrency=1000)


def seconds(count):
    return timedelta(seconds=count)


# --- the rate, as a rule


@given(
    rate=st.floats(0.01, 5000),
    burst=st.integers(1, 50),
    asks=st.lists(st.tuples(st.floats(0, 30), st.integers(1, 100)), max_size=60),
)
def test_no_stretch_of_time_sees_more_than_the_burst_and_the_rate(rate, burst, asks):
    limits = Limits(rate_per_s=rate, burst=burst, concurrency=1000)
    standing, now, given_out = Standing(), START, []
    for wait, wish in asks:
        now += seconds(wait)
        count = min(wish, allowance(standing, limits, under_way=0, now=now))
        standing = begun(standing, limits, count=count, now=now)
        given_out.append((now, count))
    for n, (since, _) in enumerate(given_out):
        total = 0
        for until, count in given_out[n:]:
            total += count
            assert total <= burst + rate * (until - since).total_seconds() + 1e-6


def test_a_hundred_thousand_that_come_back_at_once_leave_at_the_rate(kind, store):
    """The thundering return: an hour after an outage, to the message; a tenth of it where claims cross a socket."""
    polls = 720 if kind == "sqlite" else 72
    store.connector()
    fill(store, "io", 100_000 if kind == "sqlite" else 10_000)
    limits = {IO: Limits(rate_per_s=2, burst=10, concurrency=1000)}
    gone = 0
    for _ in range(polls):
        gone += len(store.run(claim, Due(1000, LEASE, limits=limits))[0])
        with store.database.write() as tx:
            done = {"state": "delivered", "claim_id": None, "lease_until": None}
            held = deliveries.c.lease_until.is_not(None) & (deliveries.c.ente_id == ENTE)
            tx.connection.execute(update(deliveries).where(held).values(done))
        store.clock.pass_by(seconds=5)
    assert gone == 10 + 2 * 5 * (polls - 1)


# --- the breaker, as a rule

BREAKER = Limits(breaker_failures=3, breaker_open_s=10, breaker_max_open_s=60)


def trouble(standing, times, now=START, **how):
    for _ in range(times):
        standing = failed(standing, BREAKER, now=now, **how)
    return standing


def test_the_breaker_opens_with_the_last_of_so_many_failures_in_a_row():
    assert trouble(Standing(), 2).breaker(START) == "closed"
    assert trouble(Standing(), 3).breaker(START) == "open"
    assert trouble(answered(trouble(Standing(), 2), now=START), 2).breaker(START) == "closed"


def test_while_it_is_open_nothing_goes_and_then_one():
    standing = trouble(Standing(), 3)
    for after, under_way, allowed in ((9, 0, 0), (10, 0, 1), (10, 1, 0), (11, 0, 1)):
        assert allowance(standing, WIDE, under_way=under_way, now=START + seconds(after)) == allowed


def test_a_probe_that_fails_opens_for_twice_as_long_up_to_the_most():
    standing, now, waits = trouble(Standing(), 3), START, []
    for _ in range(5):
        waits.append((standing.open_until - now).total_seconds())
        now = standing.open_until
        standing = failed(standing, BREAKER, now=now)
    assert waits == [10, 20, 40, 60, 60]


def test_a_probe_that_is_answered_closes_and_forgets():
    standing = answered(trouble(Standing(), 3), now=START + seconds(10))
    assert standing == Standing()


def test_an_answer_to_something_older_does_not_close_it_nor_a_failure_prolong_it():
    standing = trouble(Standing(), 3)
    assert answered(standing, now=START + seconds(5)) == standing
    assert failed(standing, BREAKER, now=START + seconds(5)) == standing


@pytest.mark.parametrize(("wish", "wait"), [(5, 10), (45, 45), (86_400, 60)])
def test_a_provider_that_asks_for_quiet_gets_it_within_bounds(wish, wait):
    standing = trouble(Standing(), 3, after=seconds(wish))
    assert standing.open_until == START + seconds(wait)


# --- in the store


def take(store, limit=100, lane=None, **limits):
    its = {IO: WIDE.model_copy(update=limits), Lane(ENTE, "mail"): WIDE}
    return making.take(store, limit, lane, its)


def end(store, claims, state="delivered", **fields):
    outcome = fields.pop("outcome", "x")
    return store.run(settle, *(Settlement(each, state, outcome, **fields) for each in claims))


def standing(store):
    with store.database.read() as connection:
        return standings(connection).get(IO, Standing())


def due_now(store):
    with store.database.read() as connection:
        return [lane.connector_id for lane in due_lanes(connection, store.clock.moment, {})]


@pytest.fixture
def outbox(store):
    store.connector()
    store.connector("mail")
    return store


def fails(store, claims, **fields):
    due = store.clock.moment
    return end(store, claims, "queued", outcome="deferred", answered=False, due_at=due, **fields)


def opened(outbox):
    """A lane whose breaker has just opened, with five more deliveries due."""
    fill(outbox, "io", 10)
    fails(outbox, take(outbox, 5))
    assert standing(outbox).breaker(outbox.clock.moment) == "open"
    return outbox


def test_an_open_lane_gives_nothing_and_takes_no_attempt(outbox):
    opened(outbox)
    before = outbox.deliveries()
    assert (take(outbox), due_now(outbox)) == ([], [])
    assert outbox.deliveries() == before


def test_a_probe_is_one_delivery_and_no_attempt_when_it_fails(outbox):
    opened(outbox)
    outbox.clock.pass_by(seconds=30)
    (probe,) = take(outbox)
    assert take(outbox) == []
    fails(outbox, [probe])
    (row,) = [row for row in outbox.deliveries() if row["delivery_id"] == probe.delivery_id]
    assert row["attempts"] == probe.attempts - 1
    assert standing(outbox).opened == 2


def test_a_probe_that_arrives_opens_the_lane_again_for_all(outbox):
    opened(outbox)
    outbox.clock.pass_by(seconds=30)
    end(outbox, take(outbox), answered=True)
    assert len(take(outbox)) == 9


def test_a_probe_whose_worker_died_is_followed_by_another(outbox):
    opened(outbox)
    outbox.clock.pass_by(seconds=30)
    take(outbox)
    outbox.clock.pass_by(seconds=61)
    outbox.run(sweep, Sweep(frozenset()))
    outbox.clock.pass_by(seconds=1)
    assert len(take(outbox)) == 1


def test_a_worker_that_lost_its_claim_says_nothing_of_the_provider(outbox):
    fill(outbox, "io", 5)
    claims = take(outbox)
    outbox.run(sweep, Sweep(frozenset(), everyone=True))
    fails(outbox, claims)
    assert standing(outbox).failures == 0


def test_a_new_configuration_closes_the_breaker(outbox):
    opened(outbox)
    with outbox.database.write() as tx:
        set_status(tx, ENTE, "io", status="active")
    assert len(take(outbox)) == 10


def test_opening_and_closing_are_told(outbox, caplog):
    caplog.set_level("INFO")
    opened(outbox)
    outbox.clock.pass_by(seconds=30)
    end(outbox, take(outbox), answered=True)
    assert [r.getMessage().split()[0] for r in caplog.records if "lane." in r.getMessage()] == [
        "lane.opened",
        "lane.closed",
    ]


def test_what_is_under_way_is_capped_over_all_claimers_and_a_dead_one_frees_its_part(outbox):
    fill(outbox, "io", 20)
    assert [len(take(outbox, 3, concurrency=5)) for _ in range(3)] == [3, 2, 0]
    outbox.clock.pass_by(seconds=61)
    assert len(take(outbox, 9, concurrency=5)) == 5


def test_claimers_at_the_same_moment_keep_to_the_cap_and_never_take_the_same(outbox):
    fill(outbox, "io", 40)
    together = threading.Barrier(4)

    def one(_):
        together.wait()
        return [each.delivery_id for _ in range(3) for each in take(outbox, 3, concurrency=7)]

    with ThreadPoolExecutor(4) as pool:
        taken = [name for found in pool.map(one, range(4)) for name in found]
    assert 1 <= len(taken) == len(set(taken)) <= 7
    assert len(taken) + len(take(outbox, 9, concurrency=7)) == 7


def test_slots_are_shared_out_and_what_one_lane_leaves_the_next_takes(outbox):
    fill(outbox, "io", 20)
    fill(outbox, "mail", 20)
    assert Counter(c.connector_id for c in take(outbox, 8)) == {"io": 4, "mail": 4}
    assert Counter(c.connector_id for c in take(outbox, 8, concurrency=5)) == {"io": 1, "mail": 7}


def test_a_claim_touches_no_more_lanes_than_it_wishes_deliveries(outbox):
    fill(outbox, "io", 2)
    fill(outbox, "mail", 2)
    assert len(take(outbox, 1)) == 1
    with outbox.database.read() as connection:
        assert len(standings(connection)) == 1


@given(total=st.integers(0, 40), wishes=st.lists(st.integers(1, 20), max_size=8))
def test_sharing_out_gives_all_there_is_evenly(total, wishes):
    parts = shared_out(total, wishes)
    assert sum(parts) == min(total, sum(wishes))
    for part, wish in zip(parts, wishes, strict=True):
        assert part <= wish
        assert part == wish or part >= max(parts) - 1


def test_the_lane_that_was_served_longest_ago_goes_first(outbox):
    fill(outbox, "io", 20)
    fill(outbox, "mail", 20)
    first = [take(outbox, 1)[0].connector_id]
    for _ in range(3):
        outbox.clock.pass_by(seconds=1)
        first.append(take(outbox, 1)[0].connector_id)
    assert first == ["io", "mail", "io", "mail"]


def test_a_wish_for_one_lane_gets_of_that_one(outbox):
    fill(outbox, "io", 2)
    fill(outbox, "mail", 2)
    assert {c.connector_id for c in take(outbox, lane=Lane(ENTE, "mail"))} == {"mail"}
    assert due_now(outbox) == ["io"]


def test_the_urgent_goes_before_and_the_bulk_behind(outbox):
    for priority in (BULK, NORMAL, URGENT):
        fill(outbox, "io", 2, priority=priority)
        outbox.clock.pass_by(seconds=1)
    rank = {row["delivery_id"]: row["priority"] for row in outbox.deliveries()}
    assert [rank[c.delivery_id] for c in take(outbox, 5)] == [0, 0, 1, 1, 2]


def test_a_stream_of_urgent_ones_does_not_starve_the_others(outbox):
    fill(outbox, "io", 10)
    outbox.clock.pass_by(seconds=1)
    fill(outbox, "io", 100, priority=URGENT)
    rank = {row["delivery_id"]: row["priority"] for row in outbox.deliveries()}
    assert Counter(rank[c.delivery_id] for c in take(outbox, 20)) == {URGENT: 16, NORMAL: 4}
    assert Counter(rank[c.delivery_id] for _ in range(20) for c in take(outbox, 1)) == {URGENT: 16, NORMAL: 4}


def test_a_probe_is_what_was_tried_least_and_not_the_same_again(outbox):
    """An urgent message that fails by itself was every probe, and kept the lane closed for all."""
    fill(outbox, "io", 5, priority=URGENT)
    fails(outbox, take(outbox, 5))
    fill(outbox, "io", 1)
    (other,) = [row["delivery_id"] for row in outbox.deliveries() if row["priority"] == NORMAL]
    outbox.clock.moment = standing(outbox).open_until
    (probe,) = take(outbox)
    assert probe.delivery_id == other


def test_one_claim_in_five_is_for_what_was_accepted_and_no_more_while_new_ones_wait(outbox):
    fill(outbox, "io", 100)
    fill(outbox, "io", 100, state="waiting")
    assert Counter(c.accepted for c in take(outbox, 20)) == {False: 16, True: 4}
    assert sum(c.accepted for _ in range(20) for c in take(outbox, 1)) == 4


def test_without_new_ones_all_claims_are_for_what_was_accepted(outbox):
    fill(outbox, "io", 10, state="waiting")
    assert len(take(outbox, 10)) == 10


@pytest.mark.parametrize("status", ["paused", "draft"])
def test_a_connector_that_is_not_active_has_no_lane_due(store, status):
    store.connector(status=status)
    fill(store, "io", 1)
    assert (due_now(store), take(store)) == ([], [])


# --- order


def in_order(outbox, count=3):
    return fill(outbox, "io", count, order_key="tari", citizen_id="c-1")


def test_one_citizens_notices_about_a_service_go_one_at_a_time_and_in_order(outbox):
    names = in_order(outbox)
    gone = []
    while claims := take(outbox):
        (only,) = claims
        assert take(outbox) == []
        gone.append(only.delivery_id)
        end(outbox, claims)
    assert gone == names


def test_others_do_not_wait(outbox):
    in_order(outbox)
    fill(outbox, "io", 1, order_key="tari", citizen_id="c-2")
    fill(outbox, "io", 1, order_key="nido", citizen_id="c-1")
    fill(outbox, "io", 1, citizen_id="c-1")
    assert len(take(outbox)) == 4


@pytest.mark.parametrize(
    ("state", "goes_on"),
    [("queued", False), ("held", False)]
    + [(s, True) for s in ("waiting", "delivered", "rejected", "skipped", "unconfirmed", "expired", "parked")],
)
def test_the_next_goes_once_the_one_before_was_accepted_or_has_ended(outbox, state, goes_on):
    in_order(outbox, 2)
    end(outbox, take(outbox), state, due_at=outbox.clock.moment + timedelta(hours=1))
    assert bool(take(outbox)) is goes_on


def test_a_message_for_next_year_holds_up_nobody(outbox):
    start = outbox.clock.moment
    first = fill(outbox, "io", 1, order_key="tari", citizen_id="c-1", due_at=start + timedelta(days=365))
    second = fill(outbox, "io", 1, order_key="tari", citizen_id="c-1")
    claims = take(outbox)
    assert [each.delivery_id for each in claims] == second
    end(outbox, claims)
    outbox.clock.pass_by(days=365)
    assert [each.delivery_id for each in take(outbox)] == first


def test_a_replayed_one_waits_for_a_later_one_that_is_on_its_way(outbox):
    first, _ = in_order(outbox, 2)
    end(outbox, take(outbox), "parked")
    take(outbox)
    with outbox.database.write() as tx:
        again = (deliveries.c.ente_id == ENTE) & (deliveries.c.delivery_id == first)
        tx.connection.execute(update(deliveries).where(again).values(state="queued"))
    assert take(outbox) == []


def test_a_lane_whose_due_ones_all_wait_for_their_turn_is_not_due(outbox):
    in_order(outbox, 2)
    take(outbox)
    assert due_now(outbox) == []
