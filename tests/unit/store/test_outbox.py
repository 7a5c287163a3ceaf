"""Claim, mark, settle, sweep: what becomes of a delivery when its worker loses it, and when it does not."""

from datetime import timedelta

import pytest

from hub.store.configuration import set_status
from hub.store.operations import NotReplayable, replay_delivery
from hub.store.outbox import Progress, Settlement, progress, settle
from hub.store.sweeping import MAX_CLAIMS, Sweep, Swept, sweep
from hub.store.tables import attempts, connectors, timeline
from tests.unit.store.making import ENTE, LEASE, make_draft, only, take

NOBODY = frozenset()
IO_RESENDS = frozenset({(ENTE, "io")})


def mark(store, claimed, *, unsafe=True, memo=None):
    return store.run(progress, Progress(claimed, memo or {}, unsafe, LEASE))[0]


def end(store, claimed, state="delivered", outcome="done", **fields):
    return store.run(settle, Settlement(claimed, state, outcome, **fields))[0]


def swept(store, resending=NOBODY, **how):
    return store.run(sweep, Sweep(resending, **how))[0]


# --- claims


def test_a_claim_records_its_attempt_before_anything_is_sent(outbox):
    (claimed,) = take(outbox)
    (attempt,) = outbox.rows(attempts)
    assert (attempt["claim_id"], attempt["ended_at"]) == (claimed.claim_id, None)
    assert only(outbox)["lease_until"] == outbox.clock.moment + LEASE


def test_a_claimed_delivery_is_claimed_by_nobody_else(outbox):
    assert len(take(outbox)) == 1
    assert take(outbox) == []


def test_claims_are_of_what_is_due_longest_and_no_more_than_asked_for(store):
    store.connector()
    for n in range(4):
        store.publish(make_draft(f"m-{n}"))
        store.clock.pass_by(seconds=1)
    order = [row["delivery_id"] for row in sorted(store.deliveries(), key=lambda row: row["due_at"])]
    assert [c.delivery_id for c in take(store, 3)] == order[:3]


@pytest.mark.parametrize("status", ["paused", "draft"])
def test_only_active_connectors_are_worked_for(store, status):
    store.connector(status=status)
    store.publish(make_draft())
    assert take(store) == []


def test_what_is_not_due_yet_is_left(store):
    store.connector()
    store.publish(make_draft(visible_from=store.clock.moment + timedelta(hours=1)))
    assert take(store) == []
    store.clock.pass_by(hours=1)
    assert len(take(store)) == 1


def test_the_age_of_what_may_leave_later_counts_from_then(store):
    later = timedelta(days=30)
    store.publish(make_draft(visible_from=store.clock.moment + later))
    assert only(store)["expires_at"] == store.clock.moment + later + timedelta(days=3)


def test_the_age_of_a_delivery_counts_by_the_clock_of_the_database(store):
    """It counted by that of the machine that took the message: one an hour behind had it expire an hour early."""
    store.clock.pass_by(days=30)
    store.publish(make_draft())
    assert only(store)["expires_at"] == store.clock.moment + timedelta(days=3)


def test_following_up_on_what_was_accepted_is_no_attempt(outbox):
    end(outbox, take(outbox)[0], "waiting", "continue", due_at=outbox.clock.moment, memo={"id": "x"})
    (again,) = take(outbox)
    assert (again.attempts, again.accepted, again.memo) == (1, True, {"id": "x"})


# --- fencing


def lost(outbox):
    """A claim whose lease ran out and whose delivery another took."""
    (old,) = take(outbox)
    outbox.clock.pass_by(seconds=61)
    swept(outbox)
    (new,) = take(outbox)
    return old, new


def test_a_lost_claim_makes_no_progress(outbox):
    old, new = lost(outbox)
    before = only(outbox)
    assert mark(outbox, old, memo={"step": "forged"}) is False
    assert only(outbox) == before
    assert mark(outbox, new) is True


def test_a_lost_claim_settles_nothing_but_its_own_attempt(outbox):
    old, new = lost(outbox)
    before = only(outbox)
    assert end(outbox, old, "delivered", "done") is False
    assert only(outbox) == before
    assert {row["claim_id"]: row["outcome"] for row in outbox.rows(attempts)} == {
        old.claim_id: "late",
        new.claim_id: None,
    }
    assert end(outbox, new) is True


def test_a_claim_settles_once(outbox):
    (claimed,) = take(outbox)
    assert end(outbox, claimed) is True
    assert end(outbox, claimed, "rejected", "rejected") is False
    assert only(outbox)["state"] == "delivered"


def test_a_step_renews_the_lease(outbox):
    (claimed,) = take(outbox)
    outbox.clock.pass_by(seconds=50)
    mark(outbox, claimed, unsafe=False)
    outbox.clock.pass_by(seconds=50)
    assert swept(outbox) == Swept()
    assert end(outbox, claimed) is True


# --- settlements


