"""A vendor in its sandbox tries debt positions at a provider of its own for tests; each side has what is its own, also
where a payment goes from one to the other (issue 6, S58, DECISIONS.md 160)."""

import pytest

from connectors.pagopa.simulator import Pagopa
from contracts.identifiers import make_segregated_number
from hub.ingest.drafting import SETTLES
from hub.registry import Vendor
from hub.store.configuration import remove, set_status
from hub.store.directory import add_vendor
from hub.store.tables import notice_numbers
from hub.store.vendor_records import change_vendor
from tests.flows.making import code, described_hub, fresh, mail_folder, published, rows, to
from tests.flows.test_positions import CREDITOR, DUE, HOME, IBAN, OURS, kept, pay, payment, the_option, to_pagopa
from tests.harness import ENTE, eventually, make_receipt

pytestmark = pytest.mark.req("S58")
NOBODYS = "06363391001"
QUICK = {"retry_base_s": 0.2, "retry_cap_s": 1}


@pytest.fixture(scope="module")
def gpds(kind, tmp_path_factory):
    """GPD, and its test environment."""
    simulations = [Pagopa(tmp_path_factory.mktemp(name)) for name in ("real", "trial")]
    real, trial = ({**each.start(), **OURS} for each in simulations)
    yield real | {"keep_notices": False}, trial | {"segregation_code": 48, "vendor_id": "collaudo"}
    for each in simulations:
        each.stop()


@pytest.fixture(scope="module")
def real(gpds):
    return gpds[0]


@pytest.fixture(scope="module")
def trial(gpds):
    return gpds[1]


@pytest.fixture(scope="module")
def hub(kind, real, trial, tmp_path_factory):
    """`beta` is on trial; what is paid there comes as items of `collaudo`, which is for that alone."""
    folder = tmp_path_factory.mktemp("trial")

    def prepare(home, _vendor, _portal):
        with home.database.write() as tx:
            receipts = frozenset({"receipts"})
            add_vendor(tx, Vendor(ENTE, "collaudo", "Collaudo", "jwk", True, (), "collaudo", collections=receipts), [])
            its = {"ente_id": ENTE, "connector_id": "trial", "type": "pagopa", "settings": trial, "limits": QUICK}
            home.configuration.save(tx, **its, environment="test")
            change_vendor(tx, ENTE, "beta", {"stage": "sandbox"})
            change_vendor(tx, ENTE, "collaudo", {"stage": "sandbox", "rights": [SETTLES]})

    connectors = {**mail_folder(folder), "gpd": ("pagopa", real)}
    with described_hub(folder / "home", connectors=connectors, limits=QUICK, prepare=prepare, sweep_s=0.3) as running:
        yield running


@pytest.fixture
def paused(hub):
    """Lets nothing out by a connector, until it is called without one."""

    def turn(connector_id, status):
        with hub.home.database.write() as tx:
            set_status(tx, ENTE, connector_id, status=status, reason="a test")
        hub.hub.connectors.get(ENTE, connector_id, 10**6)

    yield turn
    for connector_id in ("gpd", "trial"):
        turn(connector_id, "active")


def by_beta(hub, item):
    return published(hub, "payments", item, vendor=hub.other_vendor)


def tried(hub, trial, item_id):
    """The position as it was registered on trial."""
    return kept(hub, trial, item_id, name="RAC-TEST")


def states(hub, person):
    return [one["state"] for one in hub.read("/payments", person).json()["items"]]


def by_connector(hub, item_id):
    return [row["connector_id"] for row in to_pagopa(hub, item_id)]


def test_a_position_on_trial_is_registered_shown_and_paid_at_the_providers_test_environment(hub, real, trial, person):
    item_id = by_beta(hub, payment(person))
    installment, _ = the_option(tried(hub, trial, item_id))
    assert kept(hub, real, item_id) is None
    assert installment["nav"].startswith("348"), "of the test environment's own numbers"
    (seen,) = hub.read("/payments", person).json()["items"]
    assert seen["cart"]["group"] == "test"
    told = [
        each["event"]
        for each in eventually(
            lambda: hub.vendor_get(f"/items/{item_id}", vendor=hub.other_vendor).json()["timeline"],
            lambda found: found[-1]["event"] == "position",
        )
    ]
    assert told.count("numbered") == 1
    pay(trial, installment["nav"])
    eventually(lambda: states(hub, person), lambda found: found == ["paid"], within_s=30)


