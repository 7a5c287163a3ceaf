"""One pagoPA notice from two vendors is one payment to the citizen, and neither learns of the other (settled 14)."""

import pytest

from hub.ingest.drafting import SETTLES
from hub.store.tables import agenda, deliveries, items
from tests.flows.making import (
    code,
    described_hub,
    fresh,
    mail_folder,
    new_person,
    notice_number,
    published,
    rows,
    to,
)
from tests.harness import make_payment, make_receipt

CREDITOR = "00488410010"


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("folding")
    with described_hub(folder / "home", connectors=mail_folder(folder), sweep_s=300) as running:
        yield running


def payment(person, number, **fields):
    return make_payment(fresh(), **(to(person) | {"notice_number": number, "due_date": "2099-01-31"} | fields))


def receipt(person, number, **fields):
    paid = {"creditor_tax_code": CREDITOR, "notice_number": number}
    return make_receipt(fresh(), **({"recipient": {"tax_code": person}, "payment": paid} | fields))


def both(hub, person, **of_other):
    """The same notice from `acme` and `beta`: (items, their ids)."""
    number = notice_number()
    one, other = payment(person, number), payment(person, number, title="Dall'altro", **of_other)
    ids = published(hub, "payments", one), published(hub, "payments", other, vendor=hub.other_vendor)
    return number, (one, other), ids


def seen_by(hub, vendor, item_id):
    return hub.vendor_get(f"/items/{item_id}", vendor=vendor).json()


def shown(hub, person):
    return hub.read("/payments", person).json()["items"]


def reconstructed(hub, person):
    """What a portal has that only ever asked for changes: item_id -> state."""
    known, after = {}, None
    while True:
        page = hub.read("/changes" + (f"?after={after}" if after else ""), person).json()
        for change in page["items"]:
            known.pop(change["item_id"], None)
            if change["item"] is not None:
                known[change["item_id"]] = change["item"]["state"]
        after = page["next_cursor"]
        if not page["more"]:
            return known


def in_the_lists(hub, person):
    return {one["item_id"]: one["state"] for one in hub.read("/items?limit=100", person).json()["items"]}


@pytest.mark.parametrize("elsewhere", [True, False])
@pytest.mark.parametrize("leaves", [0, 1])
def test_who_is_left_by_a_payment_that_is_now_of_another_notice_is_shown_by_itself(hub, person, leaves, elsewhere):
    _, pair, ids = both(hub, person)
    vendors = (hub.vendor, hub.other_vendor)
    (before,) = shown(hub, person)
    assert before["item_id"] in ids
    new = dict(pair[leaves]) | {"version": 2}
    new |= {"notice_number": notice_number()} if elsewhere else {}
    if not elsewhere:
        del new["notice_number"]
    published(hub, "payments", new, vendor=vendors[leaves])
    assert sorted(one["item_id"] for one in shown(hub, person)) == sorted(ids)
    assert {row["folded_into"] for row in rows(hub, items) if row["item_id"] in ids} == {None}
    assert reconstructed(hub, person).items() >= dict.fromkeys(ids, "due").items()


def test_two_sources_of_a_notice_are_one_payment(hub, person):
    _, _, (one, other) = both(hub, person)
    (seen,) = shown(hub, person)
    assert seen["item_id"] == one
    assert seen["published_by"] == [
        {"vendor_id": "acme", "source": "tributi", "state": "due"},
        {"vendor_id": "beta", "source": "tributi", "state": "due"},
    ]
    assert hub.read(f"/items/{other}", person).status_code == 404
    summary = hub.read("/summary", person).json()
    assert [s["count"] for s in summary["sections"] if s["collection"] == "payments"] == [1]
    assert summary["waiting_for_citizen"] == 1
    assert [one["collection"] for one in summary["next_deadlines"]] == ["payments"]
    assert reconstructed(hub, person) == in_the_lists(hub, person)


