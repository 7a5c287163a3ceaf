"""Both sides against pagoPA's own schema and WSDL of 2022-03, where RACCORDO_PROVIDER_SPECS says where they are."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import xmlschema

from connectors.pagopa_node.calling import OWED, answer, call_of
from connectors.pagopa_node.faults import NOT_PAYABLE
from connectors.pagopa_node.sampling import CREDITOR, OTHER, OTHER_BODY, REQUESTS, asked, envelope, receipt
from connectors.pagopa_node.simulator_model import NotOk, read_answer
from connectors.pagopa_node.station import OPERATIONS
from contracts.answering import OwedPart

SPECS = os.environ.get("RACCORDO_PROVIDER_SPECS")


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
    payments = [
        OWED,
        replace(OWED, due_date=None, reason=""),
        replace(OWED, reason="È dovuto <entro> & oltre"),
        replace(OWED, parts=parts),
        *(replace(OWED, state=state) for state in NOT_PAYABLE),
        replace(OWED, state="paid", receipt_numbers=("other",)),
    ]
    for owed in payments:
        reply = answer(call_of(operation, V1[operation]), owed, office_name="Tributi", beneficiaries=[OTHER])
        official.validate(content(reply.body))
    official.validate(content(answer(call_of(operation, V1[operation])).body))
    official.validate(content(answer(call_of(operation, "<x/>")).body))


@needs_specs
@pytest.mark.parametrize("operation", sorted(V1))
def test_the_simulated_node_is_as_strict_as_the_schema(official, operation):
    body = answer(call_of(operation, V1[operation]), OWED).body
    read_answer(operation, 200, "text/xml", body)
    names = {part.partition(b">")[0].strip(b"/") for part in body.split(b"<")[4:] if not part.startswith(b"/soapenv")}
    for name in sorted(names - {b"/paf:" + OPERATIONS[operation].response.encode()}):
        broken = body.replace(b"<" + name + b">", b"<x>").replace(b"</" + name + b">", b"</x>")
        with pytest.raises(NotOk, match="ERRORE_RESPONSE"):
            read_answer(operation, 200, "text/xml", broken)
        assert not official.is_valid(content(broken)), name


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
