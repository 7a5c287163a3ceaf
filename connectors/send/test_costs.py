"""What a notification adds to the payments that it asks for: asked for with each look at its timeline."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from contracts.base import rfc3339
from contracts.connector import Continue, Done
from contracts.failures import Skipped


def asked(connector, iun):
    """All that one look brings: the costs that were learned, and the last step."""
    costs, memo = [], {"iun": iun}
    for _ in range(5):
        step = connector.follow_up(None, json.loads(json.dumps(memo)))
        costs += step.costs
        if isinstance(step, Done) or step.after > timedelta(seconds=1):
            return costs, step
        memo = step.memo
        assert "302000100000019421" not in str(memo), "a memo names no notice"
    raise AssertionError("no end")


def test_what_a_notification_adds_to_its_payments_is_asked_for_with_each_look(start):
    send = start()
    send.walk("organisation.json").finish()
    (entry,), connector = send.requests, send.connector()
    costs, step = asked(connector, entry["iun"])
    assert [(each.notice_number, each.cost_cents) for each in costs] == [("302000100000019421", 200)]
    assert isinstance(step, Continue)
    entry["request"]["recipients"][0].pop("digitalDomicile", None)
    send.http.post("/_sim/advance", json={"iun": entry["iun"], "status": "DELIVERING"})
    assert asked(connector, entry["iun"])[0][0].cost_cents > 1000
    for status in ("DELIVERED", "EFFECTIVE_DATE"):
        send.http.post("/_sim/advance", json={"iun": entry["iun"], "status": status})
    assert isinstance(connector.follow_up(None, {"iun": entry["iun"], "quiet": 1}), Done)


def test_one_that_was_cancelled_adds_nothing_any_more(start):
    send = start()
    send.walk("organisation.json").finish()
    (entry,) = send.requests
    send.http.post("/_sim/advance", json={"iun": entry["iun"], "status": "CANCELLED"})
    costs, _ = asked(send.connector(), entry["iun"])
    assert [(each.notice_number, each.cost_cents) for each in costs] == [("302000100000019421", 0)]


def test_one_that_is_asked_about_can_be_taken_back(start):
    """The memo of the questions was unknown to the steps of the delivery, and nothing was cancelled."""
    send = start()
    walk = send.walk("organisation.json")
    memo = walk.finish().follow_up.memo
    taken_back = replace(walk.notice, legal=None, withdrawn=True)
    steps = [walk.connector.advance(taken_back, memo)]
    for _ in range(2):
        steps.append(walk.connector.advance(taken_back, steps[-1].memo))
    assert [each.cost_cents for each in steps[-1].costs] == [0]
    with pytest.raises(Skipped):
        walk.connector.advance(taken_back, steps[-1].memo)
    assert send.requests[0]["state"] == "CANCELLED"


def test_the_notification_is_read_once_whatever_it_asks_to_pay(start):
    """It was once for each notice; the memos of that version said how many were known."""
    send = start()
    send.walk("organisation.json").finish()
    (entry,), connector = send.requests, send.connector()
    payments = entry["request"]["recipients"][0]["payments"]
    payments.append({"pagoPa": payments[0]["pagoPa"] | {"noticeCode": "302000100000019522"}})
    before = len(send.exchanges)
    step = connector.follow_up(None, {"iun": entry["iun"], "priced": 1})
    assert [each.notice_number for each in step.costs] == ["302000100000019421", "302000100000019522"]
    assert [each[1].split("/")[2] for each in send.exchanges[before:]] == ["v2.9", "v2.3", "v2.3"]


@pytest.mark.parametrize("change", [{"notificationFeePolicy": "FLAT_RATE"}, {"pagoPaIntMode": "NONE"}])
def test_nothing_is_added_where_the_costs_are_not_the_citizens_or_the_sender_adds_them(start, change):
    send = start()
    send.walk("organisation.json").finish()
    (entry,) = send.requests
    entry["request"] |= change
    entry["at"] = "2026-01-01T10:00:00Z"
    costs, step = asked(send.connector(), entry["iun"])
    assert (costs, isinstance(step, Done)) == ([], True)


def test_a_notice_that_send_has_no_price_of_leaves_the_rest_as_it_is(start):
    send = start()
    send.walk("organisation.json").finish()
    send.faults({"kind": "error", "status": 404, "on": "price"})
    costs, step = asked(send.connector(attestations=True), send.requests[0]["iun"])
    assert costs == []
    assert step.memo["had"]


def test_of_several_instalments_the_first_bears_the_costs(start):
    """SEND asks for all of them with each notice that has them: they were paid with each instalment."""
    send = start()
    walk = send.walk("organisation.json")
    (paid_whole,) = walk.notice.legal.payments
    instalments = [replace(paid_whole, notice_number=f"30200010000001952{n}", instalment=n) for n in (3, 2, 4)]
    walk.notice = replace(walk.notice, legal=replace(walk.notice.legal, payments=(paid_whole, *instalments)))
    walk.finish()
    asked_for = [each["pagoPa"] for each in send.requests[0]["request"]["recipients"][0]["payments"]]
    assert [each["applyCost"] for each in asked_for] == [True, False, True, False]


def test_costs_are_asked_for_within_a_minute_and_a_notification_without_any_is_looked_at_again(start):
    """The first look came six hours later: whoever paid before it paid without them."""
    send = start()
    walk = send.walk("organisation.json")
    assert walk.finish().follow_up.after == timedelta(minutes=1)
    (entry,) = send.requests
    entry["request"] |= {"notificationFeePolicy": "FLAT_RATE"}
    later = walk.connector.follow_up(None, {"iun": entry["iun"]})
    assert (type(later), later.after, later.costs) == (Continue, timedelta(hours=6), ())
    entry["at"] = rfc3339(datetime.now(UTC) - timedelta(hours=6, minutes=1))
    assert isinstance(walk.connector.follow_up(None, later.memo), Done)


def test_without_costs_to_show_the_first_look_has_time(start):
    done = start().walk("organisation.json", show_costs=False, attestations=True).finish()
    assert done.follow_up.after == timedelta(hours=6)
