"""Payments that nobody has asked for yet: what the data of a service become, and each reason for which nothing does."""

import json
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from connectors.pagopa_node import connect
from connectors.pagopa_node.calling import OWED, answer, asked_of, body_of, call_of
from connectors.pagopa_node.config import Settings
from connectors.pagopa_node.demands import DemandData
from connectors.pagopa_node.sampling import (
    CREDITOR,
    DEBTOR,
    NOTICE,
    OFFER,
    OTHER_BODY,
    SPONTANEOUS,
    asked,
    card,
    demanded,
    ids,
    meals,
    settings,
)
from contracts.answering import Demanded
from contracts.connector import Limits
from contracts.failures import Misconfigured, Rejected
from contracts.positions import Numbering

DEMAND = "paDemandPaymentNotice"


def demand(service, document, **changes):
    """The payment that the station asks the hub for."""
    found = asked_of(call_of(DEMAND, demanded(service, document), **changes), **OFFER)
    assert isinstance(found, Demanded)
    return found


def declined(content, **changes):
    """(fault code, why an administrator is told, where) of a demand that makes nothing."""
    reply = answer(call_of(DEMAND, content), **(OFFER | changes))
    name, plain = body_of(reply)
    assert (name, plain["outcome"], reply.found) == ("paDemandPaymentNoticeResponse", "KO", ())
    assert DEBTOR not in reply.body.decode()
    assert DEBTOR not in repr(reply.declined)
    return plain["fault"]["faultCode"], reply.declined.code, reply.declined.pointer


def test_the_data_become_a_payment_by_the_rules_of_their_service():
    found = demand("00005", card())
    assert found.item == {
        "source": "pagopa",
        "occurred_at": "2026-03-02T12:00:00Z",
        "creditor_tax_code": CREDITOR,
        "title": "Carta d'identità elettronica: prima emissione",
        "due_date": "2026-03-04",
        "invalid_after_due": True,
        "recipient": {"tax_code": DEBTOR},
        "amount_cents": 2221,
        "reason": "Carta d'identità elettronica: prima emissione",
        "notify": {"channels": []},
    }
    assert found.vendor_id == "pagopa"
    assert found.numbering == Numbering(CREDITOR, 47)
    assert found.passing == {"occurred_at", "due_date", "invalid_after_due"}
    assert DEBTOR not in repr(found)


def test_what_the_rules_say_of_name_and_day_counts():
    found = demand("00006", meals(more="<entro>2026-06-30</entro>"))
    assert (found.item["external_id"], found.item["due_date"]) == ("mensa-2026-000041", "2026-06-30")
    assert (found.item["source"], found.item["service_id"]) == ("mense", "tari")
    assert found.passing == {"occurred_at"}
    assert "invalid_after_due" not in found.item
    firm = meals(debtor=OTHER_BODY).replace("<pagatore>", "<pagatore><tipo>G</tipo>")
    assert demand("00006", firm).item["recipient"] == {"subject_kind": "organization", "tax_code": OTHER_BODY}


def test_the_day_is_romes():
    late = demand("00005", card(), now=datetime(2026, 3, 2, 23, 30, tzinfo=UTC))
    assert late.item["due_date"] == "2026-03-05"


@pytest.mark.parametrize(("amount", "cents"), [("45.5", 4550), ("1.045,50", 104_550), ("7", 700), ("0,01", 1)])
def test_amounts_are_whole_cents(amount, cents):
    assert demand("00006", meals(amount=amount)).item["amount_cents"] == cents


def test_the_answer_is_the_notice_by_which_it_is_paid():
    found = demand("00005", card())
    name, plain = body_of(found.answer(OWED))
    assert name == "paDemandPaymentNoticeResponse"
    assert plain["qrCode"] == {"fiscalCode": CREDITOR, "noticeNumber": NOTICE}
    assert plain["paymentList"]["paymentOptionDescription"]["amount"] == "84.50"
    verified = answer(call_of("paVerifyPaymentNotice", asked()), OWED)
    assert {name: value for name, value in plain.items() if name != "qrCode"} == body_of(verified)[1]
    for state, code in (("paid", "PAA_PAGAMENTO_DUPLICATO"), ("expired", "PAA_PAGAMENTO_SCADUTO")):
        assert body_of(found.answer(replace(OWED, state=state)))[1]["fault"]["faultCode"] == code
    assert body_of(found.refused)[1]["fault"]["faultCode"] == "PAA_SEMANTICA"


def raw(data):
    return f"{ids()}<idServizio>00005</idServizio><datiSpecificiServizioRequest>{data}</datiSpecificiServizioRequest>"


