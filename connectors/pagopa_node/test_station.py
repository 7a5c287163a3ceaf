"""The station's answers: each operation, each refusal, who may call; and both sides against pagoPA's own schema."""

import os
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from connectors.base.inbound_conformance import CallbackConformance
from connectors.pagopa_node import connect
from connectors.pagopa_node.money import MOST_CENTS, cents, cents_of_number, euro
from connectors.pagopa_node.sampling import (
    BROKER,
    CALLER_KEY,
    CREDITOR,
    DEBTOR,
    NOTICE,
    REQUESTS,
    STATION,
    asked,
    envelope,
    ids,
    receipt,
    settings,
)
from connectors.pagopa_node.soap import ENVELOPE, PA
from connectors.pagopa_node.station import FAULTS, NOT_PAYABLE, OPERATIONS
from connectors.pagopa_node.xml import MOST_DEPTH, parse
from contracts.connector import Limits
from contracts.inbound import Call, OwedPart, OwedPayment
from contracts.items import PaymentState

SPECS = os.environ.get("RACCORDO_PROVIDER_SPECS")
RECEIPT_ID = "c110729d258c4ab1b765fe902aae41d6"
OTHER_BODY = "80015010723"

OWED = OwedPayment(
    item_id="01890a5d-ac96-774b-bcce-b302099a8057",
    state="due",
    amount_cents=8450,
    due_date=date(2026, 6, 16),
    reason="TARI 2026 prima rata",
    tax_code=DEBTOR,
    notice_number=NOTICE,
    creditor_tax_code=CREDITOR,
    service_id="tari",
    parts=(),
    receipt_numbers=(),
)


class Hub:
    """A read port over these payments."""

    def __init__(self, *payments):
        self.payments = {(one.creditor_tax_code, one.notice_number): one for one in payments}

    def message(self, delivery_id, tax_code):
        return None

    def file(self, delivery_id, tax_code, file_id):
        return None

    def payment(self, creditor_tax_code, notice_number):
        return self.payments.get((creditor_tax_code, notice_number))


def call_of(operation, content, **changes):
    call = Call(
        method="POST",
        path="paForNode",
        url="https://hub.example/callbacks/v1/c_h501/pagopa/paForNode",
        query="",
        headers=(
            ("Content-Type", "text/xml; charset=utf-8"),
            ("SOAPAction", f'"{operation}"'),
            ("Ocp-Apim-Subscription-Key", CALLER_KEY),
        ),
        body=content if isinstance(content, bytes) else envelope(operation, content),
        now=datetime(2026, 3, 2, 12, tzinfo=UTC),
    )
    return replace(call, **changes)


def answer(call, *payments, **changes):
    connector = connect(settings(**changes), Limits())
    return connector.answer(call, Hub(*payments))


def body_of(reply):
    """The element in the answer's body, its namespaces looked at, and what it holds."""
    root = parse(reply.body)
    assert (root.space, root.name) == (ENVELOPE, "Envelope")
    (body,) = root.children
    (element,) = body.children
    assert element.space == (ENVELOPE if element.name == "Fault" else PA)
    return element.name, element.plain()


def told(operation, content, *payments, **changes):
    reply = answer(call_of(operation, content), *payments, **changes)
    assert reply.status == 200
    name, plain = body_of(reply)
    assert name == OPERATIONS[operation].response
    return plain


def refused(operation, content, *payments, **changes):
    plain = told(operation, content, *payments, **changes)
    assert plain["outcome"] == "KO"
    assert set(plain) == {"outcome", "fault"}
    assert plain["fault"]["id"] == CREDITOR
    return plain["fault"]["faultCode"]


def soap_fault(reply):
    name, plain = body_of(reply)
    assert name == "Fault"
    assert (reply.found, reply.reports) == ((), ())
    return plain["faultcode"].partition(":")[2]


class TestCallbacks(CallbackConformance):
    secrets = (CALLER_KEY,)
    personal = (DEBTOR, "Mario Rossi")
    credentials = ("Ocp-Apim-Subscription-Key",)

    def connect(self):
        return connect(settings(), Limits())

    def body(self):
        return envelope("paSendRT", receipt())

    def authentic(self, body):
        return call_of("paSendRT", body)

    def reading(self):
        return Hub(OWED)

    def refuses(self, reply):
        # SOAP 1.1, 6.2: what is wrong with an envelope is 500, with a fault in the body.
        assert 400 <= reply.status <= 500
        soap_fault(reply)