@pytest.mark.parametrize("state", ["delivered", "rejected", "skipped", "unconfirmed", "expired", "parked"])
def test_the_end_of_the_telling_stands_in_the_timeline(outbox, state):
    end(outbox, take(outbox)[0], state, "x")
    last = outbox.rows(timeline)[-1]
    assert last["event"] == ("notified" if state == "delivered" else "notice_ended")
    assert last["data"] == {"channel": "io", "state": state}


@pytest.mark.parametrize("state", ["queued", "waiting", "held"])
def test_what_goes_on_does_not_stand_in_the_timeline(outbox, state):
    before = outbox.rows(timeline)
    end(outbox, take(outbox)[0], state, "deferred", due_at=outbox.clock.moment)
    assert outbox.rows(timeline) == before


def test_our_own_fault_gives_the_attempt_back(outbox):
    end(outbox, take(outbox)[0], "held", "misconfigured", reason="io.key_refused", spent=False)
    assert (only(outbox)["attempts"], only(outbox)["state"]) == (0, "held")


# --- the sweeper


def test_a_lease_that_holds_is_left_alone(outbox):
    take(outbox)
    outbox.clock.pass_by(seconds=60)
    assert swept(outbox) == Swept()


def test_a_claim_lost_before_the_mark_is_queued_again(outbox):
    take(outbox)
    outbox.clock.pass_by(seconds=61)
    assert swept(outbox) == Swept(requeued=1)
    assert only(outbox)["state"] == "queued"
    assert only(outbox)["claim_id"] is None


def test_a_claim_lost_after_the_mark_is_unconfirmed_and_never_claimed_again(outbox):
    mark(outbox, take(outbox)[0])
    outbox.clock.pass_by(seconds=61)
    assert swept(outbox) == Swept(unconfirmed=1)
    assert (only(outbox)["state"], only(outbox)["reason"]) == ("unconfirmed", "lease.lost_while_sending")
    outbox.clock.pass_by(days=1)
    assert take(outbox) == []


def test_who_opted_in_to_resending_is_queued_again_even_after_the_mark(outbox):
    mark(outbox, take(outbox)[0], memo={"message_id": "<x@y>"})
    outbox.clock.pass_by(seconds=61)
    assert swept(outbox, IO_RESENDS) == Swept(requeued=1)
    (again,) = take(outbox)
    assert (again.memo, again.unsafe) == ({"message_id": "<x@y>"}, True)


def test_the_mark_is_of_the_present_claim_only(outbox):
    """A safe step after an unsafe one takes the mark away: what is lost then was not being sent."""
    (claimed,) = take(outbox)
    mark(outbox, claimed)
    mark(outbox, claimed, unsafe=False)
    outbox.clock.pass_by(seconds=61)
    assert swept(outbox) == Swept(requeued=1)


def test_an_opted_in_pair_of_another_ente_does_not_count(outbox):
    mark(outbox, take(outbox)[0])
    outbox.clock.pass_by(seconds=61)
    assert swept(outbox, frozenset({("c_f205", "io")})) == Swept(unconfirmed=1)


def take_when_due(outbox):
    for _ in range(120):
        if claimed := take(outbox):
            return claimed[0]
        outbox.clock.pass_by(seconds=1)
    raise AssertionError("never due")


def lose(outbox, times):
    for _ in range(times):
        take_when_due(outbox)
        outbox.clock.pass_by(seconds=61)
        result = swept(outbox)
    return result


def test_claims_in_a_row_without_a_result_end_in_parking(outbox):
    assert lose(outbox, MAX_CLAIMS - 1) == Swept(requeued=1)
    assert lose(outbox, 1) == Swept(parked=1)
    assert (only(outbox)["state"], only(outbox)["reason"]) == ("parked", "claims.without_result")


def test_what_is_lost_together_again_goes_on_one_by_one(outbox):
    # One of them kills its worker: it took the others along, until all were parked.
    for external_id in ("another", "a-third"):
        outbox.publish(make_draft(external_id=external_id))
    for _ in range(2):
        assert len(take(outbox, 3)) == 3
        outbox.clock.pass_by(seconds=61)
        swept(outbox)
    due = sorted(row["due_at"] for row in outbox.deliveries())
    assert [moment - due[0] for moment in due] == [timedelta(seconds=n) for n in range(3)]


def test_a_result_in_between_starts_the_count_anew(outbox):
    lose(outbox, MAX_CLAIMS - 1)
    end(outbox, take_when_due(outbox), "queued", "deferred", due_at=outbox.clock.moment)
    assert lose(outbox, 1) == Swept(requeued=1)


def test_poison_comes_back_later_each_time(outbox):
    waits = []
    for _ in range(MAX_CLAIMS - 1):
        take_when_due(outbox)
        outbox.clock.pass_by(seconds=61)
        swept(outbox)
        waits.append(only(outbox)["due_at"] - outbox.clock.moment)
    assert waits == sorted(set(waits))


def test_a_process_that_starts_alone_takes_every_claim_as_lost(outbox):
    mark(outbox, take(outbox)[0])
    assert swept(outbox, everyone=True) == Swept(unconfirmed=1)


