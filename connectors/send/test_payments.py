"""SEND: what the notification of a notice costs, and that one was paid elsewhere."""

import json

import pytest
from pydantic import ValidationError

from contracts.failures import Deferred, Misconfigured, Rejected, Unconfirmed

CREDITOR, NOTICE, UNKNOWN = "00301970190", "302000100000019421", "302000100000099999"


@pytest.fixture
def send(start):
    running = start()
    for name in ("organisation.json", "delivered.json"):
        running.walk(name).finish()
    return running


def run(connector, operation, **arguments):
    wanted = connector.operations[operation]
    return wanted.run(wanted.arguments.model_validate_json(json.dumps(arguments)))


def iun_of(send, place):
    return send.requests[place]["iun"]


def test_the_price_is_what_the_citizen_pays_beside_the_notice(send):
    asked = {"creditor_tax_code": CREDITOR, "notice_number": NOTICE}
    first = run(send.connector(), "notification-price", **asked)
    assert "to_pay_cents" not in first
    fee = first["fee_cents"]
    assert first["total_cents"] == first["send_fee_cents"] + fee
    assert (first["postal_cents"], first["iun"]) == (0, iun_of(send, 0))
    # On paper it costs more.
    del send.requests[0]["request"]["recipients"][0]["digitalDomicile"]
    send.http.post("/_sim/advance", json={"iun": iun_of(send, 0), "status": "DELIVERING"})
    later = run(send.connector(), "notification-price", **asked, amount_cents=10_000)
    assert later["to_pay_cents"] == 10_000 + later["total_cents"]
    assert send.exchanges[-1][1] == f"/delivery/v2.3/price/{CREDITOR}/{NOTICE}"


def test_the_creditor_is_the_sender_where_none_is_named(send):
    run_of = send.connector().operations["notification-price"]
    with pytest.raises(Rejected) as caught:
        run_of.run(run_of.arguments(notice_number=UNKNOWN))
    assert caught.value.reason == "send.notice_unknown"
    assert send.exchanges[-1][1].endswith(f"/{send.platform.sender_tax_code}/{UNKNOWN}")


def test_a_payment_made_elsewhere_is_told_and_stands_in_the_timeline(send):
    paid = {"creditor_tax_code": CREDITOR, "notice_number": NOTICE, "paid_at": "2026-11-26T10:00:00+01:00"}
    told = run(send.connector(), "report-payments", payments=[paid | {"amount_cents": 8700}])
    assert told == {"reported": 1}
    body = json.loads(send.exchanges[-1][3])
    assert body == {
        "events": [
            {
                "noticeCode": NOTICE,
                "creditorTaxId": CREDITOR,
                "paymentDate": "2026-11-26T09:00:00Z",
                "amount": 8700,
            }
        ]
    }
    timeline = send.http.get(f"/delivery/v2.9/notifications/sent/{iun_of(send, 0)}").json()["timeline"]
    assert [each["details"]["amount"] for each in timeline if each["category"] == "PAYMENT"] == [8700]


def test_one_that_send_does_not_know_takes_all_back(send):
    paid = {"creditor_tax_code": CREDITOR, "paid_at": "2026-11-26T10:00:00Z", "amount_cents": 1}
    both = [paid | {"notice_number": NOTICE}, paid | {"notice_number": UNKNOWN}]
    with pytest.raises(Rejected) as caught:
        run(send.connector(), "report-payments", payments=both)
    assert caught.value.reason == "send.notice_unknown"
    assert not any("paid" in each for each in send.requests)


@pytest.mark.parametrize(
    ("fault", "asked", "told"),
    [
        ({"kind": "throttle"}, Deferred, Deferred),
        ({"kind": "error", "status": 500}, Deferred, Unconfirmed),
        ({"kind": "error", "status": 403}, Misconfigured, Misconfigured),
        ({"kind": "error", "status": 400}, Rejected, Rejected),
        ({"kind": "cut"}, Deferred, Unconfirmed),
    ],
)
def test_what_is_answered_instead_is_said_and_no_payment_is_told_twice_blindly(send, fault, asked, told):
    connector, name = send.connector(), {"creditor_tax_code": CREDITOR, "notice_number": NOTICE}
    send.faults(*[fault | {"on": "price"}] * 3)
    with pytest.raises(asked):
        run(connector, "notification-price", **name)
    send.faults(fault | {"on": "paid"})
    paid = name | {"paid_at": "2026-11-26T10:00:00Z", "amount_cents": 1}
    with pytest.raises(told):
        run(connector, "report-payments", payments=[paid])
    # What is cut off is not among the exchanges, but was done.
    answered = [each[1] for each in send.exchanges].count("/delivery/events/payment/pagopa")
    assert answered + sum(len(each.get("paid", [])) for each in send.requests) == 1


@pytest.mark.parametrize("again", [{"amount_cents": 2}, {"creditor_tax_code": "00301970190"}])
def test_a_notice_that_stands_twice_in_one_report_is_told_neither_time(send, again):
    """Also where the creditor, who is the sender, is named but once."""
    paid = {"notice_number": NOTICE, "paid_at": "2026-11-26T10:00:00Z", "amount_cents": 1}
    before = len(send.exchanges)
    with pytest.raises(Rejected) as caught:
        run(send.connector(), "report-payments", payments=[paid, paid | again])
    assert caught.value.reason == "send.payment_twice"
    assert len(send.exchanges) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"notice_number": "../x"},
        {"creditor_tax_code": "RSSMRA80A01H501U"},
        {"paid_at": "2026-11-26T10:00:00"},
        {"amount_cents": 2**31},
        {"amount_cents": -1},
        {"amount_cents": 1.5},
    ],
)
def test_what_is_no_payment_is_not_told(send, wrong):
    good = {"notice_number": UNKNOWN, "paid_at": "2026-11-26T10:00:00Z", "amount_cents": 1}
    before = len(send.exchanges)
    with pytest.raises(ValidationError):
        run(send.connector(), "report-payments", payments=[good | wrong])
    with pytest.raises(ValidationError):
        run(send.connector(), "report-payments", payments=[])
    assert len(send.exchanges) == before
