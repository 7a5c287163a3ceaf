"""A portal sees in the feed what a cart may have, instalments too; a cart is made of exactly that (issue 6, S58)."""

from itertools import combinations, product
from typing import get_args

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.pagopa.simulator import Pagopa
from contracts.items.payment import PaymentState
from hub.store.configuration import set_status
from hub.store.standing import Lane, beside
from hub.store.tables import access_log, lanes
from hub.store.vendor_records import change_vendor
from tests.flows.instalments import BEFORE, IBAN, LATER, TODAY, TOWN, in_parts, paid, payment
from tests.flows.making import code, described_hub, fresh, new_person, notice_number, published, rows, to
from tests.harness import ENTE, eventually, make_payment

pytestmark = pytest.mark.req("S58", "S63")

UNION, NOBODYS = "06363391001", "12345670587"
AT_HOME = "https://servizi.comune.example.it/pagamenti"


@pytest.fixture(scope="module")
def pagopa(kind, tmp_path_factory):
    simulation = Pagopa(tmp_path_factory.mktemp("pagopa"))
    yield {**simulation.start(), "segregation_code": 47, "vendor_id": "acme"}
    simulation.stop()


@pytest.fixture(scope="module")
def hub(kind, pagopa, tmp_path_factory):
    """Two creditors with a connector each, and one for what a vendor on trial publishes."""
    town, union = ({**pagopa, "organization_tax_code": creditor} for creditor in (TOWN, UNION))
    union["api"] = "v3"
    limits = {"rate_per_s": 1000, "burst": 1000, "breaker_failures": 2, "breaker_open_s": 60}

    def prepare(home, _vendor, _portal):
        with home.database.write() as tx:
            its = {"ente_id": ENTE, "connector_id": "trial", "type": "pagopa", "settings": town, "limits": limits}
            home.configuration.save(tx, **its, environment="test")
            change_vendor(tx, ENTE, "beta", {"stage": "sandbox"})

    connectors = {"gpd": ("pagopa", town), "union": ("pagopa", union)}
    folder = tmp_path_factory.mktemp("offers")
    own = {"connectors": connectors, "limits": limits, "prepare": prepare, "sweep_s": 300}
    with described_hub(folder / "home", **own) as running:
        yield running


def pay(hub, person, *parts):
    payments = [{"item_id": item_id} | ({"installment": n} if n else {}) for item_id, n in parts]
    returns = dict.fromkeys(("ok", "cancel", "error"), AT_HOME)
    return hub.write("/carts", {"payments": payments, "return_urls": returns}, person)


def listed_offers(hub, person):
    """What each of the citizen's payments offers, by item."""
    return {each["item_id"]: each["cart"] for each in hub.read("/payments", person).json()["items"]}


def offers(hub, person):
    """The same, in all views alike."""
    listed = listed_offers(hub, person)
    for item_id, offer in listed.items():
        assert hub.read(f"/items/{item_id}", person).json()["cart"] == offer
    changed = {each["item_id"]: each["item"] for each in hub.read("/changes?limit=100", person).json()["items"]}
    shown = hub.read("/summary?view=tabs", person).json()["view_sections"]
    latest = {each["item_id"]: each for section in shown for each in section["latest"]}
    assert {item_id: changed[item_id]["cart"] for item_id in listed} == listed
    assert all(each["cart"] == listed.get(item_id) for item_id, each in latest.items())
    return listed


def parts_of(offer):
    return [] if offer is None else [each["installment"] for each in offer["notices"]]


def test_the_feed_says_what_of_a_payment_a_cart_may_have(hub, person):
    whole = payment(hub, person)
    unserved = payment(hub, person, creditor_tax_code=NOBODYS)
    split, numbers = in_parts(hub, person, LATER, BEFORE)
    seen = offers(hub, person)
    assert seen[unserved] is None
    assert parts_of(seen[whole]) == [None]
    assert parts_of(seen[split]) == [None, 1, 2]
    assert seen[split]["group"] == seen[whole]["group"]
    assert seen[split]["notices"][1] == {
        "installment": 1,
        "plan": 1,
        "creditor_tax_code": TOWN,
        "notice_number": numbers[0],
        "amount_cents": 5_000,
        "due_date": LATER,
    }


