"""Reporting flows as they are kept: parts in any order and twice, revisions, the older XML's corrections, secrecy."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from contracts.reporting import FlowPart, ReportedPayment, iuv_of, notice_numbers_of
from hub.store.reporting import flows_between, keep_flow_part, reported_between, reported_of
from hub.store.tables import reported_payments, reporting_flows
from tests.unit.store.making import ENTE

CREDITOR = "00488410010"
IUV = "01000000000000012"
DAY = date(2026, 3, 2)
JUST_THEN = (DAY, DAY)


def paid(index, iuv=IUV, cents=100, outcome="executed", on=DAY):
    return ReportedPayment(index, iuv, f"iur-{index}", 1, cents, outcome, on)


PART = FlowPart(
    flow="2026-03-03AGID_01-0001",
    psp_id="AGID_01",
    revision=1,
    creditor_tax_code=CREDITOR,
    made_at=datetime(2026, 3, 3, 5, tzinfo=UTC),
    regulation="TRN1",
    regulation_date=date(2026, 3, 3),
    total_count=3,
    total_cents=300,
    payments=(paid(1), paid(2)),
)
REST = replace(PART, payments=(paid(3, "47170000000000067"),))


def keep(store, *parts):
    with store.database.write() as tx:
        return [keep_flow_part(tx, store.vault, ENTE, part) for part in parts]


def between(store, since=DAY, until=DAY):
    with store.database.read() as connection:
        return reported_between(connection, store.vault, ENTE, since, until)


def flows(store, since=DAY, until=DAY):
    with store.database.read() as connection:
        return flows_between(connection, ENTE, since, until)


@pytest.mark.parametrize("order", [(PART, REST), (REST, PART)])
def test_parts_come_in_any_order_and_twice(store, order):
    first, second = order
    assert sum(keep(store, first)) == len(first.payments)
    assert [flow.fault for flow in flows(store)] == ["incomplete"]
    keep(store, second)
    assert keep(store, first, second, first) == [0, 0, 0]
    assert sorted((one.iuv, one.iur, one.amount_cents) for one in between(store)) == [
        (IUV, "iur-1", 100),
        (IUV, "iur-2", 100),
        ("47170000000000067", "iur-3", 100),
    ]
    (flow,) = flows(store)
    assert (flow.fault, flow.held_count, flow.held_cents, flow.regulation) == (None, 3, 300, "TRN1")


def test_what_is_told_again_writes_nothing(store):
    keep(store, PART)
    before = store.rows(reported_payments), store.rows(reporting_flows)
    store.clock.pass_by(days=1)
    keep(store, PART)
    assert (store.rows(reported_payments), store.rows(reporting_flows)) == before


def test_a_flow_that_does_not_add_up_says_so(store):
    keep(store, replace(PART, total_count=2, total_cents=201))
    assert [flow.fault for flow in flows(store)] == ["sum_differs"]
    keep(store, replace(PART, flow="more", total_count=1, total_cents=200))
    assert [flow.fault for flow in flows(store)] == ["sum_differs", "sum_differs"]


def test_the_highest_revision_holds_whichever_came_first(store):
    second = replace(PART, revision=2, total_count=1, total_cents=50, payments=(paid(1, cents=50),))
    keep(store, second, PART, REST)
    assert [one.amount_cents for one in between(store)] == [50]
    assert [(flow.revision, flow.fault) for flow in flows(store)] == [(2, None)]
    with store.database.read() as connection:
        assert len(reported_of(connection, store.vault, ENTE, {(CREDITOR, IUV)})) == 1
        assert reported_of(connection, store.vault, ENTE, {("80015010723", IUV)}) == []
        assert reported_of(connection, store.vault, ENTE, set()) == []


def test_a_correction_of_the_same_revision_takes_its_place_whole(store):
    later = replace(PART, made_at=PART.made_at + timedelta(hours=1), total_count=1, payments=(paid(1, cents=7),))
    keep(store, PART, REST, later, PART)
    assert [one.amount_cents for one in between(store)] == [7]
    assert [flow.total_count for flow in flows(store)] == [1]


def test_a_correction_may_come_in_parts_too(store):
    later = replace(PART, made_at=PART.made_at + timedelta(hours=1), total_cents=10, payments=(paid(1, cents=7),))
    rest = replace(later, payments=(paid(2, cents=2), paid(3, cents=1)))
    keep(store, PART, REST)
    assert keep(store, later, rest, later) == [1, 2, 0]
    assert [flow.fault for flow in flows(store)] == [None]


def test_another_psp_s_flow_of_the_same_name_is_another_flow(store):
    keep(store, PART, replace(PART, psp_id="OTHER", payments=(paid(1, cents=9),)))
    assert sorted(one.amount_cents for one in between(store)) == [9, 100, 100]


def test_days_are_those_of_the_payments_and_flows_also_of_their_money(store):
    keep(store, PART)
    after = date(2026, 3, 3)
    assert between(store, after, after) == []
    assert [flow.flow for flow in flows(store, after, after)] == [PART.flow]
    assert flows(store, date(2026, 3, 4), date(2026, 3, 5)) == []


def test_neither_iuv_nor_iur_stands_in_clear(store):
    keep(store, PART)
    text = repr(store.rows(reported_payments)) + repr(store.rows(reporting_flows)) + repr(PART) + repr(between(store))
    assert IUV not in text
    assert "iur-1" not in text


def test_many_payments_are_kept_in_one_go(store):
    many = replace(PART, total_count=1201, total_cents=1201, payments=tuple(paid(n, cents=1) for n in range(1, 1202)))
    assert keep(store, many) == [1201]
    assert [flow.fault for flow in flows(store)] == [None]


@pytest.mark.parametrize(
    "notice", ["002123456789012353", "101000000000000144", "212345678901234544", "347170000000000067"]
)
def test_a_notice_holds_its_iuv_and_an_iuv_leads_back_to_it(notice):
    assert notice in notice_numbers_of(iuv_of(notice))
    assert len(set(notice_numbers_of(iuv_of(notice)))) == len(notice_numbers_of(iuv_of(notice)))
    assert notice_numbers_of("RF00X") == ()
