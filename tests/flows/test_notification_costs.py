"""What SEND adds is the notice's: whoever owes it is told the same, once, whatever its source publishes (S11, S58)."""

import pytest

from connectors.pagopa.simulator import Pagopa
from hub.store.costs import COST, Costs, note_costs
from hub.store.tables import items, timeline
from tests.flows.instalments import IBAN, LATER, TOWN, in_parts, payment
from tests.flows.making import code, described_hub, fresh, new_person, notice_number, published, rows, to
from tests.harness import ENTE, make_payment

pytestmark = pytest.mark.req("S11", "S58")


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    simulation = Pagopa(tmp_path_factory.mktemp("pagopa"))
    town = {**simulation.start(), "segregation_code": 47, "vendor_id": "acme", "organization_tax_code": TOWN}
    with described_hub(tmp_path_factory.mktemp("costs") / "home", connectors={"gpd": ("pagopa", town)}) as running:
        yield running
    simulation.stop()


def told(hub, item_id, cost_cents):
    """SEND's price of the notice of a payment, as a look at its notification brings it: of how many it is new."""
    (row,) = rows(hub, items, item_id=item_id)
    with hub.home.database.write() as tx:
        (kept,) = note_costs(tx, [Costs(ENTE, "send", {row["notice_key"]: cost_cents})])
    return kept


def to_pay(hub, person, item_id):
    """(amount, cost, what a cart would ask for)"""
    found = hub.read(f"/items/{item_id}", person).json()
    cost = found["notification_cost"]
    asked = found["cart"]["notices"][0]["amount_cents"] if found["cart"] else None
    assert cost is None or cost["total_cents"] == found["amount_cents"] + cost["cost_cents"]
    return found["amount_cents"], cost and cost["cost_cents"], asked


def owed(person, **fields):
    own = {"notice_number": notice_number(), "amount_cents": 8_700, "due_date": LATER, "notify": {"channels": []}}
    return make_payment(fresh(), **to(person, None), **own | fields)


def test_all_who_owe_a_notice_are_told_the_same_whoever_was_notified_and_whenever_they_came(hub, person):
    mine = owed(person)
    my_id = published(hub, "payments", mine)
    other, later = new_person(), new_person()
    same = {"notice_number": mine["notice_number"]}
    other_id = published(hub, "payments", owed(other, **same))
    assert told(hub, my_id, 200) == 2
    assert told(hub, my_id, 200) == 0, "told again it is no news"
    later_id = published(hub, "payments", owed(later, **same), vendor=hub.other_vendor)
    for who, item_id in ((person, my_id), (other, other_id), (later, later_id)):
        assert to_pay(hub, who, item_id) == (8_700, 200, 8_900)
        assert [row["data"]["cost_cents"] for row in rows(hub, timeline, item_id=item_id, event=COST)] == [200]
    published(hub, "payments", mine | {"version": 2, "state": "paid_elsewhere"})
    assert told(hub, other_id, 1_240) == 2, "what was paid is not asked for any more"
    assert to_pay(hub, other, other_id) == (8_700, 1_240, 9_940)
    assert to_pay(hub, person, my_id)[:2] == (8_700, 200)
    assert told(hub, other_id, 0) == 2, "the notification was cancelled"
    assert to_pay(hub, other, other_id) == (8_700, None, 8_700)


def test_another_notice_keeps_no_cost_of_the_one_before_and_bears_its_own(hub, person):
    item, known = owed(person), owed(new_person())
    item_id, known_id = published(hub, "payments", item), published(hub, "payments", known)
    told(hub, item_id, 200)
    told(hub, known_id, 1_240)
    published(hub, "payments", item | {"version": 2, "notice_number": notice_number()})
    assert to_pay(hub, person, item_id) == (8_700, None, 8_700)
    published(hub, "payments", item | {"version": 3, "notice_number": known["notice_number"]})
    assert to_pay(hub, person, item_id) == (8_700, 1_240, 9_940)


