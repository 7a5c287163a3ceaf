"""PROFILE_NON_REPUDIATION_01 in the store: counted with the commit, in one batch and over many."""

from dataclasses import replace
from datetime import timedelta

import pytest

from hub.errors import ContractViolation, MessageRepeated, MessageReused, QuotaExceeded
from hub.store.intake import Submission
from hub.store.publications import Published
from hub.store.receiving import KEPT, Message
from hub.store.sweeping import Sweep, sweep
from hub.store.tables import items, received_messages
from tests.unit.store.making import make_draft

ONE = Message("m-1", 3, "a" * 64)


def sent(store, message=ONE, *, draft=None, refusal=None, **signed):
    """One receipt of a message."""
    act = None if refusal else draft or make_draft()
    return Submission(store.signed(message=message, **signed), act=act, refusal=refusal)


def record(store, *submissions):
    return store.run(store.intake.record, *submissions)


@pytest.mark.parametrize("together", [True, False])
def test_it_is_done_once_and_answered_as_often_as_agreed(store, together):
    submissions = [sent(store) for _ in range(5)]
    batches = [submissions] if together else [[each] for each in submissions]
    answers = [answer for batch in batches for answer in record(store, *batch)]
    assert [type(answer) for answer in answers] == [Published] * 3 + [MessageRepeated] * 2
    assert answers[0] == answers[1] == answers[2]
    assert len(store.rows(items)) == 1


@pytest.mark.parametrize("together", [True, False])
def test_another_request_under_the_same_id_is_refused_and_not_counted(store, together):
    other = sent(store, replace(ONE, request_sha256="b" * 64), draft=make_draft("m-2"))
    submissions = [sent(store), other, sent(store)]
    batches = [submissions] if together else [[each] for each in submissions]
    answers = [answer for batch in batches for answer in record(store, *batch)]
    assert [type(answer) for answer in answers] == [Published, MessageReused, Published]
    assert [row["receipts"] for row in store.rows(received_messages)] == [2]


def test_two_vendors_may_use_one_id(store):
    answers = record(store, sent(store), sent(store, vendor="beta", draft=make_draft("m-2")))
    assert len({answer.item_id for answer in answers}) == 2


def test_what_was_refused_is_done_when_it_arrives_right(store):
    (refused,) = record(store, sent(store, refusal=ContractViolation()))
    (done,) = record(store, sent(store))
    assert (type(refused), type(done)) == (ContractViolation, Published)


def test_to_be_answered_again_uses_no_quota_up(store):
    answers = [record(store, sent(store, daily_quota=1))[0] for _ in range(2)]
    (over,) = record(store, sent(store, replace(ONE, message_id="m-2"), draft=make_draft("m-2"), daily_quota=1))
    assert [type(answer) for answer in (*answers, over)] == [Published, Published, QuotaExceeded]


def test_an_id_is_forgotten_after_its_time(store):
    record(store, sent(store))
    store.clock.moment += KEPT
    store.run(sweep, Sweep(frozenset()))
    assert len(store.rows(received_messages)) == 1
    store.clock.moment += timedelta(seconds=1)
    store.run(sweep, Sweep(frozenset()))
    assert store.rows(received_messages) == []
