"""pagoPA's debt positions: the common promises, v1 and v3."""

import json

import pytest
from pydantic import ValidationError

from connectors.base.conformance import Walk, make_notice
from connectors.base.http_conformance import HttpConformance
from connectors.base.scripted import Received, Reply, ScriptedServer
from connectors.pagopa import connect
from connectors.pagopa.positions import body, same
from connectors.pagopa.test_parts import CREDITOR, KEY, OURS, SAMPLES, sample, settings
from contracts.connector import Connector, Done, Limits
from contracts.failures import Misconfigured, Rejected
from contracts.positions import Numbering
from contracts.reporting import iuv_of


class TestConformance(HttpConformance):
    samples = SAMPLES
    sending = 1
    secrets = (KEY,)

    def shows_nothing(self, text: str) -> None:
        super().shows_nothing(text)
        assert "maria rossi" not in text.lower(), "the debtor's name shows"

    def connect_to(self, url: str, limits: Limits) -> Connector:
        return connect(settings(url), limits)

    def check_request(self, request: Received) -> None:
        assert request.headers["ocp-apim-subscription-key"] == KEY
        if request.body:
            assert request.headers["content-type"] == "application/json"

    def identifier(self, request: Received) -> str:
        return str(json.loads(request.body)["iupd"])


class TestInBulk(TestConformance):
    """Whoever is alone in a request is told by v1 what is wrong, as if there were no bulk."""

    samples = SAMPLES / "bulk"
    sending = 0

    def connect_to(self, url: str, limits: Limits) -> Connector:
        return connect(settings(url, bulk=20), limits)


def v3_shown(wanted: dict, status: str) -> dict:
    """As GPD answers a question: no payStandIn, the rest as it was sent."""
    return {name: value for name, value in wanted.items() if name != "payStandIn"} | {"status": status}


@pytest.fixture
def server():
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def v3(server):
    connector = connect(settings(server.url, api="v3"), Limits(timeout_s=10))
    yield connector
    connector.close()


def test_v3_has_the_whole_and_the_plan_as_two_options(server, v3):
    notice = make_notice(**sample("instalments.json")["notice"])
    server.play(Reply(404, {"status": 404}), Reply(201, {}))
    assert isinstance(Walk(v3, notice).finish(), Done)
    request = server.received[1]
    assert request.path == f"/v3/organizations/{CREDITOR}/debtpositions?toPublish=true"
    whole, plan = json.loads(request.body)["paymentOption"]
    assert [each["amount"] for each in whole["installments"]] == [8450]
    assert [each["amount"] for each in plan["installments"]] == [4225, 4225]
    debtor = {"type": "F", "fiscalCode": "RSSMRA80A01H501U", "fullName": "Maria Rossi"}
    assert whole["debtor"] == plan["debtor"] == debtor
    assert "fiscalCode" not in json.loads(request.body)


def test_v3_has_each_plan_of_several_as_an_option_and_adopts_them(server, v3):
    notice = make_notice(**sample("several_plans.json")["notice"])
    server.play(Reply(404, {"status": 404}), Reply(201, {}))
    assert isinstance(Walk(v3, notice).finish(), Done)
    options = json.loads(server.received[1].body)["paymentOption"]
    assert [[each["amount"] for each in option["installments"]] for option in options] == [
        [8450],
        [4225, 4225],
        [2816, 2817, 2817],
    ]
    assert [option["description"] for option in options][1:] == ["TARI 2026, rata 1 di 2", "TARI 2026, rata 1 di 3"]
    wanted = body("v3", notice, notice.position, OURS)
    server.play(Reply(200, v3_shown(wanted, "VALID")))
    assert Walk(v3, notice).finish().detail == "as wanted"
    moved = json.loads(json.dumps(wanted))
    moved["paymentOption"][1]["installments"].append(moved["paymentOption"][2]["installments"].pop())
    server.play(Reply(200, v3_shown(moved, "VALID")), Reply(200, {}))
    assert Walk(v3, notice).finish().detail == "updated", "an instalment in another plan is a difference"


def test_v3_shows_the_debtor_so_that_a_later_version_is_adopted_or_sent(server, v3):
    notice = make_notice(**sample("new_version.json")["notice"])
    wanted = body("v3", notice, notice.position, OURS)
    server.play(Reply(200, v3_shown(wanted, "VALID")))
    assert Walk(v3, notice).finish().detail == "as wanted"
    other = json.loads(json.dumps(wanted))
    other["paymentOption"][0]["debtor"]["fullName"] = "Maria Bianchi"
    server.play(Reply(200, v3_shown(other, "VALID")), Reply(200, {}))
    assert Walk(v3, notice).finish().detail == "updated"


