"""Notice numbers that the hub gives: each once, for ever, with the payment that it is for (issue 6, pagoPA)."""

from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from sqlalchemy import select

from contracts.identifiers import LAST_IUV_BASE, make_segregated_number, notice_number_checks
from contracts.positions import PAGOPA, Numbering
from hub.errors import NoticeNumbersExhausted, PositionMoved
from hub.store.amendments import Withdraw
from hub.store.drafts import Identity, Numbers, Registration
from hub.store.intake import Submission
from hub.store.item_history import version_payload
from hub.store.notice_keys import notice_key
from hub.store.restricting import release, restrict
from hub.store.tables import deliveries, item_identities, items, notice_numbers, timeline
from tests.unit.store.making import ENTE, make_draft

CREDITOR = "00488410010"
NUMBERING = Numbering(CREDITOR, 47)
AGE = timedelta(days=30)


def number(serial, code=47):
    return make_segregated_number(segregation_code=code, iuv_base=serial)


def payment(external_id, version=1, *, missing=(0,), numbering=NUMBERING, plan=0, **fields):
    content = {"external_id": external_id, "position": {"installments": [{"n": n} for n in range(plan)]}}
    content["creditor_tax_code"] = numbering.creditor_tax_code
    made = {
        "identity": Identity(ENTE, "acme", "tributi", external_id, "payments"),
        "version": version,
        "content_hash": f"{version:064}",
        "payload": orjson.dumps(content),
        "state": "due",
        "reported_state": "due",
        "turn": "citizen",
        "deliveries": (),
        "registration": Registration("gpd", AGE, numbering),
        "numbers": Numbers(numbering, missing),
    }
    return make_draft(**(made | fields))


def content(store, external_id, version=1):
    with store.database.read() as connection:
        row = connection.execute(select(item_identities).where(item_identities.c.external_id == external_id)).one()
        citizen = store.citizens.by_id(connection, ENTE, row.citizen_id)
        return orjson.loads(
            version_payload(connection, store.vault, citizen, item_id=row.item_id, version=version) or b"{}"
        )


def of(store, table, external_id):
    """The rows of a table about an item."""
    (named,) = [row for row in store.rows(item_identities) if row["external_id"] == external_id]
    name = "message_id" if table is deliveries else "item_id"
    return [row for row in store.rows(table) if row[name] == named["item_id"]]


def test_numbers_follow_each_other_and_hold_their_check_digits(store):
    outcomes = [answer.outcome for answer in store.publish(payment("a"), payment("b"), payment("c"))]
    assert outcomes == ["created"] * 3
    given = [content(store, name)["notice_number"] for name in "abc"]
    assert given == [number(1), number(2), number(3)]
    assert given[0] == "347000000000000124", "3, segregation code, base, remainder of the sixteen by 93"
    assert all(map(notice_number_checks, given))
    assert {(row["notice_number"], row["part"]) for row in store.rows(notice_numbers)} == {(each, 0) for each in given}


def test_a_payment_keeps_its_number_in_every_version_and_whatever_is_sent_again(store):
    store.publish(payment("a"), payment("a", 2))
    assert [answer.outcome for answer in store.publish(payment("a", 2))] == ["unchanged"]
    store.publish(payment("a", 4))
    store.publish(payment("a", 3))  # late
    assert {content(store, "a", version)["notice_number"] for version in (1, 2, 3, 4)} == {number(1)}
    assert len(store.rows(notice_numbers)) == 1
    (item,) = of(store, items, "a")
    assert item["notice_key"] == notice_key(store.vault.keyed_hash, CREDITOR, number(1))
    assert item["content_hash"] == f"{4:064}", "same content is what its vendor sent"
    assert [row["data"] for row in of(store, timeline, "a") if row["event"] == "numbered"] == [
        {"part": 0, "notice_number": number(1)}
    ]


