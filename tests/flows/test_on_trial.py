"""A vendor in its sandbox tries out with notice numbers that are in use: what is real of them is as if it were not
there, at pagoPA, at SEND, in the books and for the citizen; and so the other way round (S11, S58)."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from connectors.pagopa_node.sampling import CREDITOR, riversamento
from contracts.identifiers import make_segregated_number
from contracts.reporting import iuv_of
from contracts.settling import NoticeCost
from hub.inbound.costs import NoticeCosts
from hub.ingest.drafting import SETTLES
from hub.store.vendor_records import change_vendor
from tests.flows.at_pagopa import at_pagopa
from tests.flows.making import described_hub, fresh, make_subscription, new_person, published, to
from tests.harness import ENTE, eventually, make_payment, make_receipt

pytestmark = pytest.mark.req("S11", "S58")
UNKNOWN = "PAA_PAGAMENTO_SCONOSCIUTO"


@pytest.fixture(scope="module")
def pagopa(kind, tmp_path_factory):
    with at_pagopa(tmp_path_factory.mktemp("node")) as found:
        yield found


@pytest.fixture(scope="module")
def hub(kind, pagopa, tmp_path_factory):
    """`beta` is on trial, with a station for tests of its own; receipts of either pay whoever's payments."""
    folder = tmp_path_factory.mktemp("trial")
    (folder / "box").mkdir()
    trial = {**pagopa.settings, "vendor_id": "beta"}

    def prepare(home, _vendor, _portal):
        with home.database.write() as tx:
            its = {"ente_id": ENTE, "connector_id": "trial", "type": "pagopa_node", "settings": trial, "limits": {}}
            home.configuration.save(tx, **its, environment="test")
            change_vendor(tx, ENTE, "acme", {"rights": [SETTLES]})
            change_vendor(tx, ENTE, "beta", {"stage": "sandbox", "rights": [SETTLES]})

    connectors = {
        "pagopa": ("pagopa_node", pagopa.settings),
        "mail": ("loopback", {"folder": str(folder / "box")}),
    }
    with described_hub(folder / "home", connectors=connectors, prepare=prepare, sweep_s=0.3) as running:
        running.box = folder / "box"
        yield running


@pytest.fixture
def notice():
    return make_segregated_number(segregation_code=1, iuv_base=int(fresh("")[1:8], 16))


def owed(person, notice, **fields):
    own = {"notice_number": notice, "creditor_tax_code": CREDITOR, "notify": {"channels": []}}
    return make_payment(fresh(), **to(person) | own | fields)


def receipt_of(person, notice):
    paid = {"creditor_tax_code": CREDITOR, "notice_number": notice}
    return make_receipt(fresh(), **to(person, None), payment=paid, receipt_number=fresh("RT"))


def shown(hub, person):
    """(title, state, what a notification adds) of each payment of the citizen's."""
    found = hub.read("/payments", person).json()["items"]
    costs = ((one, one["notification_cost"]) for one in found)
    return sorted((one["title"], one["state"], cost and cost["cost_cents"]) for one, cost in costs)


def asked(pagopa, hub, connector_id, notice, *faults):
    """What comes of somebody who pays the notice, at the station of that connector."""
    pagopa.station = f"{hub.url}/callbacks/v1/{ENTE}/{connector_id}/paForNode"
    told = pagopa.pay(notice, *faults)
    return told.get("code") or told["amount_cents"]


def cost_told(hub, connector_id, notice, cents):
    """As a look at a notification brings it by that connector."""
    with hub.home.database.read() as connection:
        configs = hub.home.configuration.load(connection)
    claim = SimpleNamespace(ente_id=ENTE, connector_id=connector_id, channel="send")
    NoticeCosts(hub.hub.committer, hub.home.vault, lambda: configs).keep(claim, [NoticeCost(notice, CREDITOR, cents)])


def test_what_is_on_trial_neither_pays_nor_hides_what_is_owed(hub, pagopa, person, notice):
    tried = owed(person, notice, title="Prova", amount_cents=1)
    tried_id = published(hub, "payments", tried, vendor=hub.other_vendor)
    real_id = published(hub, "payments", owed(person, notice, title="TARI"))
    published(hub, "receipts", receipt_of(person, notice), vendor=hub.other_vendor)
    assert shown(hub, person) == [("Prova", "paid", None), ("TARI", "due", None)]
    published(hub, "payments", tried | {"version": 2, "state": "paid"}, vendor=hub.other_vendor)
    assert asked(pagopa, hub, "pagopa", notice) == 12_500
    assert shown(hub, person) == [("Prova", "paid", None), ("TARI", "paid", None)]
    ties = {one["item_id"] for one in hub.read(f"/items/{real_id}", person).json()["linked"]}
    assert tried_id not in ties


def test_what_was_paid_staged_does_not_pay_what_is_on_trial(hub, pagopa, person, notice):
    published(hub, "payments", owed(person, notice, title="Prova"), vendor=hub.other_vendor)
    published(hub, "payments", owed(person, notice, title="TARI"))
    published(hub, "receipts", receipt_of(person, notice))
    assert shown(hub, person) == [("Prova", "due", None), ("TARI", "paid", None)]