def test_an_instalment_is_paid_by_itself_and_pagopa_is_told_of_its_own_notice(hub, pagopa, person):
    split, _ = in_parts(hub, person, LATER, LATER)
    other = payment(hub, person)
    assert pay(hub, person, (split, 2), (other, None)).status_code == 201
    assert pay(hub, person, (split, 1), (split, 2)).status_code == 201, "two of them together"
    asked = httpx.get(f"{pagopa['gpd_url'].rpartition('/gpd/')[0]}/_sim/carts", trust_env=False).json()
    its = offers(hub, person)[split]["notices"]
    assert [each["noticeNumber"] for each in asked[-1]["paymentNotices"]] == [n["notice_number"] for n in its[1:]]
    assert [(each["amount"], each["description"]) for each in asked[-1]["paymentNotices"]] == [
        (5_000, "TARI 2026, rata 1 di 2"),
        (5_000, "TARI 2026, rata 2 di 2"),
    ]
    log = [row for row in rows(hub, access_log, operation="make_cart", item_id=split) if row["outcome"] == "ok"]
    assert len(log) == 2, "one access of an item for each cart"


def test_a_whole_does_not_go_beside_its_instalment(hub, person):
    split, _ = in_parts(hub, person, LATER, LATER)
    for parts in ([(split, None), (split, 1)], [(split, 2), (split, None)]):
        answer = pay(hub, person, *parts)
        assert code(answer) == (409, "payment.not_payable")
        assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [
            ("/payments/1", "payment.overlapping")
        ]
    assert code(pay(hub, person, (split, 1), (split, 1))) == (422, "contract.violation")
    assert code(pay(hub, person, (split, 3))) == (409, "payment.not_payable"), "there is no third"
    assert code(pay(hub, person, (split, 100))) == (422, "contract.violation")


def test_what_was_paid_in_part_is_paid_in_parts(hub, person):
    split, (first, second) = in_parts(hub, person, LATER, LATER)
    paid(hub, new_person(), first)
    assert parts_of(offers(hub, person)[split]) == [None, 1, 2], "another's receipt says nothing of it"
    # One of a vendor that may settle nobody's notices but its own, neither.
    paid(hub, person, first, vendor=hub.other_vendor)
    assert parts_of(offers(hub, person)[split]) == [None, 1, 2]
    paid(hub, person, first)
    assert parts_of(offers(hub, person)[split]) == [2]
    for part in (None, 1):
        assert code(pay(hub, person, (split, part))) == (409, "payment.not_payable")
    assert pay(hub, person, (split, 2)).status_code == 201
    paid(hub, person, second)
    assert offers(hub, person)[split] is None


def test_of_several_plans_whoever_began_with_one_goes_on_with_it(hub, pagopa, person):
    split, numbers = in_parts(hub, person, LATER, LATER, plans=2, creditor_tax_code=UNION)
    notices = offers(hub, person)[split]["notices"]
    assert [(each["installment"], each["plan"]) for each in notices] == [(None, None), (1, 1), (2, 1), (3, 2), (4, 2)]
    assert pay(hub, person, (split, 3), (split, 4)).status_code == 201
    answer = pay(hub, person, (split, 1), (split, 3))
    assert [each["code"] for each in answer.json()["errors"]] == ["payment.overlapping"]
    eventually(
        lambda: hub.vendor_get(f"/items/{split}").json()["timeline"],
        lambda found: any(each["event"] == "position" and each["data"]["state"] == "delivered" for each in found),
    )
    url = f"{pagopa['gpd_url']}/v3/organizations/{UNION}/debtpositions/RAC-{split}"
    there = httpx.get(url, headers={"Ocp-Apim-Subscription-Key": pagopa["api_key"]}, trust_env=False).json()
    plans = [[each["nav"] for each in option["installments"]] for option in there["paymentOption"]]
    assert plans[1:] == [numbers[:2], numbers[2:]]
    assert there["paymentOption"][2]["installments"][1]["description"] == "TARI 2026, rata 2 di 2"
    paid(hub, person, numbers[2], creditor=UNION)
    assert parts_of(offers(hub, person)[split]) == [4]