def test_each_instalment_has_its_own_and_a_later_one_gets_the_next(store):
    store.publish(payment("a", plan=2, missing=(0, 1, 2)))
    store.publish(payment("b"))
    store.publish(payment("a", 2, plan=3, missing=(0, 1, 2, 3)))
    shown = content(store, "a", 2)
    assert shown["notice_number"] == number(1)
    assert [each["notice_number"] for each in shown["position"]["installments"]] == [number(2), number(3), number(5)]


def test_what_the_vendor_numbered_stays(store):
    store.publish(payment("a", plan=2, missing=(2,), notice_key="k"))
    shown = content(store, "a")
    assert "notice_number" not in shown
    assert [each.get("notice_number") for each in shown["position"]["installments"]] == [None, number(1)]
    assert of(store, items, "a")[0]["notice_key"] == "k"


def test_each_creditor_and_segregation_code_counts_by_itself_from_its_first(store):
    others = (Numbering("06363391001", 47), Numbering(CREDITOR, 3), Numbering(CREDITOR, 3, 500))
    store.publish(payment("a"), *(payment(f"o{n}", numbering=each) for n, each in enumerate(others[:2])))
    assert [content(store, name)["notice_number"] for name in ("a", "o0", "o1")] == [number(1), number(1), number(1, 3)]
    store.publish(payment("p", numbering=others[2]), payment("q", numbering=others[2]))
    store.publish(payment("r", numbering=others[1]))
    assert [content(store, name)["notice_number"] for name in "pqr"] == [number(500, 3), number(501, 3), number(502, 3)]


def test_a_registered_payment_keeps_its_creditor_and_a_refused_one_gets_no_number(store):
    other = Numbering("06363391001", 47)
    store.publish(payment("a"))
    (refusal,) = store.publish(payment("a", 2, numbering=other))
    assert (type(refusal), refusal.code) == (PositionMoved, "position.moved")
    assert [each["data"] for each in of(store, timeline, "a") if each["event"] == "numbered"] == [
        {"part": 0, "notice_number": number(1)}
    ]
    assert [row["notice_number"] for row in of(store, notice_numbers, "a")] == [number(1)]
    store.publish(payment("a", 3), payment("theirs", numbering=other))
    assert content(store, "a", 3)["notice_number"] == number(1)
    assert content(store, "theirs")["notice_number"] == number(2), "the refused one's was given to nobody"


def test_a_payment_that_comes_back_gets_new_numbers_once(store):
    plan = {"missing": (0, 1, 2), "plan": 2}
    store.publish(payment("a", **plan))
    store.publish(payment("a", 2, state="cancelled", reported_state="cancelled", **plan))
    assert content(store, "a", 2)["notice_number"] == number(1), "what is cancelled keeps its own"
    store.publish(payment("a", 4, **plan), payment("a", 5, **plan), payment("a", 3, **plan))
    for version in (4, 5):
        back = content(store, "a", version)
        assert back["notice_number"] == number(4)
        assert [each["notice_number"] for each in back["position"]["installments"]] == [number(5), number(6)]
    store.publish(payment("a", 6, **plan))
    assert content(store, "a", 6)["notice_number"] == number(4), "the newest are its own"
    assert len(of(store, notice_numbers, "a")) == 6


def test_what_was_paid_keeps_its_number(store):
    store.publish(payment("a"))
    store.publish(payment("a", 2, state="paid", reported_state="cancelled"))
    store.publish(payment("a", 3))
    assert content(store, "a", 3)["notice_number"] == number(1)


def test_what_was_rolled_back_was_given_to_nobody(store):

    def lost(tx, submissions):
        store.intake.record(tx, submissions)
        raise RuntimeError("the end")

    with pytest.raises(RuntimeError, match="the end"):
        store.run(lost, Submission(store.signed(), act=payment("lost")))
    store.publish(payment("a"))
    assert content(store, "a")["notice_number"] == number(1)
    assert [row["notice_number"] for row in store.rows(notice_numbers)] == [number(1)]