def test_a_lost_follow_up_of_what_was_accepted_goes_on_waiting(outbox):
    end(outbox, take(outbox)[0], "waiting", "continue", due_at=outbox.clock.moment)
    take(outbox)
    assert swept(outbox, everyone=True) == Swept(requeued=1)
    assert only(outbox)["state"] == "waiting"


def test_a_lost_attempt_is_recorded_as_lost(outbox):
    take(outbox)
    swept(outbox, everyone=True)
    assert [row["outcome"] for row in outbox.rows(attempts)] == ["lost"]


@pytest.mark.parametrize("state", ["queued", "held"])
def test_what_is_too_old_expires_unless_somebody_works_on_it(outbox, state):
    if state == "held":
        end(outbox, take(outbox)[0], "held", "misconfigured", reason="io.key_refused", spent=False)
    outbox.clock.pass_by(days=3)
    assert swept(outbox) == Swept(expired=1)
    assert only(outbox)["state"] == "expired"


def test_what_somebody_works_on_does_not_expire_under_his_hands(outbox):
    outbox.clock.pass_by(days=3)
    take(outbox)
    assert swept(outbox) == Swept()


def test_what_was_accepted_does_not_expire(outbox):
    end(outbox, take(outbox)[0], "waiting", "continue", due_at=outbox.clock.moment)
    outbox.clock.pass_by(days=30)
    assert swept(outbox) == Swept()


def test_an_item_whose_time_has_come_is_shown_with_a_new_number(store):
    store.publish(make_draft(visible_from=store.clock.moment + timedelta(hours=1)))
    assert swept(store) == Swept()
    store.clock.pass_by(hours=1)
    assert swept(store).shown == 1
    assert swept(store).shown == 0


# --- pauses


def test_a_pause_concerns_the_configuration_that_failed(outbox):
    (claimed,) = take(outbox)
    end(outbox, claimed, "held", "misconfigured", reason="io.key_refused", spent=False)
    (row,) = outbox.rows(connectors)
    assert (row["status"], row["paused_reason"]) == ("paused", "io.key_refused")


def test_a_late_failure_of_the_old_configuration_does_not_pause_the_new_one(outbox):
    """What the administrator had just set right was paused again, and what was held stayed held."""
    (claimed,) = take(outbox)
    with outbox.database.write() as tx:
        set_status(tx, ENTE, "io", status="active")
    end(outbox, claimed, "held", "misconfigured", reason="io.key_refused", spent=False)
    assert outbox.rows(connectors)[0]["status"] == "active"
    assert only(outbox)["state"] == "queued"


def test_two_failures_of_one_configuration_pause_once_and_release_nothing(store):
    store.connector()
    store.publish(make_draft(), make_draft("m-2"))
    for claimed in take(store):
        end(store, claimed, "held", "misconfigured", reason="io.key_refused", spent=False)
    assert store.rows(connectors)[0]["status"] == "paused"
    assert {row["state"] for row in store.deliveries()} == {"held"}


def test_an_activation_sends_out_what_was_held(outbox):
    end(outbox, take(outbox)[0], "held", "misconfigured", reason="io.key_refused", spent=False)
    with outbox.database.write() as tx:
        set_status(tx, ENTE, "io", status="active")
    assert (only(outbox)["state"], only(outbox)["reason"]) == ("queued", None)


# --- replays


@pytest.mark.parametrize("state", ["rejected", "skipped", "unconfirmed", "expired", "parked"])
def test_a_person_may_send_again_what_has_ended(outbox, state):
    end(outbox, take(outbox)[0], state, "x", memo={"old": 1})
    with outbox.database.write() as tx:
        replay_delivery(tx, only(outbox)["delivery_id"], expires_in_s=3600)
    row = only(outbox)
    assert (row["state"], row["memo"], row["attempts"]) == ("queued", {}, 0)
    assert len(take(outbox)) == 1


def test_what_may_have_left_is_not_called_unsent_after_a_replay(outbox):
    """The replay forgot it: too old in the end, the delivery stood as expired though the citizen may have it."""
    end(outbox, take(outbox)[0], "unconfirmed", "unconfirmed")
    with outbox.database.write() as tx:
        replay_delivery(tx, only(outbox)["delivery_id"], expires_in_s=3600)
    (again,) = take(outbox)
    assert again.maybe_sent
    end(outbox, again, "queued", "deferred", due_at=outbox.clock.moment)
    outbox.clock.pass_by(days=4)
    assert swept(outbox) == Swept(expired=1)
    assert only(outbox)["state"] == "unconfirmed"


@pytest.mark.parametrize("state", ["delivered", "waiting", "queued"])
def test_nobody_sends_again_what_is_done_or_under_way(outbox, state):
    end(outbox, take(outbox)[0], state, "x", due_at=outbox.clock.moment)
    with outbox.database.write() as tx, pytest.raises(NotReplayable):
        replay_delivery(tx, only(outbox)["delivery_id"], expires_in_s=3600)
