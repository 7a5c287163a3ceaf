"""What a payment asks its citizen to pay now: the whole, or the instalments that stand for it."""

from datetime import UTC, date, datetime
from types import SimpleNamespace

import orjson
import pytest

from contracts.items import Payment
from hub.dispatch import owing
from hub.dispatch.owing import Kept, Owing
from hub.ingest.canonical import canonical_json
from hub.store.costs import Cost
from hub.store.notice_keys import notice_key, staged
from hub.store.paid import Paid
from tests.harness import make_payment

NOW = datetime(2026, 12, 16, 22, 30, tzinfo=UTC)
TOWN = "00488410010"
ASKED = {"debtor_name": "Maria Rossi", "iban": "IT60X0542811101000000123456", "category": "9/0301105TS/"}


class Vault:
    def keyed_hash(self, purpose, value):
        return f"{purpose}:{value}"


def key(number):
    return notice_key(Vault().keyed_hash, TOWN, number)


def standing(monkeypatch, *, paid=None, row=(), **fields):
    """How the instalments of a payment stand, of whose notices `paid` is known."""
    connection = SimpleNamespace()
    monkeypatch.setattr(owing, "paid_among", lambda *_: paid or Paid())
    monkeypatch.setattr(owing, "costs_of", lambda *_: {})
    return [state for _, state in owing_of().standing(connection, kept_of(row, fields), NOW)]


def asked(monkeypatch=None, *, paid=None, costs=None, row=(), **fields):
    """The parts that are owed of a payment; the database is asked where `paid` is given, and only then."""
    connection = SimpleNamespace()

    def connect():
        assert paid is not None, "nothing is to be looked up"
        return connection

    if monkeypatch is not None:
        monkeypatch.setattr(owing, "paid_among", lambda given, *_: paid if given is connection else None)
        monkeypatch.setattr(owing, "costs_of", lambda given, *_: costs or {} if given is connection else None)
    return owing_of().of(connect, [kept_of(row, fields)], NOW)[0]


def kept_of(row, fields):
    content = canonical_json(Payment.model_validate(make_payment(**fields), strict=False))
    its = {"vendor_id": "acme", "state": "due", "lifecycle": "active", "expires_at": None}
    known = {"notice_key": None, "cost_cents": None}
    return Kept(
        "c_h501", "c", "i", **its | known | dict(row), content=orjson.loads(content), tax_code="RSSMRA80A01H501U"
    )


def owing_of():
    registry = SimpleNamespace(ente=lambda _: SimpleNamespace(name="Comune di Prova"))
    return Owing(Vault(), lambda: registry)


def test_what_a_notification_adds_is_paid_along_with_the_notice_that_it_names(monkeypatch):
    plain = asked(notice_number="302000100000019421", amount_cents=8700)
    costly = asked(notice_number="302000100000019421", amount_cents=8700, row={"cost_cents": 1240})
    assert [each.notice.amount_cents for each in (*plain, *costly)] == [8700, 9940]
    fields, (first, _) = planned("2026-12-20", "2027-01-20")
    costs = {("c_h501", key(first)): Cost(1240, NOW)}
    found = asked(monkeypatch, paid=Paid(), costs=costs, row={"cost_cents": 200}, **fields)
    assert [each.notice.amount_cents for each in found] == [10_200, 6_240, 5_000]


def test_what_is_in_the_amount_already_is_not_added_again():
    raised = {"amount_cents": 8900, "notification_fee_cents": 200}
    found = [asked(**raised, row={"cost_cents": heard})[0] for heard in (None, 200, 1240, 0)]
    assert [each.notice.amount_cents for each in found] == [8900, 8900, 9940, 8700]


def parts(found):
    return [each.part for each in found]


def planned(*dues):
    numbers = [f"30200000000000001{n}" for n, _ in enumerate(dues)]
    plan = [{"amount_cents": 5_000, "due_date": due, "notice_number": n} for due, n in zip(dues, numbers, strict=True)]
    return {"amount_cents": 5_000 * len(dues), "position": ASKED | {"installments": plan}}, numbers


@pytest.mark.parametrize("state", ["due", "started", "overdue"])
def test_what_is_open_can_be_paid(state):
    (found,) = asked(row={"state": state}, due_date="2026-12-16")
    assert (found.notice.notice_number, found.notice.amount_cents) == ("301000000000000012", 12_500)
    assert found.notice.due_on == "2026-12-16"
    assert "RSSMRA80A01H501U" not in repr(found)