def test_what_gpd_answers_is_not_added_to_twice(hub, person):
    """GPD's amount holds SEND's cost. Without a word of how much of it that is it is refused, and nothing changes."""
    item = owed(person)
    item_id = published(hub, "payments", item)
    for cost in (200, 1_240):
        told(hub, item_id, cost)
    for raised in (8_900, 9_940):
        again = hub.publish("payments", item | {"version": 2, "amount_cents": raised})
        assert code(again) == (422, "amount.includes_cost")
    assert to_pay(hub, person, item_id) == (8_700, 1_240, 9_940)
    assert hub.vendor_get(f"/items/{item_id}").json()["version"] == 1
    for version, more, expected in (
        (2, {"amount_cents": 8_900, "notification_fee_cents": 200}, (8_700, 1_240, 9_940)),
        (3, {"amount_cents": 9_940, "notification_fee_cents": 1_240}, (8_700, 1_240, 9_940)),
        (4, {"amount_cents": 9_000}, (9_000, 1_240, 10_240)),
        (5, {"amount_cents": 9_200, "notification_fee_cents": 0}, (9_200, 1_240, 10_440)),
    ):
        published(hub, "payments", item | {"version": version} | more)
        assert to_pay(hub, person, item_id) == expected
    published(hub, "payments", item | {"version": 6, "amount_cents": 10_440, "state": "paid"})
    assert to_pay(hub, person, item_id) == (10_440, None, None), "that is what was paid: nothing was added to it"


def test_a_first_publication_of_what_gpd_answers_is_known_by_its_vendors_other_payment_of_the_notice(hub, person):
    """A notice has one amount at pagoPA. What another vendor publishes of it tells this one nothing."""
    mine, other = owed(person), new_person()
    my_id = published(hub, "payments", mine)
    for cost in (200, 1_240):
        told(hub, my_id, cost)
    same = {"notice_number": mine["notice_number"]}
    for raised, cost in ((8_900, 200), (9_940, 1_240)):
        again = hub.publish("payments", owed(other, **same, amount_cents=raised))
        assert code(again) == (422, "amount.includes_cost")
        assert f" {cost} cents less" in again.json()["detail"]
    assert hub.read("/payments", other).json()["items"] == []
    said = owed(other, **same, amount_cents=9_940, notification_fee_cents=1_240)
    assert to_pay(hub, other, published(hub, "payments", said)) == (8_700, 1_240, 9_940)
    for fields in ({"amount_cents": 9_000}, {"amount_cents": 9_940, "notification_fee_cents": 0}):
        published(hub, "payments", owed(new_person(), **same, **fields))
    published(hub, "payments", owed(new_person(), **same, amount_cents=9_940, state="paid"))
    published(hub, "payments", owed(new_person(), **same, amount_cents=9_940), vendor=hub.other_vendor)


def test_a_source_that_says_how_much_of_its_amount_the_cost_is_is_believed_until_send_says_so(hub, person):
    item_id = published(hub, "payments", owed(person, amount_cents=8_900, notification_fee_cents=200))
    assert to_pay(hub, person, item_id) == (8_700, 200, 8_900)
    told(hub, item_id, 1_240)
    assert to_pay(hub, person, item_id) == (8_700, 1_240, 9_940)


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_cents": 100, "notification_fee_cents": 101},
        {"notification_fee_cents": 200, "items": [{"amount_cents": 8_700, "receiver_tax_code": TOWN}]},
        {
            "notification_fee_cents": 200,
            "position": {"debtor_name": "Maria Rossi", "iban": IBAN, "category": "9/0301105TS/"},
        },
    ],
)
def test_a_fee_that_cannot_be_is_refused(hub, person, wrong):
    assert code(hub.publish("payments", owed(person, **wrong))) == (422, "contract.violation")


def test_an_instalment_bears_what_its_own_notice_does(hub, person):
    item_id, (_, second) = in_parts(hub, person, LATER, LATER)
    part_id = payment(hub, person, notice_number=second, amount_cents=5_000)
    told(hub, part_id, 1_240)
    found = hub.read(f"/items/{item_id}", person).json()
    costs = [each["notification_cost"] for each in found["installments"]]
    assert (costs[0], costs[1]["cost_cents"], costs[1]["total_cents"]) == (None, 1_240, 6_240)
    assert [each["amount_cents"] for each in found["installments"]] == [5_000, 5_000]
    assert [each["amount_cents"] for each in found["cart"]["notices"]] == [10_000, 5_000, 6_240]
    assert found["notification_cost"] is None, "the whole has a notice of its own"
