"""A citizen picks payments in the portal, and is sent to pagoPA's Checkout to pay them together (issue 6, S58)."""

import io
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from connectors.pagopa.simulator import Pagopa
from contracts.paying import Returns
from hub.cli.console import Failed
from hub.cli.paying import made, owed_by
from hub.store.ending import mark_ente
from hub.store.tables import access_log
from tests.flows.making import code, described_hub, fresh, new_person, notice_number, published, rows, to
from tests.harness import ENTE, make_message, make_payment, make_receipt

pytestmark = pytest.mark.req("S58", "S63")

CREDITOR = "00488410010"
AT_HOME = "https://servizi.comune.example.it/pagamenti"
BACK = {"ok": f"{AT_HOME}?esito=ok", "cancel": AT_HOME, "error": AT_HOME}


@pytest.fixture(scope="module")
def pagopa(kind, tmp_path_factory):
    simulation = Pagopa(tmp_path_factory.mktemp("pagopa"))
    yield {**simulation.start(), "organization_tax_code": CREDITOR, "segregation_code": 47, "vendor_id": "acme"}
    simulation.stop()


@pytest.fixture(scope="module")
def hub(kind, pagopa, tmp_path_factory):
    folder = tmp_path_factory.mktemp("carts")
    with described_hub(folder / "home", connectors={"gpd": ("pagopa", pagopa)}) as running:
        yield running


def payment(hub, person, **fields):
    own = {"notice_number": notice_number(), "notify": {"channels": []}} | fields
    return published(hub, "payments", make_payment(fresh(), **to(person, None), **own))


def wish(*parts, **more):
    """Each part is an item_id, or (item_id, number of the instalment)."""
    named = [(part, None) if isinstance(part, str) else part for part in parts]
    payments = [{"item_id": item_id} | ({"installment": n} if n else {}) for item_id, n in named]
    return {"payments": payments, "return_urls": BACK} | more


def pay(hub, person, *parts, headers=None, **more):
    return hub.write("/carts", wish(*parts, **more), person, headers=headers)


def shared(hub, person):
    found = hub.read("/sharing", person).json()["items"]
    return sorted((each["what"], each["recipient_id"], each["item_id"]) for each in found if each["channel"])


def pagopas(pagopa, method, **how):
    httpx.request(
        method, f"{pagopa['gpd_url'].rpartition('/gpd/')[0]}/_sim/faults", trust_env=False, **how
    ).raise_for_status()


def test_a_citizen_is_sent_to_pay_several_notices_and_sees_who_was_told(hub, person):
    first, second = payment(hub, person), payment(hub, person, state="overdue")
    made = pay(hub, person, first, second, email="qualcuno@example.org")
    assert made.status_code == 201, made.text
    assert made.json()["url"].startswith("https://checkout.pagopa.example/c/")
    assert shared(hub, person) == [("cart", "pagopa", first), ("cart", "pagopa", second)]
    log = [each for each in hub.read("/access-log", person).json()["items"] if each["operation"] == "make_cart"]
    assert [(each["actor_id"], each["outcome"]) for each in log] == [("portale", "ok")] * 2
    # Nothing is held of it: neither that it was asked for, nor that anything is paid.
    shown = hub.read(f"/items/{first}", person).json()
    assert shown["state"] == "due"
    assert "cart" not in str(hub.vendor_get(f"/items/{first}").json()), "a vendor learns nothing of it"
    assert pay(hub, person, first).status_code == 201, "it may be asked for again"


def test_a_token_makes_one_cart(hub, person):
    item_id = payment(hub, person)
    tokens = hub.reader(person)
    assert pay(hub, person, item_id, headers=tokens).status_code == 201
    assert code(pay(hub, person, item_id, headers=tokens)) == (409, "token.replayed")
    assert shared(hub, person) == [("cart", "pagopa", item_id)]


def test_anothers_payment_is_unknown_whatever_else_is_in_the_cart(hub, person):
    mine, anothers = payment(hub, person), payment(hub, other := new_person())
    for item_ids in ([anothers], [mine, anothers]):
        assert code(pay(hub, person, *item_ids)) == (404, "item.unknown")
    assert shared(hub, person) == shared(hub, other) == []
    assert not [each for each in rows(hub, access_log, item_id=anothers) if each["operation"] == "make_cart"]
    refused = rows(hub, access_log, operation="make_cart", item_id=None)
    assert "item.unknown" in {each["outcome"] for each in refused}, "the refusal is recorded"