def test_a_withdrawn_payments_number_is_not_given_again(store):
    (answer,) = store.publish(payment("a"))
    store.run(store.intake.record, Submission(store.signed(), act=Withdraw(answer.item_id, "x", by_citizen=False)))
    store.publish(payment("b"))
    assert content(store, "b")["notice_number"] == number(2)


def test_the_receipt_of_a_number_of_ours_pays(store):
    store.publish(payment("a"))
    receipt = {"identity": Identity(ENTE, "acme", "tributi", "r", "receipts"), "state": "available"}
    key = notice_key(store.vault.keyed_hash, CREDITOR, number(1))
    paid = make_draft(**receipt, reported_state="available", deliveries=(), notice_key=key)
    store.publish(paid)
    assert of(store, items, "a")[0]["state"] == "paid"
    store.publish(payment("a", 2))
    assert of(store, items, "a")[0]["state"] == "paid", "a later version does not lose its notice"


def test_a_position_is_delivered_in_turn_and_is_no_notice_to_the_citizen(store):
    (answer,) = store.publish(payment("a"))
    assert answer.notification == "not_sent"
    assert [answer.notification for answer in store.publish(payment("a", 2))] == ["not_sent"]
    (first, second) = of(store, deliveries, "a")
    assert {first["order_key"], second["order_key"]} == {answer.item_id}
    assert (first["channel"], first["connector_id"], first["state"]) == (PAGOPA, "gpd", "queued")
    assert first["expires_at"] - first["due_at"] == AGE


def test_a_version_that_comes_while_it_is_restricted_is_registered_once_it_is_released(store):
    (answer,) = store.publish(payment("a"))
    with store.database.write() as tx:
        restrict(tx, answer.item_id)
    store.publish(payment("a", 2))
    assert [row["state"] for row in of(store, deliveries, "a")] == ["held", "held"]
    with store.database.write() as tx:
        release(tx, answer.item_id)
    assert [row["state"] for row in of(store, deliveries, "a")] == ["queued", "queued"]


def test_taking_it_back_and_asking_for_none_any_more_are_delivered(store):
    kept, gone, none = (answer.item_id for answer in store.publish(*(payment(name) for name in "abc")))
    withdrawal = Withdraw(gone, "x", by_citizen=False)
    store.run(store.intake.record, Submission(store.signed(), act=withdrawal))
    store.publish(replace(payment("c", 2), registration=None, numbers=None))
    states = {name: [row["state"] for row in of(store, deliveries, name)] for name in "abc"}
    assert states == {"a": ["queued"], "b": ["skipped", "queued"], "c": ["queued", "queued"]}
    store.publish(replace(payment("d"), registration=None, numbers=None))
    store.publish(replace(payment("d", 2), registration=None, numbers=None))
    assert of(store, deliveries, "d") == []
    assert (kept, none) != (None, None)


def test_where_no_number_is_left_the_payment_is_refused_and_those_beside_it_are_not(store):
    last = replace(NUMBERING, first=LAST_IUV_BASE)
    first, second, instalments, other = store.publish(
        payment("a", numbering=last),
        payment("b", numbering=last),
        payment("c", numbering=last, plan=2, missing=(1, 2)),
        payment("d", numbering=replace(last, segregation_code=3, first=1)),
    )
    assert (first.outcome, other.outcome) == ("created", "created")
    assert content(store, "a")["notice_number"] == number(LAST_IUV_BASE)
    assert [type(each) for each in (second, instalments)] == [NoticeNumbersExhausted] * 2
    assert {row["external_id"] for row in store.rows(item_identities)} == {"a", "d"}
    (again,) = store.publish(payment("b", numbering=last))
    assert type(again) is NoticeNumbersExhausted, "and stays so"
    assert [answer.outcome for answer in store.publish(payment("a", numbering=last))] == ["unchanged"]