def test_a_notice_that_is_due_can_be_paid():
    plain = told("paVerifyPaymentNotice", asked(), OWED)
    assert plain == {
        "outcome": "OK",
        "paymentList": {
            "paymentOptionDescription": {
                "amount": "84.50",
                "options": "EQ",
                "dueDate": "2026-06-16",
                "detailDescription": "TARI 2026 prima rata",
                "allCCP": "false",
            }
        },
        "paymentDescription": "TARI 2026 prima rata",
        "fiscalCodePA": CREDITOR,
        "companyName": "Comune di Valdilago",
    }


@pytest.mark.parametrize("operation", ["paGetPayment", "paGetPaymentV2"])
def test_all_that_is_needed_to_pay_it(operation):
    # What the payer was shown is not what is owed now: the answer says what is.
    plain = told(operation, asked(amount="80.00", dueDate="2026-06-16+02:00"), OWED, taxonomies={"tari": "9/TARI/"})
    assert plain["data"] == {
        "creditorReferenceId": NOTICE[1:],
        "paymentAmount": "84.50",
        "dueDate": "2026-06-16",
        "description": "TARI 2026 prima rata",
        "companyName": "Comune di Valdilago",
        "debtor": {
            "uniqueIdentifier": {"entityUniqueIdentifierType": "F", "entityUniqueIdentifierValue": DEBTOR},
            "fullName": DEBTOR,
        },
        "transferList": {
            "transfer": {
                "idTransfer": "1",
                "transferAmount": "84.50",
                "fiscalCodePA": CREDITOR,
                "IBAN": "IT60X0542811101000000123456",
                "remittanceInformation": "TARI 2026 prima rata",
                "transferCategory": "9/TARI/",
            }
        },
    }


def test_each_beneficiary_gets_its_share_on_its_own_account_and_nobody_an_unknown_one():
    parts = (OwedPart("pagopa", 8000, CREDITOR), OwedPart("pagopa", 450, OTHER_BODY, "TEFA"))
    shared = replace(OWED, parts=parts)
    other = {"tax_code": OTHER_BODY, "iban": "IT60X0760111101000000123457", "taxonomy": "9/TEFA/"}
    assert refused("paGetPayment", asked(), shared) == "PAA_SYSTEM_ERROR"
    assert refused("paVerifyPaymentNotice", asked(), shared) == "PAA_SYSTEM_ERROR"
    other["iban"] = "GB82WEST12345698765432"
    rows = told("paGetPayment", asked(), shared, beneficiaries=[other])["data"]["transferList"]["transfer"]
    assert [(row["idTransfer"], row["fiscalCodePA"], row["transferAmount"], row["IBAN"]) for row in rows] == [
        ("1", CREDITOR, "80.00", "IT60X0542811101000000123456"),
        ("2", OTHER_BODY, "4.50", "GB82WEST12345698765432"),
    ]
    stamp = replace(OWED, parts=(OwedPart("stamp", 1600, CREDITOR), OwedPart("pagopa", 6850, CREDITOR)))
    assert refused("paGetPaymentV2", asked(), stamp) == "PAA_SEMANTICA"


@pytest.mark.parametrize("state", PaymentState.__args__)
def test_every_state_of_a_payment_has_its_answer(state):
    code = NOT_PAYABLE[state]
    for operation in ("paVerifyPaymentNotice", "paGetPayment", "paGetPaymentV2"):
        owed = replace(OWED, state=state)
        if code is None:
            assert told(operation, asked(), owed)["outcome"] == "OK"
        else:
            assert refused(operation, asked(), owed) == code
    assert state == "due" or code in {*FAULTS, None}


def test_what_is_not_known_here_is_not_payable_here():
    assert refused("paVerifyPaymentNotice", asked(notice="301000000000000241"), OWED) == "PAA_PAGAMENTO_SCONOSCIUTO"
    assert refused("paGetPayment", asked(creditor=OTHER_BODY), OWED) == "PAA_ID_DOMINIO_ERRATO"
    assert refused("paGetPayment", asked(), replace(OWED, state="to come")) == "PAA_SYSTEM_ERROR"
    assert refused("paGetPayment", asked(), replace(OWED, amount_cents=0)) == "PAA_SEMANTICA"


