"""A payment whose instalments are all paid is paid, whatever says so and in whichever order it comes (issue 6, S58)."""

import pytest

from connectors.pagopa.simulator import Pagopa
from hub.store.tables import agenda
from tests.flows.instalments import IBAN, LATER, TOWN, in_parts, paid, payment
from tests.flows.making import described_hub, events, fresh, new_person, notice_number, published, rows, to
from tests.harness import make_payment

pytestmark = pytest.mark.req("S58", "S63")

UNION = "06363391001"


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    """Two creditors: the position of the one has several plans."""
    simulation = Pagopa(tmp_path_factory.mktemp("pagopa"))
    own = {**simulation.start(), "segregation_code": 47, "vendor_id": "acme"}
    town = {**own, "organization_tax_code": TOWN}
    union = {**own, "organization_tax_code": UNION, "api": "v3"}
    connectors = {"gpd": ("pagopa", town), "union": ("pagopa", union)}
    with described_hub(tmp_path_factory.mktemp("parts") / "home", connectors=connectors) as running:
        yield running
    simulation.stop()


def seen(hub, person, item_id):
    found = hub.read(f"/items/{item_id}", person).json()
    return found["state"], found["turn"], found["cart"] is not None


OPEN, DONE = ("due", "citizen", True), ("paid", "none", False)


def test_the_last_instalment_pays_the_payment_once_and_nothing_is_asked_for_any_more(hub, person):
    item_id, (first, second) = in_parts(hub, person, LATER, LATER)
    paid(hub, person, first)
    assert seen(hub, person, item_id) == OPEN
    assert rows(hub, agenda, item_id=item_id) != []
    paid(hub, person, second)
    assert seen(hub, person, item_id) == DONE
    assert rows(hub, agenda, item_id=item_id) == [], "no reminder is to come"
    assert [each["state"] for each in hub.read("/deadlines", person).json()["items"]] == ["met"]
    assert hub.read("/summary", person).json()["waiting_for_citizen"] == 0
    paid(hub, person, second)
    assert events(hub, person, item_id).count("paid") == 1
    told = [each["title"].partition(":")[0] for each in hub.read("/messages", person).json()["items"]]
    assert sorted(told) == ["Avviso di pagamento", *["Ricevuta di pagamento"] * 2]
    assert [e["event"] for e in hub.vendor_get(f"/items/{item_id}").json()["timeline"]].count("paid") == 1


def test_receipts_that_were_here_first_count_for_the_payment_and_for_its_next_version(hub, person):
    numbers = [f"347{notice_number()[3:]}" for _ in range(3)]
    for number in numbers[:2]:
        paid(hub, person, number)
    plan = [{"amount_cents": 5_000, "due_date": LATER, "notice_number": each} for each in numbers]
    asked = {"debtor_name": "Maria Rossi", "iban": IBAN, "category": "9/0301105TS/"}
    own = {"notice_number": f"347{notice_number()[3:]}", "due_date": LATER, "notify": {"channels": []}}
    for parts in (plan[:2], plan[1:]):
        item = make_payment(fresh(), **to(person, None), **own, amount_cents=10_000)
        item |= {"position": asked | {"installments": parts}, "notice_number": f"347{notice_number()[3:]}"}
        item_id = published(hub, "payments", item)
        assert seen(hub, person, item_id) == (DONE if parts == plan[:2] else OPEN)
    again = item | {"version": 2, "position": asked | {"installments": plan[:2]}}
    assert published(hub, "payments", again) == item_id
    assert seen(hub, person, item_id) == DONE
    published(hub, "payments", item | {"version": 3})
    assert seen(hub, person, item_id) == DONE, "what is paid stays so"


def test_a_plan_wholly_paid_is_the_payment(hub, person):
    item_id, numbers = in_parts(hub, person, LATER, LATER, plans=2, creditor_tax_code=UNION)
    for number in (numbers[0], numbers[2]):
        paid(hub, person, number, creditor=UNION)
    assert seen(hub, person, item_id)[0] == "due", "one of each plan is no plan"
    paid(hub, person, numbers[3], creditor=UNION)
    assert seen(hub, person, item_id) == DONE


def test_another_payment_of_an_instalments_notice_says_that_it_is_paid(hub, person):
    item_id, (first, second) = in_parts(hub, person, LATER, LATER)
    payment(hub, person, notice_number=first, state="cancelled")
    paid(hub, person, second)
    assert seen(hub, person, item_id) == OPEN, "what was cancelled was not paid"
    outer_second = f"347{notice_number()[3:]}"
    whole = hub.read(f"/items/{item_id}", person).json()["number"]
    plan = [{"amount_cents": 5_000, "due_date": LATER, "notice_number": each} for each in (whole, outer_second)]
    asked = {"debtor_name": "Maria Rossi", "iban": IBAN, "category": "9/0301105TS/", "installments": plan}
    outer = payment(hub, person, notice_number=f"347{notice_number()[3:]}", amount_cents=10_000, position=asked)
    paid(hub, person, outer_second)
    assert seen(hub, person, outer) == OPEN
    payment(hub, person, notice_number=first, state="refunded", vendor=hub.other_vendor)
    assert seen(hub, person, item_id) == DONE, "paid once, whatever was given back since"
    assert seen(hub, person, outer) == DONE, "of which the first was a part"


def test_the_numbers_may_be_the_hubs_and_the_whole_may_be_paid_instead(hub, person):
    plan = [{"amount_cents": 6_250, "due_date": LATER} for _ in range(2)]
    asked = {"debtor_name": "Maria Rossi", "iban": IBAN, "category": "9/0301105TS/", "installments": plan}
    both = [payment(hub, person, amount_cents=12_500, notice_number=f"347{notice_number()[3:]}", position=asked)]
    both.append(payment(hub, person, amount_cents=12_500, notice_number=f"347{notice_number()[3:]}", position=asked))
    offered = {each["item_id"]: each["cart"]["notices"] for each in hub.read("/payments", person).json()["items"]}
    for notice in offered[both[0]][1:]:
        paid(hub, person, notice["notice_number"])
    paid(hub, person, offered[both[1]][0]["notice_number"])
    assert [seen(hub, person, each) for each in both] == [DONE, DONE]


def test_nobody_elses_receipt_pays_an_instalment(hub, person):
    item_id, numbers = in_parts(hub, person, LATER, LATER)
    stranger = new_person()
    for number in numbers:
        paid(hub, stranger, number)
        paid(hub, person, number, vendor=hub.other_vendor)
    assert seen(hub, person, item_id) == OPEN, "another citizen's, and a vendor's that may settle its own alone"


def test_each_contributor_of_the_whole_keeps_its_own_word(hub, person):
    item_id, (first, second) = in_parts(hub, person, LATER, LATER)
    number = hub.read(f"/items/{item_id}", person).json()["number"]
    other = payment(hub, person, notice_number=number, vendor=hub.other_vendor)
    for each in (first, second):
        paid(hub, person, each)
    (shown,) = hub.read("/payments", person).json()["items"]
    assert shown["state"] == "paid"
    assert {each["vendor_id"]: each["state"] for each in shown["published_by"]} == {"acme": "paid", "beta": "due"}
    assert "paid" not in [
        e["event"] for e in hub.vendor_get(f"/items/{other}", vendor=hub.other_vendor).json()["timeline"]
    ]