def test_all_or_none_where_one_cannot_be_paid(hub, person):
    number = notice_number()
    paid = payment(hub, person, notice_number=number)
    proof = {"notice_number": number, "creditor_tax_code": CREDITOR}
    published(hub, "receipts", make_receipt(fresh(), **to(person, None), payment=proof))
    message = published(hub, "messages", make_message(fresh(), **to(person, None), notify={"channels": []}))
    open_, withdrawn = payment(hub, person), payment(hub, person)
    assert hub.withdraw(withdrawn).status_code == 201
    answer = pay(hub, person, open_, paid, message)
    assert code(answer) == (409, "payment.not_payable")
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/payments/1", "/payments/2"]
    assert code(pay(hub, person, open_, withdrawn)) == (404, "item.unknown")
    assert shared(hub, person) == []


@pytest.mark.parametrize(
    ("wrong", "status", "refusal"),
    [
        ({"return_urls": BACK | {"ok": "https://altrove.example/ok"}}, 422, "return_url.not_allowed"),
        ({"return_urls": {"ok": AT_HOME, "cancel": AT_HOME}}, 422, "contract.violation"),
        ({"email": "non un indirizzo"}, 422, "contract.violation"),
        ({"payments": []}, 422, "contract.violation"),
        ({"amount_cents": 1}, 422, "contract.violation"),
    ],
)
def test_a_wish_that_breaks_the_rules_is_refused_and_nothing_leaves(hub, person, wrong, status, refusal):
    item_id = payment(hub, person)
    assert code(pay(hub, person, item_id, **wrong)) == (status, refusal)
    assert shared(hub, person) == []


def test_each_payment_is_named_once_and_five_are_the_most(hub, person):
    item_id = payment(hub, person)
    assert code(pay(hub, person, item_id, item_id)) == (422, "contract.violation")
    six = [payment(hub, person) for _ in range(6)]
    assert code(pay(hub, person, *six)) == (422, "contract.violation")
    assert pay(hub, person, *six[:5]).status_code == 201


def test_the_same_notice_from_two_vendors_is_one(hub, person):
    number = notice_number()
    first = payment(hub, person, notice_number=number)
    item = make_payment(fresh(), **to(person, None), notice_number=number, notify={"channels": []})
    second = published(hub, "payments", item, vendor=hub.other_vendor)
    (shown,) = hub.read("/payments", person).json()["items"]
    assert code(pay(hub, person, first, second)) == (404, "item.unknown"), "one of them is shown for both"
    assert pay(hub, person, shown["item_id"]).status_code == 201


def test_a_creditor_without_a_connector_has_no_carts(hub, person):
    item_id = payment(hub, person, creditor_tax_code="06363391001")
    assert code(pay(hub, person, item_id)) == (422, "cart.not_offered")
    assert shared(hub, person) == []


@pytest.mark.parametrize(
    ("fault", "status", "refusal"),
    [
        ({"kind": "error", "status": 400}, 422, "cart.refused"),
        ({"kind": "error", "status": 500}, 503, "provider.unavailable"),
        ({"kind": "throttle", "retry_after": 3}, 503, "provider.unavailable"),
        ({"kind": "cut"}, 503, "provider.unavailable"),
    ],
)
def test_where_pagopa_fails_it_is_said_and_may_be_asked_again(hub, pagopa, person, fault, status, refusal):
    item_id = payment(hub, person)
    pagopas(pagopa, "POST", json=[fault | {"on": "carts"}] * 9)
    try:
        answer = pay(hub, person, item_id)
    finally:
        pagopas(pagopa, "DELETE")
    assert code(answer) == (status, refusal)
    assert ("retry-after" in answer.headers) is (status == 503)
    # It may have got there: whoever looks at the sharing is told of it.
    assert shared(hub, person) == [("cart", "pagopa", item_id)]
    assert pay(hub, person, item_id).status_code == 201


def test_a_key_that_checkout_refuses_is_not_tried_again_and_deliveries_go_on(hub, pagopa, person, raccordo):
    """Else each citizen's cart would ask pagoPA anew."""
    item_id = payment(hub, person)
    pagopas(pagopa, "POST", json=[{"kind": "error", "status": 401, "on": "carts"}])
    try:
        assert code(pay(hub, person, item_id)) == (503, "provider.unavailable")
        assert code(pay(hub, person, item_id)) == (503, "provider.unavailable"), "though pagoPA would take it by now"
        (connector,) = [one for one in raccordo("connector", "list", "--json") if one["connector_id"] == "gpd"]
        assert (connector["status"], connector["breaker"], connector["carts"]) == ("active", "closed", "open")
        raccordo("connector", "activate", "gpd")
        assert pay(hub, person, item_id).status_code == 201
    finally:
        pagopas(pagopa, "DELETE")
        raccordo("connector", "activate", "gpd")