def test_without_a_due_date_and_words():
    bare = replace(OWED, due_date=None, reason="")
    assert "dueDate" not in told("paVerifyPaymentNotice", asked(), bare)["paymentList"]["paymentOptionDescription"]
    data = told("paGetPayment", asked(), bare, office_name="Tributi & Entrate")["data"]
    assert (data["dueDate"], data["description"], data["officeName"]) == (
        "2099-12-31",
        "Pagamento",
        "Tributi & Entrate",
    )


def test_nobody_is_promised_a_payment_that_nobody_asked_for():
    content = f"{ids()}<idServizio>00005</idServizio><datiSpecificiServizioRequest>PHg+</datiSpecificiServizioRequest>"
    assert refused("paDemandPaymentNotice", content, OWED) == "PAA_SEMANTICA"


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_who_it_is_meant_for_is_checked_first(operation):
    good = {
        "paSendRT": receipt(),
        "paSendRTV2": receipt(),
        "paDemandPaymentNotice": f"{ids()}<idServizio>00005</idServizio>"
        "<datiSpecificiServizioRequest>PHg+</datiSpecificiServizioRequest>",
    }.get(operation, asked())
    for wrong, code in (
        (ids(creditor=OTHER_BODY), "PAA_ID_DOMINIO_ERRATO"),
        (ids(broker="99999999999"), "PAA_ID_INTERMEDIARIO_ERRATO"),
        (ids(station=f"{BROKER}_02"), "PAA_STAZIONE_INT_ERRATA"),
    ):
        reply = answer(call_of(operation, good.replace(ids(), wrong)), OWED)
        assert body_of(reply)[1]["fault"]["faultCode"] == code
        assert reply.found == ()
    assert refused(operation, good.replace(f"<idStation>{STATION}</idStation>", ""), OWED) == "PAA_SINTASSI_XSD"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("84.50", "84.5"),
        ("84.50", "84,50"),
        ("84.50", "-84.50"),
        ("84.50", "8450"),
        ("<outcome>OK</outcome>", "<outcome>MAYBE</outcome>"),
        ("<outcome>OK</outcome>", "<outcome>OK</outcome><outcome>KO</outcome>"),
        ("<paymentAmount>84.50</paymentAmount>", "<paymentAmount><x>1</x></paymentAmount>"),
        ("2026-03-02T10:15:30", "ieri"),
        (NOTICE, NOTICE[:17]),
        ("<idTransfer>1</idTransfer>", "<idTransfer>6</idTransfer>"),
    ],
)
def test_a_receipt_that_breaks_the_schema_is_refused_without_repeating_it(old, new):
    reply = answer(call_of("paSendRT", receipt().replace(old, new)), OWED)
    _, plain = body_of(reply)
    assert plain["fault"]["faultCode"] == "PAA_SINTASSI_XSD"
    assert reply.found == ()
    assert DEBTOR not in reply.body.decode()


def kept(operation, content, *payments, outcome="OK", **changes):
    reply = answer(call_of(operation, content), *payments, **changes)
    assert body_of(reply)[1]["outcome"] == outcome
    assert reply.otherwise is None, "a receipt is kept, be it in quarantine"
    (found,) = reply.found
    assert found.raw == envelope(operation, content)
    return found


@pytest.mark.parametrize("operation", ["paSendRT", "paSendRTV2"])
def test_a_receipt_becomes_an_item_of_whoever_owed(operation):
    more = "<standIn>true</standIn><primaryCiIncurredFee>0.10</primaryCiIncurredFee>" if operation[-1] == "2" else ""
    found = kept(operation, receipt(more=more), replace(OWED, state="paid"), service_id="pagamenti")
    assert (found.name, found.collection) == (RECEIPT_ID, "receipts")
    assert found.item == {
        "external_id": RECEIPT_ID,
        "source": "pagopa",
        "service_id": "pagamenti",
        "title": "Ricevuta di pagamento: TARI 2026 prima rata",
        "occurred_at": "2026-03-02T09:15:30Z",
        "recipient": {"tax_code": DEBTOR},
        "payment": {"notice_number": NOTICE, "creditor_tax_code": CREDITOR},
        "receipt_number": RECEIPT_ID,
        "paid_at": "2026-03-02T09:15:30Z",
        "amount_cents": 8450,
        "psp": "Banca di Prova",
        "reason": "TARI 2026 prima rata",
    }


