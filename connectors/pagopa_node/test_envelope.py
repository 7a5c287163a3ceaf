"""Who may call, in which envelope; and that whatever else comes is answered with a proper fault."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base.inbound_conformance import CallbackConformance
from connectors.pagopa_node import connect
from connectors.pagopa_node.calling import OWED, Hub, answer, call_of, soap_fault, told
from connectors.pagopa_node.faults import FAULTS
from connectors.pagopa_node.sampling import (
    CALLER_KEY,
    CREDITOR,
    DEBTOR,
    NOTICE,
    OTHER,
    OTHER_BODY,
    asked,
    envelope,
    ids,
    receipt,
    settings,
)
from connectors.pagopa_node.soap import ENVELOPE, PA
from connectors.pagopa_node.station import OPERATIONS
from connectors.pagopa_node.xml import MOST_DEPTH
from contracts.connector import Limits


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


CERTIFICATE = b"0\x82 a certificate in DER"
PROOFS = {
    "caller_certificates": ([sha256(CERTIFICATE).hexdigest()], {"certificate": CERTIFICATE}),
    "caller_networks": (["192.0.2.0/28", "2001:db8::/64"], {"address": "192.0.2.7"}),
}


@pytest.mark.parametrize("name", PROOFS)
def test_each_way_to_know_pagopa_has_to_hold(name):
    given_setting, proof = PROOFS[name]
    call = call_of("paVerifyPaymentNotice", asked())
    for changes in ({name: given_setting}, {name: given_setting, "caller_key": None}):
        assert answer(replace(call, **proof), OWED, **changes).status == 200
        for wrong in ({}, {"certificate": b"other", "address": "198.51.100.1"}, {"address": "no address"}):
            reply = answer(replace(call, **wrong), OWED, **changes)
            assert reply.status == 403
            assert soap_fault(reply) == "Client"
    mapped = replace(call, address="::ffff:192.0.2.7")
    assert answer(mapped, OWED, caller_networks=PROOFS["caller_networks"][0]).status == 200
    everyone = replace(call, headers=call.headers[:2], **proof)
    assert answer(everyone, OWED, **{name: given_setting}).status == 403, "the key is asked for too"


def test_settings_are_written_in_a_line_as_they_are_shown():
    one = settings(
        beneficiaries=f"{OTHER_BODY}:GB82WEST12345698765432:9/TEFA/", caller_networks="192.0.2.0/28, 2001:db8::/64"
    )
    assert [str(each) for each in one.beneficiaries] == [f"{OTHER_BODY}:GB82WEST12345698765432:9/TEFA/"]
    assert one.caller_networks == ("192.0.2.0/28", "2001:db8::/64")
    assert one == settings(
        beneficiaries=[OTHER],
        caller_networks=["192.0.2.0/28", "2001:db8::/64"],
    )
    for wrong in (OTHER_BODY, f"{OTHER_BODY}:IT60X0542811101000000123457:9/TEFA/", f"{CREDITOR}:{one.iban}:9/TEFA/"):
        with pytest.raises(ValueError, match="beneficiaries"):
            settings(beneficiaries=wrong)


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