def test_v3_withdraws_by_v1_and_deletes_what_v1_does_not_know(server, v3):
    notice = make_notice(**sample("gone.json")["notice"])
    there = v3_shown(body("v3", notice, notice.position, OURS), "VALID")
    refused = {"title": "x", "status": 422, "detail": "MULTI_INSTALLMENT_NOT_SUPPORTED_IN_V1"}
    server.play(Reply(200, there), Reply(422, refused), Reply(200, b""))
    assert Walk(v3, notice).finish().detail == "deleted"
    name = notice.position.name
    assert [(got.method, got.path.rpartition("debtpositions/")[2]) for got in server.received] == [
        ("GET", name),
        ("POST", f"{name}/invalidate"),
        ("DELETE", name),
    ]
    assert [got.path[:4] for got in server.received] == ["/v3/", "/v1/", "/v3/"]
    server.play(Reply(200, there | {"status": "UNPAYABLE"}))
    assert Walk(v3, notice).finish().detail == "as wanted"


@pytest.mark.parametrize(
    ("number", "iuv"),
    [
        ("301000000000000144", "01000000000000144"),
        ("002123456789012353", "123456789012353"),
        ("212345678901234544", "12345678901234544"),
    ],
)
def test_the_iuv_of_a_notice_number(number, iuv):
    assert iuv_of(number) == iuv


@pytest.mark.parametrize(
    "change",
    [
        {"companyName": "Comune di Altrove"},
        {"type": "G"},
        {"officeName": "Tributi"},
        {"paymentOption": None},
        {"paymentOption": []},
        {"paymentOption": [None]},
        {"paymentOption": [{"iuv": "x"}]},
    ],
)
def test_what_is_not_the_same_is_not_adopted(change):
    notice = make_notice(**sample("delivered.json")["notice"])
    wanted, found = body("v1", notice, notice.position, OURS), sample("lookup.json")["found"]["body"]
    assert same("v1", wanted, found)
    assert not same("v1", wanted, found | change)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("amount",), 8451),
        (("description",), "IMU"),
        (("isPartialPayment",), True),
        (("dueDate",), "2026-06-17T21:59:59"),
        (("notificationFee",), 100),
        (("transfer", 0, "amount"), 8449),
        (("transfer", 0, "iban"), "IT00X0000000000000000000000"),
        (("transfer", 0, "postalIban"), "IT00X0000000000000000000000"),
        (("transfer", 0, "category"), "9/0000000AA/"),
        (("transfer", 0, "organizationFiscalCode"), "06363391001"),
        (("transfer", 0, "remittanceInformation"), "IMU"),
        (("transfer", 0, "idTransfer"), "2"),
        (("transfer", 0, "stamp"), {"stampType": "01"}),
    ],
)
def test_each_field_of_an_option_is_compared(place, value):
    notice = make_notice(**sample("delivered.json")["notice"])
    found = sample("lookup.json")["found"]["body"]
    at = found["paymentOption"][0]
    for name in place[:-1]:
        at = at[name]
    at[place[-1]] = value
    assert not same("v1", body("v1", notice, notice.position, OURS), found)


def test_the_check_asks_for_positions_of_the_creditor(server):
    connector = connect(settings(server.url), Limits())
    server.play(Reply(200, {"payment_position_list": [], "page_info": {}}))
    assert CREDITOR in connector.check()
    for answer in (Reply(403, {"statusCode": 403}), Reply(404, b""), Reply(200, {})):
        server.play(answer)
        with pytest.raises(Misconfigured):
            connector.check()
    connector.close()


def test_in_bulk_the_check_asks_whether_v2_is_there(server):
    connector = connect(settings(server.url, bulk=20), Limits())
    listed = Reply(200, {"payment_position_list": [], "page_info": {}})
    server.play(listed, Reply(200, {"name": "gpd"}))
    assert CREDITOR in connector.check()
    server.play(listed, Reply(401, {"statusCode": 401}))
    with pytest.raises(Misconfigured):
        connector.check()
    connector.close()


def test_a_refusal_says_what_it_is_about_and_repeats_nothing(server):
    connector = connect(settings(server.url), Limits())
    notice = make_notice(**sample("delivered.json")["notice"])
    said = {"title": "x", "status": 400, "detail": "The IBAN IT60X0542811101000000123456 of Maria Rossi is unknown"}
    server.play(Reply(404, {"status": 404}), Reply(400, said))
    connector.advance(notice, {})
    with pytest.raises(Rejected) as caught:
        connector.advance(notice, {"step": "create"})
    assert caught.value.detail == "status 400, about the IBAN"
    connector.close()


def test_the_hub_numbers_from_the_creditors_segregation_code():
    connector = connect(settings("https://api.example.it/gpd", company_name="Unione dei Comuni"), Limits())
    assert connector.numbering == Numbering(CREDITOR, 47)
    assert connector.numbering.creditor_name == "Unione dei Comuni"
    assert not connector.numbering.several_plans
    connector.close()
    connector = connect(settings("https://api.example.it/gpd", api="v3"), Limits())
    assert connector.numbering.several_plans
    connector.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"organization_tax_code": "12345678901"},
        {"segregation_code": 100},
        {"api_key": "with space"},
        {"gpd_url": "http://api.example.it/gpd"},
        {"api": "v2"},
        {"api": "v3", "bulk": 2},
        {"bulk": 0},
        {"bulk": 101},
        {"receipts": "push"},
        {"surprise": 1},
    ],
)
def test_settings_that_would_not_do_are_refused(wrong):
    with pytest.raises(ValidationError):
        settings("https://api.example.it/gpd", **wrong)