@pytest.mark.req("S28")
def test_the_citizen_is_told_once_of_what_two_sources_ask_for(hub, person):
    both(hub, person)
    assert len(hub.read("/messages", person).json()["items"]) == 1
    assert len(hub.read("/deadlines", person).json()["items"]) == 1
    mine = {row["item_id"] for row in rows(hub, items, collection="messages")} & {
        one["item_id"] for one in hub.read("/messages", person).json()["items"]
    }
    assert len([row for row in rows(hub, deliveries) if row["message_id"] in mine and row["channel"] == "email"]) == 1


def test_a_vendor_learns_nothing_of_the_other(hub, person):
    _, (item, other), ids = both(hub, person)
    first = seen_by(hub, hub.vendor, ids[0])
    published(hub, "payments", other | {"version": 2, "state": "paid"}, vendor=hub.other_vendor)
    (seen,) = shown(hub, person)
    assert (seen["state"], seen["turn"]) == ("paid", "none")
    now = seen_by(hub, hub.vendor, ids[0])
    # Whether the citizen was told goes on by itself; nothing else may move.
    moving = {"notification", "timeline"}
    assert {k: v for k, v in now.items() if k not in moving} == {k: v for k, v in first.items() if k not in moving}
    assert {e["event"] for e in now["timeline"]} <= {"accepted", "notified", "notification"}
    assert seen_by(hub, hub.other_vendor, ids[1])["notification"] == now["notification"]
    assert hub.vendor_get(f"/items/{ids[1]}").status_code == 404
    del item


def test_what_one_says_is_paid_stays_paid(hub, person):
    _, (one, other), ids = both(hub, person)
    published(hub, "payments", other | {"version": 2, "state": "paid"}, vendor=hub.other_vendor)
    assert rows(hub, agenda, item_id=ids[0]) == []
    assert [d["state"] for d in hub.read("/deadlines", person).json()["items"]] == ["met"]
    published(hub, "payments", one | {"version": 2, "title": "Ancora dovuto"})
    assert [p["state"] for p in shown(hub, person)] == ["paid"]
    assert hub.withdraw(ids[1], vendor=hub.other_vendor).status_code == 201
    (seen,) = shown(hub, person)
    assert (seen["item_id"], seen["state"]) == (ids[0], "paid")
    assert [p["vendor_id"] for p in seen["published_by"]] == ["acme"]
    assert reconstructed(hub, person) == in_the_lists(hub, person)


def test_a_withdrawal_takes_one_contributor_away_and_the_other_goes_on(hub, person):
    _, _, ids = both(hub, person)
    hub.mark(ids[0], {"starred": True}, person)
    assert hub.withdraw(ids[0]).status_code == 201
    hub.hub.after_sweep()
    (seen,) = shown(hub, person)
    assert (seen["item_id"], seen["state"], seen["turn"]) == (ids[1], "due", "citizen")
    assert seen["user_state"]["starred"] is True
    assert [d["state"] for d in hub.read("/deadlines", person).json()["items"]] == ["open"]
    assert [m["title"] for m in hub.read("/messages", person).json()["items"]] == ["Avviso di pagamento: Dall'altro"]
    assert rows(hub, agenda, item_id=ids[1]) != []
    assert reconstructed(hub, person) == in_the_lists(hub, person)
    assert hub.withdraw(ids[1], vendor=hub.other_vendor).status_code == 201
    assert shown(hub, person) == []
    assert reconstructed(hub, person) == in_the_lists(hub, person)


def test_an_embargoed_contributor_hides_nothing(hub, person):
    number = notice_number()
    published(hub, "payments", payment(person, number, visible_from="2098-01-01T00:00:00Z"))
    other = published(hub, "payments", payment(person, number), vendor=hub.other_vendor)
    (seen,) = shown(hub, person)
    assert seen["item_id"] == other
    assert [p["vendor_id"] for p in seen["published_by"]] == ["beta"]


