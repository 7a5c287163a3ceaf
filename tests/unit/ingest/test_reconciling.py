"""What is paid, reported and missing: receipts of vendors and of pagoPA against flows, in cents."""

from dataclasses import replace
from datetime import date, timedelta

import orjson
import pytest

from contracts.items import COLLECTIONS
from contracts.reporting import iuv_of
from hub.ingest.drafting import draft_of
from hub.ingest.reconciling import Days, as_json, reconcile
from hub.ingest.rules import standard
from tests.harness import make_payment, make_receipt
from tests.unit.store.making import ENTE, make_vendor
from tests.unit.store.test_reporting import CREDITOR, PART, keep, paid

NOTICE = "301000000000000012"
OTHER_BODY = "80015010723"
DAY = date(2026, 3, 2)
NEXT = date(2026, 3, 31)


def publish(store, collection, raw):
    item = COLLECTIONS[collection].model_validate_json(orjson.dumps(raw))
    route, keyed_hash = (lambda *_: ()), store.vault.keyed_hash
    store.publish(draft_of(item, make_vendor(), route=route, keyed_hash=keyed_hash, rules=standard()))


def receipt(store, number="RT-1", notice=NOTICE, cents=12_500, paid_at="2026-03-02T10:00:00Z"):
    own = {"receipt_number": number, "amount_cents": cents, "paid_at": paid_at, "occurred_at": paid_at}
    own["payment"] = {"creditor_tax_code": CREDITOR, "notice_number": notice}
    publish(store, "receipts", make_receipt(f"receipt-{number}", **own))


def report(store, *payments, flow="F1", **fields):
    total = sum(one.amount_cents for one in payments)
    part = replace(PART, flow=flow, total_count=len(payments), total_cents=total, payments=payments)
    keep(store, replace(part, **fields))


def found(store, since=DAY, until=DAY, today=NEXT):
    with store.database.read() as connection:
        return reconcile(connection, store.vault, ENTE, Days(since, until, today, grace=5))


def statuses(store, **days):
    return [line.status for line in found(store, **days).lines]


def test_paid_and_reported_is_matched(store):
    publish(store, "payments", make_payment())
    receipt(store)
    report(store, paid(1, iuv_of(NOTICE), 12_500))
    result = found(store)
    (line,) = result.lines
    assert (line.status, line.paid_cents, line.reported_cents, line.flows) == ("matched", 12_500, 12_500, ("F1",))
    assert (line.payment_state, len(line.receipts)) == ("paid", 1)
    assert result.is_whole
    assert result.totals()["matched"] == {"count": 1, "cents": 12_500}
    assert result.totals()["paid"] == result.totals()["reported"] == {"count": 1, "cents": 12_500}
    assert orjson.loads(orjson.dumps(as_json(result)))["flows"][0]["fault"] is None


@pytest.mark.parametrize("notice", ["001123456789012312", "112345678901234567", "212345678901234567", NOTICE])
def test_whatever_stands_before_the_iuv(store, notice):
    receipt(store, notice=notice, paid_at="2026-03-05T10:00:00Z")
    report(store, paid(1, iuv_of(notice), 12_500))
    # The receipt is of another day: it is found by its notice.
    assert statuses(store) == ["matched"]


def test_a_report_may_be_late_and_then_is_missing(store):
    receipt(store)
    assert statuses(store, today=DAY + timedelta(days=5)) == ["awaited"]
    assert found(store, today=DAY + timedelta(days=5)).is_whole
    assert statuses(store, today=DAY + timedelta(days=6)) == ["report_missing"]
    assert not found(store).is_whole
    report(store, paid(1, iuv_of(NOTICE), 12_500, on=date(2026, 3, 9)))
    assert statuses(store) == ["matched"], "it is reported, if for another day"