def test_it_follows_its_payment_there(hub, trial, person):
    first = payment(person)
    item_id = by_beta(hub, first)
    number = the_option(tried(hub, trial, item_id))[0]["nav"]
    by_beta(hub, first | {"version": 2, "amount_cents": 9_000})
    installment, _ = the_option(tried(hub, trial, item_id))
    assert (installment["nav"], installment["amount"]) == (number, 9_000)
    hub.withdraw(item_id, vendor=hub.other_vendor)
    assert tried(hub, trial, item_id)["status"] == "UNPAYABLE"


def test_where_no_connector_for_tests_serves_its_creditor_the_refusal_says_who_can_do_what(hub, person):
    item = payment(person, creditor_tax_code=NOBODYS)
    on_trial, in_production = hub.publish("payments", item, vendor=hub.other_vendor), hub.publish("payments", item)
    (fault,), (other,) = (answer.json()["errors"] for answer in (on_trial, in_production))
    assert fault["code"] == other["code"] == "position.unserved"
    words = fault["detail"]
    assert words.startswith("Il fornitore è in prova")
    assert "--environment test" in words
    assert " / the vendor is in its sandbox" in words
    assert "prova" not in other["detail"]
    assert states(hub, person) == []


def test_what_becomes_real_leaves_the_test_environment_and_is_registered_under_a_real_number(
    hub, real, trial, person, staged
):
    first = payment(person)
    item_id = by_beta(hub, first)
    before = the_option(tried(hub, trial, item_id))[0]["nav"]
    pay(trial, before)
    eventually(lambda: states(hub, person), lambda found: found == ["paid"], within_s=30)
    staged("production")
    by_beta(hub, first | {"version": 2, "amount_cents": 7_000})
    there = kept(hub, real, item_id)
    installment, _ = the_option(there)
    assert (there["status"], installment["amount"], installment["nav"][:3]) == ("VALID", 7_000, "347")
    assert states(hub, person) == ["due"], "nobody has paid any money"
    assert the_option(tried(hub, trial, item_id))[0]["amount"] == 12_500, "nothing real was told there"
    by_beta(hub, first | {"version": 3, "amount_cents": 6_000})
    assert the_option(kept(hub, real, item_id))[0]["nav"] == installment["nav"], "from now on it is its number"
    numbers = {row["notice_number"] for row in rows(hub, notice_numbers, item_id=item_id)}
    assert numbers == {before, installment["nav"]}


def test_what_was_not_paid_on_trial_is_taken_back_there(hub, real, trial, person, staged):
    first = payment(person)
    item_id = by_beta(hub, first)
    assert tried(hub, trial, item_id)["status"] == "VALID"
    staged("production")
    by_beta(hub, first | {"version": 2})
    assert kept(hub, real, item_id)["status"] == "VALID"
    assert tried(hub, trial, item_id)["status"] == "UNPAYABLE"


def test_the_notice_printed_on_trial_is_taken_back_with_its_position(hub, real, trial, person, staged):
    def documents():
        return hub.read("/documents", person).json()["items"]

    first = payment(person)
    first["position"] = first["position"] | {"debtor_address": HOME}
    item_id = by_beta(hub, first)
    eventually(documents, lambda found: len(found) == 1, within_s=20)
    staged("production")
    by_beta(hub, first | {"version": 2})
    assert kept(hub, real, item_id)["status"] == "VALID"
    eventually(documents, lambda found: found == [], within_s=20)


def test_what_waits_for_the_test_environment_tells_it_nothing_real(hub, real, trial, person, staged, paused):
    paused("trial", "paused")
    first = payment(person)
    item_id = by_beta(hub, first)
    staged("production")
    by_beta(hub, first | {"version": 2})
    eventually(lambda: to_pagopa(hub, item_id)[-1]["state"], lambda state: state == "delivered", within_s=30)
    paused("trial", "active")
    assert tried(hub, trial, item_id) is kept(hub, trial, item_id) is None
    assert kept(hub, real, item_id)["status"] == "VALID"
    assert by_connector(hub, item_id) == ["trial", "trial", "gpd"]


def test_where_both_reach_one_provider_what_was_paid_on_trial_stands_for_nothing_real(hub, real, person, staged):
    """Both connectors may point at one simulator: the paid position was found under the real one's name."""
    here = {**real, "segregation_code": 49, "vendor_id": "collaudo"}
    its = {"ente_id": ENTE, "connector_id": "a-trial", "type": "pagopa", "settings": here, "limits": QUICK}
    with hub.home.database.write() as tx:
        hub.home.configuration.save(tx, **its, environment="test")
    hub.hub.connectors.get(ENTE, "a-trial", 1)
    first = payment(person)
    try:
        item_id = by_beta(hub, first)
        pay(real, the_option(tried(hub, real, item_id))[0]["nav"])
        staged("production")
        by_beta(hub, first | {"version": 2})
        assert kept(hub, real, item_id)["status"] == "VALID"
        assert tried(hub, real, item_id)["status"] == "PAID"
    finally:
        with hub.home.database.write() as tx:
            remove(tx, hub.home.vault, ENTE, "a-trial")
        hub.hub.connectors.get(ENTE, "a-trial", 10**6)


