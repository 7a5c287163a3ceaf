"""Claims handed back are as if never made, unless somebody may be sending; and when a rate lets a lane go on."""

from datetime import timedelta

from contracts.connector import Limits
from hub.store.handing_back import hand_back
from hub.store.outbox import Progress, Settlement, progress, settle
from hub.store.pacing import resumes_at
from hub.store.standing import Lane
from hub.store.tables import attempts
from tests.unit.store.making import ENTE, LEASE, make_draft, only, take

IO = Lane(ENTE, "io")
SLOW = {IO: Limits(rate_per_s=1, burst=2)}


def test_what_was_handed_back_is_as_it_was_and_due_at_once(outbox):
    before = only(outbox)
    (claimed,) = take(outbox)
    assert outbox.run(hand_back, claimed) == [True]
    assert only(outbox) == before | {"updated_at": outbox.clock.moment}
    (attempt,) = outbox.rows(attempts)
    assert (attempt["outcome"], attempt["ended_at"]) == ("handed_back", outbox.clock.moment)
    (again,) = take(outbox)
    assert (again.attempts, again.claim_id == claimed.claim_id) == (1, False)


def test_after_it_was_handed_back_its_old_worker_neither_marks_nor_settles(outbox):
    (claimed,) = take(outbox)
    outbox.run(hand_back, claimed)
    assert outbox.run(progress, Progress(claimed, {}, True, LEASE)) == [False]
    assert outbox.run(settle, Settlement(claimed, "delivered", "done")) == [False]
    assert only(outbox)["state"] == "queued"


def test_what_may_be_on_its_way_is_not_handed_back(outbox):
    (claimed,) = take(outbox)
    outbox.run(progress, Progress(claimed, {}, True, LEASE))
    assert outbox.run(hand_back, claimed) == [False]
    assert only(outbox)["claim_id"] == claimed.claim_id


def test_somebody_else_s_claim_is_not_handed_back(outbox):
    (claimed,) = take(outbox)
    outbox.run(hand_back, claimed)
    (other,) = take(outbox)
    assert outbox.run(hand_back, claimed) == [False]
    assert only(outbox)["claim_id"] == other.claim_id


def test_a_follow_up_that_is_handed_back_keeps_its_attempts(outbox):
    (claimed,) = take(outbox)
    outbox.run(settle, Settlement(claimed, "waiting", "continue", due_at=outbox.clock.moment))
    (follow_up,) = take(outbox)
    outbox.run(hand_back, follow_up)
    assert (only(outbox)["state"], only(outbox)["attempts"]) == ("waiting", 1)


def resumes(store, limits=SLOW):
    with store.database.read() as connection:
        return resumes_at(connection, store.clock.moment, IO, limits)


def test_a_rate_that_is_used_up_lets_the_lane_go_on_when_it_allows_one_more(store):
    store.connector()
    store.publish(*[make_draft(f"m-{n}") for n in range(4)])
    assert len(take(store, limits=SLOW)) == 2
    at = resumes(store)
    assert at == store.clock.moment + timedelta(seconds=1)
    store.clock.moment = at
    assert len(take(store, limits=SLOW)) == 1


def test_a_slow_lane_that_another_thing_holds_back_is_not_looked_at_again_and_again(store):
    """With one delivery in ten seconds, a drain asked each millisecond for ten seconds whether it might go on."""
    store.connector()
    store.publish(*[make_draft(f"m-{n}") for n in range(4)])
    one_at_once = {IO: Limits(rate_per_s=0.1, burst=2, concurrency=1)}
    take(store, limits=one_at_once)
    store.clock.pass_by(seconds=1)
    assert resumes(store, one_at_once) is None


def test_a_lane_without_anything_due_waits_for_nothing(outbox):
    take(outbox, limits=SLOW)
    assert resumes(outbox) is None


def test_a_lane_that_another_holds_back_is_not_waited_for(store):
    store.connector()
    store.publish(*[make_draft(f"m-{n}") for n in range(4)])
    few = {IO: Limits(rate_per_s=1000, burst=1000, concurrency=2)}
    take(store, limits=few)
    store.clock.pass_by(seconds=5)
    assert resumes(store, few) is None