def test_money_without_a_receipt_is_told_of(store):
    publish(store, "payments", make_payment())
    report(store, paid(1, iuv_of(NOTICE), 12_500, "no_rpt"), paid(2, "47170000000000067", 5))
    lines = found(store).lines
    assert [(line.status, line.payment_state) for line in lines] == [
        ("receipt_missing", "due"),
        ("receipt_missing", None),
    ]
    assert found(store).totals()["receipt_missing"] == {"count": 2, "cents": 12_505}


def test_amounts_are_compared_to_the_cent_and_transfers_added_up(store):
    receipt(store)
    report(store, paid(1, iuv_of(NOTICE), 12_000), paid(2, iuv_of(NOTICE), 499))
    assert statuses(store) == ["amount_differs"]
    report(store, paid(1, iuv_of(NOTICE), 1), flow="F2")
    assert statuses(store) == ["matched"]


def test_of_several_beneficiaries_the_creditor_s_share_is_reported(store):
    parts = [
        {"amount_cents": 12_000, "receiver_tax_code": CREDITOR},
        {"amount_cents": 500, "receiver_tax_code": OTHER_BODY},
    ]
    publish(store, "payments", make_payment(items=parts))
    receipt(store)
    report(store, paid(1, iuv_of(NOTICE), 12_000))
    (line,) = found(store).lines
    assert (line.status, line.paid_cents) == ("matched", 12_000)


@pytest.mark.parametrize(
    ("paid_cents", "reported_cents", "told"),
    [
        (13_740, 13_240, ("matched", 13_240)),  # its own 120,00 and the 12,40 of the notification
        (13_740, 12_000, ("amount_differs", 13_240)),
        (13_740, 13_740, ("amount_differs", 13_240)),  # the other body's share went to this one
        (12_400, 12_000, ("amount_differs", 12_400)),  # less than the parts: nobody knows whose the rest is
    ],
)
def test_what_was_paid_beyond_the_parts_is_the_creditor_s(store, paid_cents, reported_cents, told):
    parts = [
        {"amount_cents": 12_000, "receiver_tax_code": CREDITOR},
        {"amount_cents": 500, "receiver_tax_code": OTHER_BODY},
    ]
    publish(store, "payments", make_payment(items=parts))
    receipt(store, cents=paid_cents)
    report(store, paid(1, iuv_of(NOTICE), reported_cents))
    (line,) = found(store).lines
    assert (line.status, line.paid_cents) == told


def test_a_vendor_s_receipt_and_pagopa_s_own_are_one_payment(store):
    receipt(store, "RT-1", cents=12_700)  # with the provider's fee
    receipt(store, "RT-2")
    report(store, paid(1, iuv_of(NOTICE), 12_500))
    result = found(store)
    (line,) = result.lines
    assert (line.status, len(line.receipts)) == ("matched", 2)
    assert result.totals()["paid"] == {"count": 1, "cents": 12_500}


def test_what_was_taken_back_is_told_of_where_somebody_counts_on_it(store):
    report(store, paid(1, "47170000000000067", 5, "revoked"))
    assert statuses(store) == []
    receipt(store)
    report(store, paid(1, iuv_of(NOTICE), 12_500), flow="F2")
    report(store, paid(1, iuv_of(NOTICE), 12_500, "revoked"), flow="F3")
    assert statuses(store) == ["revoked"]
    assert not found(store).is_whole


def test_a_flow_of_which_a_part_is_missing_makes_nothing_whole(store):
    receipt(store)
    report(store, paid(1, iuv_of(NOTICE), 12_500), total_count=2)
    result = found(store)
    assert [line.status for line in result.lines] == ["matched"]
    assert not result.is_whole


def test_days_are_those_of_italy(store):
    receipt(store, paid_at="2026-03-01T23:30:00Z")
    assert statuses(store) == ["report_missing"]
    assert statuses(store, since=date(2026, 3, 1), until=date(2026, 3, 1)) == []


def test_the_payments_of_another_ente_are_its_own(store):
    receipt(store)
    with store.database.read() as connection:
        result = reconcile(connection, store.vault, "c_x000", Days(DAY, DAY, NEXT))
    assert (result.lines, result.flows, result.is_whole) == ((), (), True)