def test_each_station_knows_what_is_of_its_environment(hub, pagopa, person, notice):
    published(hub, "payments", owed(person, notice, title="Prova", amount_cents=100), vendor=hub.other_vendor)
    assert asked(pagopa, hub, "pagopa", notice) == UNKNOWN, "nothing of a vendor on trial is owed to anybody"
    assert asked(pagopa, hub, "trial", notice) == 100
    assert shown(hub, person) == [("Prova", "paid", None)], "its own receipt pays it"
    published(hub, "payments", owed(person, notice, title="TARI"))
    assert shown(hub, person) == [("Prova", "paid", None), ("TARI", "due", None)]
    assert asked(pagopa, hub, "pagopa", notice) == 12_500
    alone = make_segregated_number(segregation_code=1, iuv_base=int(notice[3:16]) + 1)
    published(hub, "payments", owed(person, alone))
    assert asked(pagopa, hub, "trial", alone) == UNKNOWN


def test_a_notification_on_trial_adds_nothing_to_what_is_owed(hub, pagopa, person, notice):
    published(hub, "payments", owed(person, notice, title="Prova"), vendor=hub.other_vendor)
    published(hub, "payments", owed(person, notice, title="TARI"))
    cost_told(hub, "trial", notice, 999)
    assert shown(hub, person) == [("Prova", "due", 999), ("TARI", "due", None)]
    cost_told(hub, "pagopa", notice, 1_240)
    assert shown(hub, person) == [("Prova", "due", 999), ("TARI", "due", 1_240)]
    later = new_person()
    published(hub, "payments", owed(later, notice, title="Coobbligato"))
    assert shown(hub, later) == [("Coobbligato", "due", 1_240)], "not the other one, which was heard as well"
    assert asked(pagopa, hub, "pagopa", notice) == 13_740


def test_the_citizen_is_told_of_what_is_owed_though_something_on_trial_came_first(hub, person, notice):
    by_mail = {"notify": {"channels": ["email"]}}
    published(hub, "payments", owed(person, notice, title="Prova", **by_mail), vendor=hub.other_vendor)
    answer = hub.publish("payments", owed(person, notice, title="TARI", **by_mail))
    assert answer.json()["notification"] == "pending"


def test_what_comes_from_production_is_real_and_stays_so(hub, pagopa, person, notice, staged):
    tried = owed(person, notice, title="Prova", amount_cents=100)
    published(hub, "payments", tried, vendor=hub.other_vendor)
    cost_told(hub, "trial", notice, 999)
    staged("production")
    assert asked(pagopa, hub, "pagopa", notice) == UNKNOWN, "what was tried out was tried out"
    published(hub, "payments", tried | {"version": 2, "title": "TARI"}, vendor=hub.other_vendor)
    assert shown(hub, person) == [("TARI", "due", None)]
    staged("sandbox")
    published(hub, "payments", tried | {"version": 3, "title": "TARI 2"}, vendor=hub.other_vendor)
    assert asked(pagopa, hub, "pagopa", notice) == 100, "its notice may be in somebody's hands"
    assert shown(hub, person) == [("TARI 2", "paid", None)]


def test_what_was_paid_on_trial_is_owed_once_it_is_real(hub, pagopa, person, notice, staged):
    tried = owed(person, notice, title="Prova")
    published(hub, "payments", tried, vendor=hub.other_vendor)
    published(hub, "receipts", receipt_of(person, notice), vendor=hub.other_vendor)
    published(hub, "payments", tried | {"version": 2}, vendor=hub.other_vendor)
    assert shown(hub, person) == [("Prova", "paid", None)], "on trial it stays paid"
    published(hub, "payments", owed(person, notice, title="TARI"))
    staged("production")
    published(hub, "payments", tried | {"version": 3, "title": "TARI 2"}, vendor=hub.other_vendor)
    assert [state for _, state, _ in shown(hub, person)] == ["due"], "nobody has paid any money"
    assert asked(pagopa, hub, "pagopa", notice) == 12_500
    published(hub, "payments", tried | {"version": 4, "title": "TARI 3"}, vendor=hub.other_vendor)
    assert [state for _, state, _ in shown(hub, person)] == ["paid"]


@pytest.mark.req("S38")
def test_what_the_hub_asks_for_by_a_plan_on_trial_is_on_trial(hub, pagopa, person, notice):
    due = (datetime.now(UTC) + timedelta(days=10)).date().isoformat()
    plan = {"n": 1, "amount_cents": 100, "due_date": due, "reason": "Retta", "days_ahead": 20, "notice_number": notice}
    item = make_subscription(fresh(), **to(person, None), creditor_tax_code=CREDITOR, payment_plan=[plan])
    published(hub, "subscriptions", item, vendor=hub.other_vendor)
    eventually(lambda: shown(hub, person), lambda found: found == [("Retta", "due", None)])
    assert asked(pagopa, hub, "pagopa", notice) == UNKNOWN
    assert asked(pagopa, hub, "trial", notice) == 100


def test_the_books_are_of_money(hub, person, notice, raccordo, tmp_path):
    paid = {"paid_at": "2026-03-02T10:00:00Z", "occurred_at": "2026-03-02T10:00:00Z"}
    published(hub, "receipts", receipt_of(person, notice) | paid, vendor=hub.other_vendor)
    flow = tmp_path / "flusso.xml"
    flow.write_bytes(riversamento([(iuv_of(notice), "125.00", "0")]))
    assert raccordo("connector", "upload", "trial", "--file", flow, "--json")["passed"] == 1
    days = ("--from", "2026-03-02", "--to", "2026-03-02", "--json")
    assert raccordo("payment", "reconcile", *days)["payments"] == []
    assert raccordo("connector", "upload", "pagopa", "--file", flow, "--json")["taken"] == 1
    published(hub, "receipts", receipt_of(person, notice) | paid | {"amount_cents": 12_500})
    found = raccordo("payment", "reconcile", *days)["payments"]
    assert [(one["status"], len(one["receipts"])) for one in found] == [("matched", 1)]
