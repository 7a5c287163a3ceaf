"""Checkout carts and printed notices, against a scripted server and the strict simulator."""

import json

import pytest
from pydantic import ValidationError

from connectors.base.conformance import Walk, make_notice
from connectors.base.http_conformance import leading_to
from connectors.base.scripted import Fault, Reply, ScriptedServer
from connectors.pagopa import connect
from connectors.pagopa.test_parts import CREDITOR, KEY, sample, settings
from contracts.connector import Limits
from contracts.failures import Deferred, Failure, Misconfigured, Rejected
from contracts.paying import Cart, Debtor, PayableNotice, Returns

NOTICE = PayableNotice("347170000000000067", CREDITOR, 8450, "Comune di Valdilago", "TARI 2026 " * 20, "2026-12-16")
BACK = Returns(ok="https://a.it/ok", cancel="https://a.it/no", error="https://a.it/error")
CART = Cart(notices=(NOTICE,), returns=BACK, email="mario.rossi@posta.example")
DEBTOR = Debtor(
    full_name="Maria Rossi",
    address="Via Garibaldi",
    building_number="1/A",
    city="Valdilago",
    postal_code="28900",
    province="VB",
)
CODE = "RSSMRA80A01H501U"


@pytest.fixture
def server():
    with ScriptedServer() as server:
        yield server


def connector(url, timeout_s=10.0, **more):
    given = {"checkout_url": url, "notices_url": url, "notice_template": "T"} | more
    return connect(settings(url, **given), Limits(timeout_s=timeout_s))


def calls(one):
    return {"cart": lambda: one.cart(CART), "print": lambda: one.printed(NOTICE, DEBTOR, CODE)}


def at(running, **more):
    url = running.url
    made = connector(
        url,
        checkout_url=f"{url}/checkout/ec/v1",
        notices_url=f"{url}/print-payment-notice-service/external/v1",
        **more,
    )
    running.connectors.append(made)
    return made


def test_a_strict_checkout_and_printer_take_what_we_send(start):
    one = at(start())
    assert one.cart(CART).startswith("https://checkout.pagopa.example/c/")
    assert one.cart(CART.model_copy(update={"notices": (NOTICE,) * 5, "email": None})).startswith("https://")
    assert NOTICE.notice_number.encode() in one.printed(NOTICE, DEBTOR, CODE)


def test_checkouts_account_has_a_line_for_each_cart_that_was_made_and_none_for_others(start):
    running = start()
    one = at(running)
    urls = [one.cart(CART), one.cart(CART)]
    running.http.post("/_sim/faults", json=[{"kind": "error", "status": 503, "on": "carts"}]).raise_for_status()
    with pytest.raises(Failure):
        one.cart(CART)
    ledger = running.ledger.with_name("carts.jsonl").read_text().splitlines()
    made = [json.loads(line) for line in ledger]
    assert [line["url"] for line in made] == urls
    assert len(set(urls)) == 2
    assert {line["cart"]["emailNotice"] for line in made} == {CART.email}
    assert {each["noticeNumber"] for line in made for each in line["cart"]["paymentNotices"]} == {NOTICE.notice_number}


@pytest.mark.parametrize("what", ["cart", "print"])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, Misconfigured),
        (403, Misconfigured),
        (404, Misconfigured),
        (422, Rejected),
        (429, Deferred),
        (500, Deferred),
        (503, Deferred),
        (200, Deferred),
        (301, Misconfigured),
    ],
)
def test_every_status_has_its_outcome(server, what, status, kind):
    one = connector(server.url)
    server.play(Reply(status, {"title": "x", "status": status, "detail": "Maria Rossi"}, {"Location": server.url}))
    with pytest.raises(Failure) as caught:
        calls(one)[what]()
    assert type(caught.value) is kind
    assert "Rossi" not in str(caught.value)
    assert server.received[0].headers["ocp-apim-subscription-key"] == KEY
    one.close()


@pytest.mark.parametrize("what", ["cart", "print"])
@pytest.mark.parametrize("fault", list(Fault))
def test_the_networks_faults_are_told(server, what, fault):
    one = connector(server.url, timeout_s=0.3)
    server.play(*[fault] * 5)
    with pytest.raises(Deferred):
        calls(one)[what]()
    one.close()


@pytest.mark.parametrize("where", ["", "javascript:alert(1)", "http://checkout.example/x", "/relative"])
def test_a_cart_without_an_address_is_none(server, where):
    one = connector(server.url)
    server.play(Reply(302, headers={"Location": where} if where else {}))
    with pytest.raises(Deferred):
        one.cart(CART)
    assert {got.path for got in server.received} == {"/carts"}, "it is for the browser to follow"
    one.close()


@pytest.mark.parametrize("body", [b"", b"<html/>", b"{}"])
def test_what_is_no_pdf_is_none(server, body):
    one = connector(server.url)
    server.play(Reply(201, body))
    with pytest.raises(Deferred):
        one.printed(NOTICE, DEBTOR, CODE)
    one.close()


def test_without_a_template_nothing_is_printed(server):
    one = connector(server.url, notice_template=None)
    with pytest.raises(Misconfigured, match="template"):
        one.printed(NOTICE, DEBTOR, CODE)
    assert server.received == []
    one.close()


def position(**changes):
    return make_notice(**(given := sample("delivered.json")["notice"]) | {"position": given["position"] | changes})


PAPER = {"paper": DEBTOR.model_dump()}


def test_the_notice_of_a_registered_position_is_printed_where_its_debtor_lives(start):
    running = start()
    keeps = at(running, keep_notices=True)
    (made,) = keeps.follow_up(position(**PAPER), {}).documents
    assert b"347170000000000067 8450" in made.content
    for none in (position(), position(**PAPER, wanted="gone", options=())):
        (gone,) = keeps.follow_up(none, {}).documents
        assert (gone.name, gone.content) == (made.name, None)
    assert at(running).follow_up is None, "it is the administrator's choice"


def test_the_day_on_paper_is_romes(server):
    one = connector(server.url, keep_notices=True)
    server.play(Reply(201, b"%PDF-1.7"))
    one.follow_up(position(**PAPER), {})
    (request,) = server.received
    data = json.loads(request.body)["data"]
    assert data["notice"]["dueDate"] == "2026-06-16"
    assert data["debtor"]["taxCode"] == CODE
    one.close()


@pytest.mark.parametrize("wanted", ["payable", "gone"])
def test_what_became_of_the_notice_is_asked_once_the_position_is_as_wanted(server, wanted):
    for keeps in (True, False):
        one = connector(server.url, gpd_url=server.url, keep_notices=keeps)
        server.play(Reply(404, {"status": 404}), *([Reply(201, {})] if wanted == "payable" else []))
        done = Walk(one, position(wanted=wanted)).finish()
        assert (done.follow_up is not None) is keeps
        one.close()


def test_notices_are_not_kept_without_a_template():
    with pytest.raises(ValidationError, match="notice_template"):
        settings("https://api.example.it/gpd", keep_notices=True)


@pytest.mark.parametrize("address", ["10.0.0.7", "169.254.169.254", "::ffff:10.0.0.7"])
@pytest.mark.parametrize("what", ["cart", "print", "check"])
def test_a_name_that_leads_inside_is_refused(what, address, monkeypatch):
    tried = leading_to([address], monkeypatch)
    one = connector("https://provider.example", private_hosts="")
    with pytest.raises(Deferred, match="address_refused"):
        (calls(one) | {"check": one.check})[what]()
    assert tried == set()
    one.close()