def test_the_same_receipt_again_is_the_same_and_another_one_is_told_of():
    paid = replace(OWED, state="paid", receipt_numbers=(RECEIPT_ID,))
    first, again = kept("paSendRT", receipt(), OWED), kept("paSendRT", receipt(), paid)
    assert first == again
    second = kept("paSendRT", receipt("another"), paid, outcome="KO")
    assert [wrong.code for wrong in second.wrong] == ["pagopa.paid_twice"]
    assert refused("paSendRT", receipt("another"), paid) == "PAA_RECEIPT_DUPLICATA"


@pytest.mark.parametrize(
    ("content", "owed", "code"),
    [
        (receipt(), None, "pagopa.notice_unknown"),
        (receipt(debtor="VRDLGI75B02F205X"), OWED, "pagopa.debtor_differs"),
        (receipt("a b"), OWED, "pagopa.receipt_id"),
        (receipt("x" * 65), OWED, "pagopa.receipt_id"),
        (receipt(f"rt-{DEBTOR}"), OWED, "pagopa.receipt_id"),
        (receipt(paid_at=None), OWED, "pagopa.no_date"),
        (receipt(transfers=[(CREDITOR, "84.49")]), OWED, "pagopa.sum"),
    ],
)
def test_what_cannot_be_matched_is_kept_for_a_person_and_pagopa_is_told_ok(content, owed, code):
    found = kept("paSendRT", content, *([owed] if owed else []))
    assert [wrong.code for wrong in found.wrong] == [code]
    assert found.item is None
    assert DEBTOR not in found.name


def test_whoever_paid_without_naming_the_debtor_has_paid_all_the_same():
    assert kept("paSendRT", receipt(debtor="ANONIMO"), OWED).item["recipient"] == {"tax_code": DEBTOR}


def test_a_receipt_of_nothing_paid_is_nothing_to_keep():
    reply = answer(call_of("paSendRT", receipt(outcome="KO")), OWED)
    assert (body_of(reply)[1], reply.found) == ({"outcome": "OK"}, ())


def test_out_of_quarantine_a_receipt_goes_to_the_debtor_it_names():
    connector = connect(settings(), Limits())
    (found,) = connector.read(kept("paSendRTV2", receipt()).raw)
    assert found.item["recipient"] == {"tax_code": DEBTOR}
    (found,) = connector.read(envelope("paSendRT", receipt(debtor="ANONIMO")))
    assert [wrong.code for wrong in found.wrong] == ["pagopa.debtor_unknown"]
    for document in (b"<x/>", b"", envelope("paSendRT", receipt(amount="1"))):
        (found,) = connector.read(document)
        assert found.wrong
        assert found.item is None


def test_dates_stand_in_for_an_instant_and_a_zone_is_believed():
    dated = receipt(paid_at=None, more="<applicationDate>2026-03-02</applicationDate>")
    assert kept("paSendRT", dated, OWED).item["paid_at"] == "2026-03-02T11:00:00Z"
    zoned = receipt(paid_at="2026-03-02T10:15:30.123456789+02:00")
    assert kept("paSendRT", zoned, OWED).item["paid_at"] == "2026-03-02T08:15:30.123456Z"


CERTIFICATE = b"0\x82 a certificate in DER"
PROOFS = {
    "caller_certificates": ([sha256(CERTIFICATE).hexdigest()], {"client_certificate": CERTIFICATE}),
    "caller_networks": (["192.0.2.0/28", "2001:db8::/64"], {"address": "192.0.2.7"}),
}