def test_a_connector_of_v1_registers_one_plan(hub, person):
    plan = [{"amount_cents": 5_000, "due_date": LATER, "plan": n} for n in (1, 1, 2, 2)]
    asked = {"debtor_name": "Maria Rossi", "iban": IBAN, "category": "9/0301105TS/", "installments": plan}
    item = make_payment(fresh(), **to(person, None), due_date=LATER, amount_cents=10_000, position=asked)
    refused = hub.publish("payments", item)
    assert code(refused) == (422, "contract.violation")
    assert [(each["pointer"], each["code"]) for each in refused.json()["errors"]] == [
        ("/position/installments", "position.several_plans")
    ]
    plan[0]["amount_cents"] = 4_999
    assert code(hub.publish("payments", item | {"creditor_tax_code": UNION})) == (422, "contract.violation")


def test_a_notice_that_two_payments_ask_for_goes_in_once(hub, person):
    split, (first, _) = in_parts(hub, person, LATER, LATER)
    same = payment(hub, person, notice_number=first)
    answer = pay(hub, person, (split, 1), (same, None))
    assert [each["code"] for each in answer.json()["errors"]] == ["payment.repeated"]
    assert pay(hub, person, (split, 2), (same, None)).status_code == 201
    published(hub, "payments", make_payment("gone", **to(person, None), notice_number=first, state="paid_elsewhere"))
    assert parts_of(offers(hub, person)[split]) == [2], "paid, as another payment of the notice says"


def together(choice, seen):
    """Whether these may be in one cart, by nothing but what the feed shows."""
    offered = [
        (item_id, notice["plan"], seen[item_id]["group"], (notice["creditor_tax_code"], notice["notice_number"]))
        for item_id, part in choice
        for notice in (seen.get(item_id) or {"notices": []})["notices"]
        if notice["installment"] == part
    ]
    beside = any(a[0] == b[0] and a[1] != b[1] for a, b in combinations(offered, 2))
    one_group = len({group for _, _, group, _ in offered}) == 1
    each_once = len({notice for *_, notice in offered}) == len(offered)
    return len(offered) == len(choice) and one_group and each_once and not beside


MADE = st.fixed_dictionaries(
    {"state": st.sampled_from(get_args(PaymentState)) | st.just("due"), "invalid_after_due": st.booleans()},
    optional={
        "creditor_tax_code": st.sampled_from([UNION, UNION, NOBODYS]),
        "due_date": st.sampled_from([BEFORE, str(TODAY)]),
        "amount_cents": st.just(0),
        "notice_number": st.none() | st.sampled_from(["347000000000000011", "347000000000000022"]),
        "expires_at": st.sampled_from([f"{BEFORE}T00:00:00Z", f"{LATER}T00:00:00Z"]),
    },
)
PLANNED = st.tuples(st.lists(st.sampled_from([LATER, BEFORE]), min_size=2, max_size=3), st.sets(st.integers(0, 2)))


