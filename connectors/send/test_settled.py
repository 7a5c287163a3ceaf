"""SEND is told once that a notice was paid, whatever becomes of the call."""

import pytest

from connectors.base.conformance import Walk
from connectors.send.scripted_platform import settled_by
from connectors.send.settled import SHOWN_WITHIN_S
from contracts.connector import Continue, Done
from contracts.failures import Deferred, Misconfigured, Rejected, Skipped, Unconfirmed

PATH = "/delivery/events/payment/pagopa"


@pytest.fixture
def send(start):
    running = start()
    walk = running.walk("organisation.json")
    walk.finish()
    running.notice = settled_by(walk.notice, running.requests[0]["iun"])
    return running


def told(send):
    return send.requests[0].get("paid", [])


def ready(connector, notice):
    """The memo of a delivery that is about to tell it."""
    step = connector.advance(notice, {})
    assert isinstance(step, Continue)
    assert step.unsafe
    return step.memo


def test_a_payment_is_told_and_stands_in_the_timeline(send):
    walk = Walk(send.connector(), send.notice)
    assert isinstance(walk.finish(), Done)
    (event,) = told(send)
    assert event["paymentDate"] == "2026-11-26T09:00:00Z"
    assert event["amount"] == send.notice.settled.amount_cents
    (preview,) = walk.connector.preview(send.notice)
    assert preview.call.endswith(PATH)


def test_one_that_send_knows_is_not_told_again(send):
    for _ in range(2):
        Walk(send.connector(), send.notice).finish()
    assert len(told(send)) == 1


def test_one_that_the_notification_does_not_ask_for_is_passed_over(send):
    other = settled_by(send.walk("organisation.json").notice, send.requests[0]["iun"], notice_number="3" + "0" * 17)
    with pytest.raises(Skipped):
        send.connector().advance(other, {})
    assert told(send) == []


def test_whoever_does_not_want_it_tells_nothing(send):
    before = len(send.exchanges)
    with pytest.raises(Skipped) as caught:
        send.connector(tell_payments=False).advance(send.notice, {})
    assert caught.value.reason == "send.payments_not_told"
    assert len(send.exchanges) == before


def test_after_an_unknown_outcome_the_timeline_is_asked(send):
    connector = send.connector()
    memo = ready(connector, send.notice)
    send.faults({"kind": "cut", "on": "paid"})
    with pytest.raises(Unconfirmed):
        connector.advance(send.notice, memo)
    assert isinstance(connector.lookup(send.notice, memo), Done)
    assert len(told(send)) == 1


def test_one_that_was_lost_on_the_way_is_told_once_the_timeline_had_time_to_show_it(send):
    connector = send.connector()
    memo = ready(connector, send.notice)
    send.faults({"kind": "error", "status": 500, "on": "paid"})
    with pytest.raises(Unconfirmed):
        connector.advance(send.notice, memo)
    with pytest.raises(Deferred) as caught:
        connector.lookup(send.notice, memo)
    assert caught.value.reason == "send.payment_unseen"
    late = {**memo, "since": memo["since"] - int(SHOWN_WITHIN_S) - 1}
    assert connector.lookup(send.notice, late) is None
    # How long ago it was told counts from each time anew.
    again = connector.advance(send.notice, late)
    assert isinstance(again, Continue)
    assert again.memo["since"] >= memo["since"]
    assert isinstance(connector.advance(send.notice, again.memo), Done)
    assert len(told(send)) == 1


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        ({"kind": "throttle", "on": "paid"}, Deferred),
        ({"kind": "error", "status": 400, "on": "paid"}, Rejected),
        ({"kind": "error", "status": 404, "on": "paid"}, Rejected),
        ({"kind": "error", "status": 403, "on": "paid"}, Misconfigured),
    ],
)
def test_what_is_answered_instead_is_said(send, fault, failure):
    connector = send.connector()
    memo = ready(connector, send.notice)
    send.faults(fault)
    with pytest.raises(failure):
        connector.advance(send.notice, memo)
    assert told(send) == []


@pytest.mark.parametrize(("status", "failure"), [(404, Deferred), (500, Deferred), (403, Misconfigured)])
def test_a_timeline_that_cannot_be_had_is_asked_for_later(send, status, failure):
    connector = send.connector()
    send.faults(*[{"kind": "error", "status": status, "on": "sent"}] * 3)
    with pytest.raises(failure):
        connector.advance(send.notice, {})
    assert told(send) == []


def test_a_memo_of_another_version_is_looked_up_as_if_nothing_had_been_told(send):
    assert send.connector().lookup(send.notice, {"step": "else"}) is None
    assert send.connector().advance(send.notice, {"step": "else"}).memo["step"] == "tell"