@pytest.mark.parametrize("name", PROOFS)
def test_each_way_to_know_pagopa_has_to_hold(name):
    given_setting, proof = PROOFS[name]
    call = call_of("paVerifyPaymentNotice", asked())
    for changes in ({name: given_setting}, {name: given_setting, "caller_key": None}):
        assert answer(replace(call, **proof), OWED, **changes).status == 200
        for wrong in ({}, {"client_certificate": b"other", "address": "198.51.100.1"}, {"address": "no address"}):
            reply = answer(replace(call, **wrong), OWED, **changes)
            assert reply.status == 403
            assert soap_fault(reply) == "Client"
    mapped = replace(call, address="::ffff:192.0.2.7")
    assert answer(mapped, OWED, caller_networks=PROOFS["caller_networks"][0]).status == 200
    everyone = replace(call, headers=call.headers[:2], **proof)
    assert answer(everyone, OWED, **{name: given_setting}).status == 403, "the key is asked for too"


def test_without_any_way_to_know_pagopa_there_is_no_connector():
    with pytest.raises(ValueError, match="pagoPA must be told from others"):
        settings(caller_key=None)
    with pytest.raises(ValueError, match="does not appear to be"):
        settings(caller_networks=["everywhere"])


def test_the_envelope_and_the_action_are_those_of_soap_1_1():
    call = call_of("paVerifyPaymentNotice", asked())

    def fault_of(body=call.body, action='"paVerifyPaymentNotice"', media_type="text/xml"):
        headers = (("Content-Type", media_type), ("SOAPAction", action), call.headers[2])
        return soap_fault(answer(replace(call, body=body, headers=headers), OWED))

    text = call.body.decode()
    assert fault_of(text.replace(ENVELOPE, "http://www.w3.org/2003/05/soap-envelope").encode()) == "VersionMismatch"
    wanted = '<s:Header><x xmlns="urn:x" s:mustUnderstand="1"/></s:Header>'
    assert fault_of(text.replace("<s:Header/>", wanted).encode()) == "MustUnderstand"
    assert fault_of(action='"paGetPayment"') == "Client"
    assert fault_of(action='"dropTables"') == "Client"
    assert fault_of(action='""') == "Client"
    assert fault_of(media_type="application/json") == "Client"
    assert fault_of(text.replace(PA, "urn:other").encode()) == "Client"
    assert fault_of(text.replace("</s:Body>", "<extra/></s:Body>").encode()) == "Client"
    assert fault_of((text.replace("</s:Envelope>", "") + "<a>" * MOST_DEPTH).encode()) == "Client"
    assert soap_fault(answer(replace(call, headers=(call.headers[0], call.headers[2])), OWED)) == "Client"
    plain_action = (call.headers[0], ("soapaction", "paVerifyPaymentNotice"), call.headers[2])
    assert answer(replace(call, headers=plain_action), OWED).status == 200


BOMBS = [
    b'<!DOCTYPE a [<!ENTITY b "x">]><a>&b;</a>',
    b'<!DOCTYPE a SYSTEM "http://127.0.0.1/evil.dtd"><a/>',
    b'<?xml version="1.0" encoding="rot13"?><a/>',
    b'<?xml version="1.0" encoding="utf-16"?><a/>',
    b"<a>" + b"<b/>" * 6000 + b"</a>",
    b"<a " + b" ".join(b'a%d="1"' % each for each in range(50_000)) + b"/>",
]


@pytest.mark.parametrize("body", BOMBS, ids=range(len(BOMBS)))
def test_dangerous_xml_is_a_fault(body):
    assert soap_fault(answer(call_of("paSendRT", body), OWED)) == "Client"


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_whatever_comes_the_answer_is_a_proper_fault(body):
    reply = answer(call_of("paSendRT", body), OWED)
    assert reply.status == 500
    assert soap_fault(reply) in ("Client", "VersionMismatch")


_names = st.sampled_from(
    ["idPA", "receipt", "qrCode", "transferList", "transfer", "paymentAmount", "debtor", "x", "standIn", "dueDate"]
)
_tree = st.recursive(
    st.sampled_from(["", "1", "84.50", "OK", CREDITOR, NOTICE, "2026-03-02", "é&", "\n"]),
    lambda inner: st.lists(st.tuples(_names, inner), max_size=4),
    max_leaves=20,
)


def _xml(tree):
    if isinstance(tree, str):
        return tree.replace("&", "&amp;")
    return "".join(f"<{name}>{_xml(value)}</{name}>" for name, value in tree)