def test_another_citizen_or_another_notice_is_another_payment(hub, person):
    number, stranger = notice_number(), new_person()
    published(hub, "payments", payment(person, number))
    published(hub, "payments", payment(stranger, number), vendor=hub.other_vendor)
    published(hub, "payments", payment(person, notice_number()), vendor=hub.other_vendor)
    assert [len(p["published_by"]) for p in shown(hub, person)] == [1, 1]
    assert [p["published_by"][0]["vendor_id"] for p in shown(hub, stranger)] == ["beta"]


@pytest.mark.req("S58", "S59")
def test_a_receipt_stays_when_its_payment_goes_and_is_found_from_both_ends(hub, person):
    number, _, ids = both(hub, person)
    proof = published(hub, "receipts", receipt(person, number), vendor=hub.other_vendor)
    (seen,) = shown(hub, person)
    assert seen["state"] == "paid"
    assert seen_by(hub, hub.vendor, ids[0])["state"] == "due"
    assert seen_by(hub, hub.other_vendor, ids[1])["state"] == "paid"
    for here, there, rel in ((ids[0], proof, "receipt"), (proof, ids[0], "payment")):
        linked = hub.read(f"/items/{here}", person).json()["linked"]
        assert (rel, there) in {(one["rel"], one["item_id"]) for one in linked}
    hub.withdraw(ids[0])
    hub.withdraw(ids[1], vendor=hub.other_vendor)
    assert [one["item_id"] for one in hub.read("/receipts", person).json()["items"]] == [proof]


def test_a_strangers_receipt_without_a_payment_of_its_own_pays_nothing(hub, person):
    number = notice_number()
    published(hub, "payments", payment(person, number))
    published(hub, "receipts", receipt(person, number), vendor=hub.other_vendor)
    assert [p["state"] for p in shown(hub, person)] == ["due"]
    assert SETTLES == "settles-notices"


@pytest.mark.req("S37", "S38")
def test_instalments_stamps_and_several_beneficiaries_are_kept_as_they_came(hub, person):
    parts = [
        {"kind": "pagopa", "amount_cents": 8_000, "receiver_tax_code": CREDITOR, "reason": "TARI"},
        {"kind": "pagopa", "amount_cents": 400, "receiver_tax_code": "80016350821", "reason": "TEFA"},
        {"kind": "stamp", "amount_cents": 1_600, "receiver_tax_code": CREDITOR},
    ]
    item = payment(person, notice_number(), amount_cents=10_000, items=parts, installment={"n": 1, "of": 3})
    content = hub.read(f"/items/{published(hub, 'payments', item)}", person).json()["content"]
    assert [part["amount_cents"] for part in content["items"]] == [8_000, 400, 1_600]
    assert content["installment"] == {"n": 1, "of": 3}


@pytest.mark.parametrize(
    "fields",
    [
        {"installment": {"n": 4, "of": 3}},
        {"items": [{"amount_cents": 1, "receiver_tax_code": CREDITOR}]},
        {"invalid_after_due": True, "due_date": None},
        {"items": [{"amount_cents": 2_000, "receiver_tax_code": CREDITOR}] * 6, "amount_cents": 12_000},
    ],
)
def test_a_payment_that_does_not_add_up_is_refused(hub, person, fields):
    item = {name: value for name, value in payment(person, notice_number(), **fields).items() if value is not None}
    assert code(hub.publish("payments", item)) == (422, "contract.violation")
    assert shown(hub, person) == []


def test_refunded_is_told_and_goes_before_paid(hub, person):
    _, (one, other), ids = both(hub, person, state="paid")
    published(hub, "payments", one | {"version": 2, "state": "paid"})
    published(hub, "payments", one | {"version": 3, "state": "refunded", "title": "TARI"})
    assert [p["state"] for p in shown(hub, person)] == ["refunded"]
    assert "Pagamento rimborsato: TARI" in [m["title"] for m in hub.read("/messages", person).json()["items"]]
    assert code(hub.publish("payments", one | {"version": 4, "state": "due"})) == (422, "state.terminal")
    del other, ids