@settings(max_examples=10)
@given(data=st.data())
def test_a_cart_is_made_of_what_the_feed_offers_and_of_nothing_else(hub, data):
    """Both ways: what is offered together is taken, and what is not offered, or not together, is refused."""
    person, parts = new_person(), []
    for _ in range(data.draw(st.integers(1, 3))):
        kind = data.draw(st.sampled_from(["plain", "plain", "trial", "planned"]))
        if kind == "planned":
            dues, settled = data.draw(PLANNED)
            late, plans = data.draw(st.booleans()), data.draw(st.integers(1, 2))
            how = {"invalid_after_due": late, "plans": plans, "creditor_tax_code": UNION}
            item_id, numbers = in_parts(hub, person, *dues, **how)
            for n in settled & set(range(len(numbers))):
                paid(hub, person, numbers[n], creditor=UNION)
            parts += [(item_id, part) for part in (None, *range(1, len(numbers) + 1))]
            continue
        fields = {"notice_number": notice_number()} | data.draw(MADE)
        item = {name: value for name, value in fields.items() if value is not None}
        item = make_payment(fresh(), **to(person, None), notify={"channels": []}, **({"due_date": LATER} | item))
        if fields["notice_number"] is None:
            del item["notice_number"]
        vendor = hub.other_vendor if kind == "trial" else None
        parts.append((published(hub, "payments", item, vendor=vendor), None))
    seen = listed_offers(hub, person)
    shown = [part for part in parts if part[0] in seen]  # payments of one notice are one
    if not shown:
        return
    for _ in range(4):
        choice = data.draw(st.lists(st.sampled_from(shown), min_size=1, max_size=4, unique=True))
        answer = pay(hub, person, *choice)
        assert (answer.status_code == 201) is together(choice, seen), (choice, seen, answer.text)
        assert answer.status_code in (201, 409, 422)


def test_where_pagopa_fails_again_and_again_it_is_left_alone_and_deliveries_go_on(hub, pagopa, person):
    base = f"{pagopa['gpd_url'].rpartition('/gpd/')[0]}/_sim/faults"
    item_id = payment(hub, person)
    httpx.post(base, trust_env=False, json=[{"kind": "error", "status": 500, "on": "carts"}] * 9)
    try:
        failed = [pay(hub, person, (item_id, None)) for _ in range(2)]
    finally:
        httpx.delete(base, trust_env=False)
    assert [code(each) for each in failed] == [(503, "provider.unavailable")] * 2
    told = len(rows(hub, access_log, operation="make_cart", item_id=item_id))
    refused = pay(hub, person, (item_id, None))
    assert code(refused) == (503, "provider.unavailable")
    assert 30 <= int(refused.headers["retry-after"]) <= 60
    assert len(rows(hub, access_log, operation="make_cart", item_id=item_id)) == told, "nothing left: nobody was told"
    assert pay(hub, person, (payment(hub, person, creditor_tax_code=UNION), None)).status_code == 201
    # The connector's deliveries go on: their service is another.
    registered, _ = in_parts(hub, person, LATER, LATER)
    ended = eventually(
        lambda: [each["data"] for each in hub.vendor_get(f"/items/{registered}").json()["timeline"]],
        lambda found: any(each.get("state") == "delivered" for each in found),
    )
    assert ended
    (lane,) = rows(hub, lanes, connector_id=beside(Lane(ENTE, "gpd")).connector_id)
    assert lane["open_until"] is not None
    with hub.home.database.write() as tx:
        set_status(tx, ENTE, "gpd", status="active")
    assert pay(hub, person, (item_id, None)).status_code == 201, "an administrator says that it works again"


def test_offers_follow_the_connectors(hub, person):
    item_id = payment(hub, person, creditor_tax_code=UNION)
    for status, offered in (("paused", False), ("active", True)):
        with hub.home.database.write() as tx:
            set_status(tx, ENTE, "union", status=status)
        eventually(
            lambda: hub.read(f"/items/{item_id}", person).json()["cart"],
            lambda shown, wanted=offered: (shown is not None) is wanted,
        )


def test_every_state_and_lifecycle_says_the_same_in_both_places(hub):
    for state, late in product(get_args(PaymentState), (False, True)):
        person = new_person()
        due = BEFORE if late else LATER
        item_id = payment(hub, person, state=state, due_date=due, invalid_after_due=late)
        offered = listed_offers(hub, person)[item_id] is not None
        assert offered is (state in ("due", "started", "overdue") and not late)
        assert (pay(hub, person, (item_id, None)).status_code == 201) is offered