@given(st.sampled_from(sorted(OPERATIONS)), _tree, st.booleans())
def test_whatever_an_envelope_holds_the_answer_is_of_its_operation(operation, tree, addressed):
    plain = told(operation, (ids() if addressed else "") + _xml(tree), OWED)
    assert plain["outcome"] == "KO"
    assert plain["fault"]["faultCode"] in FAULTS


@given(st.integers(0, MOST_CENTS))
def test_cents_and_decimals_are_the_same_amount(amount):
    assert cents(euro(amount)) == amount
    assert Decimal(euro(amount)) * 100 == amount
    assert cents_of_number(Decimal(amount) / 100) == amount


@given(st.decimals(allow_nan=True) | st.integers() | st.floats() | st.none() | st.booleans())
def test_a_number_is_exact_cents_or_none(value):
    try:
        amount = cents_of_number(value)
    except ValueError:
        return
    assert Decimal(value) * 100 == amount


@pytest.mark.parametrize("text", ["1", "1.0", "1.000", "+1.00", "1e2", "١.٠٠", "1000000000.00", ".10", "1.00\n", "NaN"])
def test_an_amount_has_one_way_to_be_written(text):
    with pytest.raises(ValueError, match="two decimals"):
        cents(text)


def test_an_amount_has_its_bounds():
    for wrong in (-1, MOST_CENTS + 1):
        with pytest.raises(ValueError, match="an amount is from"):
            euro(wrong)


@pytest.fixture(scope="module")
def official():
    return xmlschema.XMLSchema((Path(SPECS) / "pagopa-api-2022-03_paForNode.xsd").read_text(encoding="utf-8"))


needs_specs = pytest.mark.skipif(
    SPECS is None, reason="NOT CHECKED against pagoPA's own schema: set RACCORDO_PROVIDER_SPECS to its folder"
)


def content(document):
    """The element in an envelope's body, for the schema."""
    return next(iter(xmlschema.XMLResource(document.decode()).root[-1]))


V1 = {"paVerifyPaymentNotice": asked(), "paGetPayment": asked(amount="84.50"), "paSendRT": receipt()}


@needs_specs
@pytest.mark.parametrize("operation", sorted(V1))
def test_what_we_are_asked_and_answer_is_as_the_schema_says(official, operation):
    official.validate(content(envelope(operation, V1[operation])))
    parts = (OwedPart("pagopa", 8000, CREDITOR), OwedPart("pagopa", 450, OTHER_BODY, "TEFA"))
    other = {"tax_code": OTHER_BODY, "iban": "GB82WEST12345698765432", "taxonomy": "9/TEFA/"}
    payments = [
        OWED,
        replace(OWED, due_date=None, reason=""),
        replace(OWED, reason="È dovuto <entro> & oltre"),
        replace(OWED, parts=parts),
        *(replace(OWED, state=state) for state in NOT_PAYABLE),
        replace(OWED, state="paid", receipt_numbers=("other",)),
    ]
    for owed in payments:
        reply = answer(call_of(operation, V1[operation]), owed, office_name="Tributi", beneficiaries=[other])
        official.validate(content(reply.body))
    official.validate(content(answer(call_of(operation, V1[operation])).body))
    official.validate(content(answer(call_of(operation, "<x/>")).body))


@needs_specs
def test_the_schema_tells_good_from_bad(official):
    for document in (
        envelope("paSendRT", receipt(amount="84.5")),
        envelope("paGetPayment", asked(notice="1")),
        answer(call_of("paGetPayment", asked()), OWED).body.replace(b"<IBAN>", b"<BIC>").replace(b"/IBAN", b"/BIC"),
    ):
        assert not official.is_valid(content(document))


@needs_specs
def test_the_names_of_the_operations_are_those_of_the_wsdl():
    text = (Path(SPECS) / "pagopa-api-2022-03_paForNode.wsdl").read_text(encoding="utf-8")
    for operation in V1:
        assert f'soapAction="{operation}"' in text
        assert f'element="pafn:{REQUESTS[operation]}"' in text
        assert f'element="pafn:{OPERATIONS[operation].response}"' in text
    assert set(REQUESTS) == set(OPERATIONS)
    assert all(OPERATIONS[name].request == REQUESTS[name] for name in REQUESTS)