@pytest.mark.parametrize(
    ("content", "fault", "code", "pointer"),
    [
        (demanded("00009", card()), "PAA_SEMANTICA", "pagopa.demand_not_offered", "/idServizio"),
        (raw("non Base64!"), "PAA_SINTASSI_XSD", "pagopa.demand_unreadable", "/datiSpecificiServizioRequest"),
        (demanded("00005", "<x"), "PAA_SINTASSI_XSD", "pagopa.demand_unreadable", "/datiSpecificiServizioRequest"),
        (
            demanded("00005", "<!DOCTYPE x [<!ENTITY e 'x'>]><x>&e;</x>"),
            "PAA_SINTASSI_XSD",
            "pagopa.demand_unreadable",
            "/datiSpecificiServizioRequest",
        ),
        (demanded("00005", card(creditor=OTHER_BODY)), "PAA_SEMANTICA", "pagopa.demand_excluded", ""),
        (demanded("00005", "<altro/>"), "PAA_SEMANTICA", "pagopa.demand_excluded", ""),
        (demanded("00005", card("3")), "PAA_SEMANTICA", "mapping.choice", "/pagamentoCIE/codiceCausale"),
        (
            demanded("00005", card(debtor="RSSMRA80A01H501X")),
            "PAA_SEMANTICA",
            "field.invalid",
            "/pagamentoCIE/intestatario/codiceFiscaleIntestatario",
        ),
        (
            demanded("00005", card(debtor="")),
            "PAA_SEMANTICA",
            "mapping.required",
            "/pagamentoCIE/intestatario/codiceFiscaleIntestatario",
        ),
        (demanded("00006", meals(amount="45.505")), "PAA_SEMANTICA", "mapping.money", "/ricarica/importo"),
        (demanded("00006", meals(amount="-1.00")), "PAA_SEMANTICA", "field.too_small", "/ricarica/importo"),
        (demanded("00006", meals(amount="1000000000,00")), "PAA_SEMANTICA", "field.too_large", "/ricarica/importo"),
        (demanded("00006", meals(amount="0")), "PAA_SEMANTICA", "pagopa.demand_nothing", ""),
        (demanded("00006", meals(more="<entro>2026-03-01</entro>")), "PAA_SEMANTICA", "pagopa.demand_late", ""),
        (demanded("00006", meals(more="<entro>domani</entro>")), "PAA_SEMANTICA", "mapping.time", "/ricarica/entro"),
        (demanded("00006", "<ricarica><importo>1</importo></ricarica>"), "PAA_SEMANTICA", "mapping.required", None),
    ],
)
def test_what_cannot_be_a_payment_is_refused_and_an_administrator_sees_why(content, fault, code, pointer):
    found = declined(content)
    assert found[:2] == (fault, code)
    assert pointer in (None, found[2])


def test_without_services_in_the_settings_each_demand_is_refused():
    assert declined(demanded("00005", card()), spontaneous=[])[1] == "pagopa.demand_not_offered"
    assert connect(settings(), Limits()).operations == {}


def service(**changes):
    return json.loads(SPONTANEOUS)[0] | changes


def costing(rule):
    return service(fields=service()["fields"] | {"amount_cents": rule})


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ("[", "not JSON"),
        ([service(id_servizio="5")], "spontaneous.0.id_servizio\n"),
        ([service(fields={"reason": {"as": "constant", "value": "x"}})], "amount_cents, recipient are needed"),
        ([service(fields=service()["fields"] | {"iban": {"as": "constant", "value": "x"}})], "/fields/iban"),
        (
            [service(fields=service()["fields"] | {"reason": {"as": "text", "from": "a ||"}})],
            "spontaneous.0.fields.reason.from\n",
        ),
        ([service(when="a ||")], "spontaneous.0.when\n"),
        ([service(valid_days=0)], "spontaneous.0.valid_days\n"),
        ([service(tests=[{"name": "x", "sample": "<x/>"}])], "expect, or wrong"),
        ([costing({"as": "constant", "value": 0})], "/fields/amount_cents/value"),
        ([costing({"as": "constant", "value": -1})], "/fields/amount_cents/value"),
        ([costing({"as": "money", "from": "a", "notation": "it", "default": -5})], "/fields/amount_cents/default"),
        ([costing({"as": "choice", "from": "a", "values": {"b/c": -5}})], "/fields/amount_cents/values/b~1c"),
        (
            [costing({"as": "first", "of": [{"as": "constant", "value": 1}, {"as": "constant", "value": -5}]})],
            "/fields/amount_cents/of/1/value",
        ),
        ([service(), service()], "each id_servizio once"),
    ],
)
def test_services_that_are_wrong_are_refused_with_their_place(given, where):
    with pytest.raises(ValidationError) as error:
        settings(spontaneous=given, segregation_code=47)
    assert where in str(error.value)


def test_numbers_need_a_segregation_code():
    with pytest.raises(ValidationError, match=r"segregation_code: .*needed with spontaneous"):
        settings(spontaneous=SPONTANEOUS)


def test_a_service_whose_own_tests_fail_is_not_connected():
    wrong = service()
    wrong["tests"][0]["expect"]["amount_cents"] = 1
    with pytest.raises(Misconfigured, match="/amount_cents differs"):
        connect(settings(spontaneous=[wrong], segregation_code=47), Limits())
    wrong = service()
    wrong["tests"][1]["wrong"] = ["mapping.choice"]
    with pytest.raises(Misconfigured, match=r"the fault is pagopa\.demand_excluded"):
        connect(settings(spontaneous=[wrong], segregation_code=47), Limits())


def test_settings_are_the_same_from_their_json():
    given = settings(**OFFER)
    assert Settings.model_validate_json(json.dumps({**json.loads(_plain(given)), "caller_key": "x"})).spontaneous == (
        given.spontaneous
    )


def _plain(given):
    return given.model_dump_json(by_alias=True, exclude_defaults=True, exclude={"caller_key"})


def test_an_administrator_sees_what_the_data_become_without_a_demand():
    preview = connect(settings(**OFFER), Limits()).operations["preview-demand"]
    made = preview.run(DemandData(id_servizio="00005", document=card()))
    assert (made["amount_cents"], made["recipient"]) == (2221, {"tax_code": DEBTOR})
    with pytest.raises(Rejected, match=r"PAA_SEMANTICA.*codiceCausale.*/spontaneous/0/fields/amount_cents"):
        preview.run(DemandData(id_servizio="00005", document=card("3")))
    with pytest.raises(Rejected, match="00005, 00006"):
        preview.run(DemandData(id_servizio="00009", document=card()))


def test_line_ends_in_base64_are_nothing():
    data = b64encode(card().encode()).decode()
    folded = "\n".join(data[n : n + 76] for n in range(0, len(data), 76))
    assert isinstance(asked_of(call_of(DEMAND, raw(folded)), **OFFER), Demanded)
