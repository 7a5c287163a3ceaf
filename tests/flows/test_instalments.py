"""A citizen sees of each instalment how it stands, and of a paid one when and by which receipt (S58, S63)."""

import pytest

from connectors.pagopa.simulator import Pagopa
from tests.flows.instalments import BEFORE, LATER, TOWN, in_parts, paid, payment
from tests.flows.making import described_hub, fresh, new_person, published, to
from tests.harness import make_receipt

pytestmark = pytest.mark.req("S58", "S63")


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    simulation = Pagopa(tmp_path_factory.mktemp("pagopa"))
    town = {**simulation.start(), "segregation_code": 47, "vendor_id": "acme", "organization_tax_code": TOWN}
    connectors = {"gpd": ("pagopa", town | {"api": "v3"})}
    with described_hub(tmp_path_factory.mktemp("shown") / "home", connectors=connectors) as running:
        yield running
    simulation.stop()


def shown(hub, person, item_id):
    return hub.read(f"/items/{item_id}", person).json()["installments"]


def states(hub, person, item_id):
    return [each["state"] for each in shown(hub, person, item_id)]


def receipt_of(hub, person, number, **fields):
    proof = {"notice_number": number, "creditor_tax_code": TOWN}
    return published(hub, "receipts", make_receipt(fresh(), **to(person, None), payment=proof, **fields))


def test_what_is_paid_is_shown_with_its_day_in_rome_and_its_receipt(hub, person):
    item_id, (first, second, third) = in_parts(hub, person, BEFORE, BEFORE, LATER)
    assert states(hub, person, item_id) == ["overdue", "overdue", "due"]
    receipt_id = receipt_of(hub, person, first, paid_at="2026-11-24T23:30:00Z", amount_cents=5_000)
    assert shown(hub, person, item_id) == [
        {
            "installment": n,
            "plan": 1,
            "notice_number": number,
            "amount_cents": 5_000,
            "notification_cost": None,
            "due_date": due,
            "state": state,
            "paid_on": day,
            "receipt_item_id": receipt,
        }
        for n, number, due, state, day, receipt in (
            (1, first, BEFORE, "paid", "2026-11-25", receipt_id),
            (2, second, BEFORE, "overdue", None, None),
            (3, third, LATER, "due", None, None),
        )
    ]
    for number in (second, third):
        paid(hub, person, number)
    assert states(hub, person, item_id) == ["paid"] * 3, "and the whole is over"


def test_the_feed_says_due_of_just_what_a_cart_may_have(hub, person):
    item_id, numbers = in_parts(hub, person, LATER, BEFORE, plans=2, invalid_after_due=True, due_date=LATER)
    for mine, expected in (([], "due expired due expired"), ([2], "closed closed paid expired")):
        for n in mine:
            paid(hub, person, numbers[n])
        assert " ".join(states(hub, person, item_id)) == expected
        cart = hub.read(f"/items/{item_id}", person).json()["cart"]
        offered = [each["installment"] for each in cart["notices"] if each["installment"]] if cart else []
        assert offered == [n for n, state in enumerate(states(hub, person, item_id), 1) if state in ("due", "overdue")]


def test_of_a_payment_that_is_over_no_instalment_is_owed(hub, person):
    item_id, _ = in_parts(hub, person, LATER, LATER)
    whole = hub.read(f"/items/{item_id}", person).json()["number"]
    paid(hub, person, whole)
    assert states(hub, person, item_id) == ["closed", "closed"]
    other_id, (first, _) = in_parts(hub, person, LATER, LATER)
    payment(hub, person, notice_number=first, state="paid_elsewhere")
    assert states(hub, person, other_id) == ["paid", "due"]
    assert shown(hub, person, other_id)[0]["paid_on"] is None, "it was paid, and no receipt says when"


def test_nobody_elses_receipt_and_none_that_the_reader_may_not_see_is_shown(hub, person):
    item_id, (first, second) = in_parts(hub, person, LATER, LATER)
    receipt_of(hub, new_person(), first)
    paid(hub, person, second, vendor=hub.other_vendor)
    assert states(hub, person, item_id) == ["due", "due"]
    hidden = receipt_of(hub, person, first, min_loa=3)
    assert [(each["state"], each["paid_on"]) for each in shown(hub, person, item_id)] == [("paid", None), ("due", None)]
    sure = hub.reader(person, acr="https://www.spid.gov.it/SpidL3")
    assert (
        hub.client.get(f"/feed/v1/items/{item_id}", headers=sure).json()["installments"][0]["receipt_item_id"] == hidden
    )


def test_other_items_have_none(hub, person):
    assert shown(hub, person, payment(hub, person)) == []
    assert shown(hub, person, receipt_of(hub, person, "301000000000000012")) == []