def test_a_real_position_stays_with_pagopa_though_its_vendor_was_put_back(hub, real, trial, person, staged):
    staged("production")
    first = payment(person)
    item_id = by_beta(hub, first)
    number = the_option(kept(hub, real, item_id))[0]["nav"]
    staged("sandbox")
    by_beta(hub, first | {"version": 2, "amount_cents": 9_000})
    installment, _ = the_option(kept(hub, real, item_id))
    assert (installment["nav"], installment["amount"]) == (number, 9_000), "its notice is in somebody's hands"
    assert tried(hub, trial, item_id) is kept(hub, trial, item_id) is None
    by_beta(hub, first | {"version": 3, "state": "cancelled"})
    assert kept(hub, real, item_id)["status"] == "UNPAYABLE"
    by_beta(hub, first | {"version": 4})
    assert the_option(tried(hub, trial, item_id))[0]["nav"].startswith("348"), "what is new is on trial"
    assert kept(hub, real, item_id)["status"] == "UNPAYABLE"


def test_the_delivery_of_a_real_position_may_go_again_though_its_vendor_was_put_back(hub, raccordo, person, staged):
    staged("production")
    item_id = by_beta(hub, payment(person, notice_number="301000000000000144"))
    (row,) = eventually(lambda: to_pagopa(hub, item_id), lambda found: found[0]["state"] == "rejected")
    staged("sandbox")
    shown = raccordo("delivery", "replay", row["delivery_id"], "--dry-run", "--json")
    assert shown["would_be"] == "rejected: pagopa.other_segregation_code"


def test_what_production_has_still_to_hear_of_is_taken_back_though_it_is_on_trial_by_then(
    hub, real, trial, person, staged, paused
):
    staged("production")
    first = payment(person)
    item_id = by_beta(hub, first)
    assert kept(hub, real, item_id)["status"] == "VALID"
    paused("gpd", "paused")
    by_beta(hub, first | {"version": 2, "state": "cancelled"})
    staged("sandbox")
    by_beta(hub, first | {"version": 3})
    eventually(lambda: to_pagopa(hub, item_id)[-1]["state"], lambda state: state == "delivered", within_s=30)
    paused("gpd", "active")
    assert kept(hub, real, item_id)["status"] == "UNPAYABLE"
    assert tried(hub, trial, item_id)["status"] == "VALID"


def test_what_its_vendor_said_was_paid_on_trial_may_be_asked_for_in_production(hub, person, staged):
    first = payment(person, notice_number=make_segregated_number(segregation_code=47, iuv_base=7_100_000))
    del first["position"]
    by_beta(hub, first)
    by_beta(hub, first | {"version": 2, "state": "paid"})
    assert code(hub.publish("payments", first | {"version": 3}, vendor=hub.other_vendor)) == (422, "state.terminal")
    staged("production")
    by_beta(hub, first | {"version": 3})
    assert states(hub, person) == ["due"]
    by_beta(hub, first | {"version": 4, "state": "paid"})
    assert code(hub.publish("payments", first | {"version": 5}, vendor=hub.other_vendor)) == (422, "state.terminal")


def test_instalments_on_trial_are_paid_by_what_is_on_trial(hub, trial, person):
    numbers = [make_segregated_number(segregation_code=48, iuv_base=base) for base in (7_200_000, 7_200_001)]
    parts = [{"amount_cents": 6_250, "due_date": DUE, "notice_number": number} for number in numbers]
    asked = {"debtor_name": "Maria Rossi", "iban": IBAN, "category": "9/0301105TS/", "installments": parts}
    item_id = by_beta(hub, payment(person) | {"position": asked})
    assert tried(hub, trial, item_id)["status"] == "VALID"

    def receipts(vendor):
        for number in numbers:
            paid = {"creditor_tax_code": CREDITOR, "notice_number": number}
            receipt = make_receipt(fresh(), **to(person, None), payment=paid, receipt_number=fresh("RT"))
            published(hub, "receipts", receipt, vendor=vendor)

    with hub.home.database.write() as tx:
        change_vendor(tx, ENTE, "acme", {"rights": [SETTLES]})
    hub.hub.registry.poll()
    receipts(hub.vendor)
    assert states(hub, person) == ["due"], "real money is nothing to it"
    receipts(hub.other_vendor)
    assert states(hub, person) == ["paid"]