def test_who_was_delegated_pays_and_the_other_sees_it(hub, person, raccordo, monkeypatch):
    item_id, delegate = payment(hub, person), new_person()
    for_other = {"on_behalf_of": f"TINIT-{person}"}
    assert code(pay(hub, delegate, item_id, headers=hub.reader(delegate, **for_other))) == (403, "delegation.inactive")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{person}\n{delegate}\n"))
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    delegation_id = raccordo("delegation", "add", "--to", until, "--json")["delegation_id"]
    assert pay(hub, delegate, item_id, headers=hub.reader(delegate, **for_other)).status_code == 201
    assert shared(hub, person) == [("cart", "pagopa", item_id)]
    log = hub.read("/access-log", person).json()["items"]
    assert delegation_id in {each["delegation_id"] for each in log if each["operation"] == "make_cart"}
    assert code(pay(hub, delegate, item_id)) == (404, "item.unknown"), "for himself he has none"


@pytest.mark.usefixtures("one_minute")
def test_a_citizen_makes_only_so_many_a_minute(hub, person):
    item_id, other = payment(hub, person), new_person()
    answers = [pay(hub, person, item_id) for _ in range(11)]
    assert [each.status_code for each in answers] == [201] * 10 + [429]
    assert answers[-1].headers["retry-after"] == "30"
    assert pay(hub, other, payment(hub, other)).status_code == 201, "another is not kept from it"


def test_the_command_line_makes_them_of_one_citizen(hub, person, raccordo):
    first, second, anothers = payment(hub, person), payment(hub, person), payment(hub, new_person())
    back = ["--ok", "https://a.example/ok", "--cancel", "https://a.example/no", "--error", "https://a.example/e"]
    made = raccordo("payment", "cart", first, second, *back, "--json")
    assert made["url"].startswith("https://checkout.pagopa.example/")
    assert shared(hub, person) == [("cart", "pagopa", first), ("cart", "pagopa", second)]
    told = raccordo("payment", "cart", first, anothers, *back, code=1)
    assert anothers in told
    assert "one citizen" in told
    assert "the cart already" in raccordo("payment", "cart", first, first, *back, code=1)
    unserved = payment(hub, person, creditor_tax_code="06363391001")
    assert unserved in raccordo("payment", "cart", first, unserved, *back, code=1)
    raccordo("payment", "cart", first, "--ok", "ftp://a.example", *back[2:], code=2)
    raccordo("payment", "cart", first, *back, "--email", "nessuno", code=2)
    assert len(shared(hub, person)) == 2, "what was refused went nowhere"


def test_what_nobody_prints_went_to_nobody(hub, person, raccordo, tmp_path):
    unserved = payment(hub, person, creditor_tax_code="06363391001")
    to_whom = ["--name", "Maria Rossi", "--address", "Via Roma", "--number", "1", "--city", "Trento"]
    to_whom += ["--postal-code", "38100", "--province", "TN"]
    told = raccordo("payment", "notice", unserved, "--out", tmp_path / "avviso.pdf", *to_whom, code=1)
    assert "for its creditor" in told
    columns = "item_id,name,address,number,city,postal_code,province"
    (tmp_path / "avvisi.csv").write_text(f"{columns}\n{unserved},Maria Rossi,Via Roma,1,Trento,38100,TN\n")
    assert "for its creditor" in raccordo("payment", "print", "--file", tmp_path / "avvisi.csv", code=1)
    assert shared(hub, person) == []


def test_for_a_body_that_leaves_the_command_line_makes_none(tmp_path, pagopa):
    with described_hub(tmp_path / "home", connectors={"gpd": ("pagopa", pagopa)}) as hub:
        owed = owed_by(hub.home, [payment(hub, new_person())])
        with hub.home.database.write() as tx:
            mark_ente(tx, ENTE)
        with pytest.raises(Failed, match=r"^ente\.ended"):
            made(hub.home, owed, Returns(**BACK), None)
        assert "make_cart" not in {each["operation"] for each in rows(hub, access_log)}