@pytest.mark.parametrize("state", ["creating", "paid", "paid_elsewhere", "expired", "cancelled", "refunded"])
def test_what_is_not_open_cannot(state):
    fields, _ = planned("2026-12-20", "2027-01-20")
    assert asked(row={"state": state}) == asked(row={"state": state}, **fields) == []


def test_what_is_over_or_asks_for_nothing_cannot_either():
    assert asked(row={"lifecycle": "withdrawn"}) == []
    assert asked(row={"expires_at": NOW}) == []
    assert asked(amount_cents=0) == []
    assert asked(notice_number=None) == []
    # Half past eleven in the evening in Rome: the day is not over.
    last = {"due_date": "2026-12-16", "invalid_after_due": True}
    assert parts(asked(**last)) == [0]
    assert asked(**last | {"due_date": "2026-12-15"}) == []
    assert parts(asked(due_date="2026-12-15")) == [0], "late, and still owed"
    assert date(2026, 12, 16) == NOW.date()


def test_instalments_are_owed_beside_the_whole_until_one_is_paid(monkeypatch):
    fields, (first, second) = planned("2026-12-20", "2027-01-20")
    found = asked(monkeypatch, paid=Paid(), **fields)
    assert parts(found) == [0, 1, 2]
    assert [each.notice.notice_number for each in found[1:]] == [first, second]
    assert found[2].notice.reason == "TARI 2026, rata 2 di 2"
    assert parts(asked(monkeypatch, paid=Paid(frozenset({key(first)})), **fields)) == [2]
    its_own = Paid(by_vendor=frozenset({("acme", key(second))}))
    assert parts(asked(monkeypatch, paid=its_own, **fields)) == [1]
    assert parts(asked(monkeypatch, paid=Paid(by_vendor=frozenset({("beta", key(second))})), **fields)) == [0, 1, 2]
    assert asked(monkeypatch, paid=Paid(frozenset({key(first), key(second)})), **fields) == []


def test_who_began_with_a_plan_pays_by_it(monkeypatch):
    numbers = [f"30200000000000001{n}" for n in range(4)]
    own = [(n, 1 + n // 2) for n in range(4)]
    plan = [
        {"amount_cents": 6_250, "due_date": "2026-12-20", "notice_number": numbers[n], "plan": each} for n, each in own
    ]
    fields = {"position": ASKED | {"installments": plan}}
    found = asked(monkeypatch, paid=Paid(), **fields)
    assert [(each.part, each.plan) for each in found] == [(0, 0), (1, 1), (2, 1), (3, 2), (4, 2)]
    whole = found[0].notice.notice_number
    assert [each.instead for each in found[:2]] == [set(numbers), {whole, *numbers[2:]}]
    assert [each.notice.reason for each in found[3:]] == ["TARI 2026, rata 1 di 2", "TARI 2026, rata 2 di 2"]
    assert parts(asked(monkeypatch, paid=Paid(frozenset({key(numbers[3])})), **fields)) == [3]


def test_each_part_is_over_on_its_own_day(monkeypatch):
    fields, _ = planned("2026-12-15", "2027-01-20")
    over = fields | {"due_date": "2026-12-15", "invalid_after_due": True}
    assert parts(asked(monkeypatch, paid=Paid(), **over)) == [2]
    assert parts(asked(monkeypatch, paid=Paid(), **over | {"invalid_after_due": False})) == [0, 1, 2]


@pytest.mark.parametrize(("ends", "due", "said"), [(True, 15, "expired"), (False, 15, "overdue"), (True, 16, "due")])
def test_an_instalment_is_late_once_its_day_is_over_in_rome(monkeypatch, ends, due, said):
    fields, _ = planned(f"2026-12-{due}", "2027-01-20")
    later = {"due_date": "2027-01-20", "invalid_after_due": ends}
    assert standing(monkeypatch, **fields, **later) == [said, "due"]
    assert standing(monkeypatch, **fields, **later, row={"state": "cancelled"}) == ["closed", "closed"]


def test_parts_without_a_number_wait_for_it(monkeypatch):
    plan = [{"amount_cents": 6_250, "due_date": "2026-12-20"} for _ in range(2)]
    assert parts(asked(position=ASKED | {"installments": plan})) == [0]


def test_what_is_on_trial_is_for_connectors_for_tests():
    for on_trial, environment in ((False, "production"), (True, "test")):
        its = {"notice_key": staged("f00d", on_trial=on_trial)}
        assert [each.environment for each in asked(row=its)] == [environment]
