"""The answers that pagoPA's schema of 2022-03 does not have, element by element: V2 as spec/pagopa.md tells it, and
paDemandPaymentNotice as pagoPA's later schemas have it: names in their order, namespaces, types and lengths."""

import re
from dataclasses import replace

import pytest

from connectors.pagopa_node.calling import OWED, answer, asked_of, call_of
from connectors.pagopa_node.faults import FAULTS, NOT_PAYABLE
from connectors.pagopa_node.sampling import (
    CREDITOR,
    OFFER,
    OTHER,
    OTHER_BODY,
    asked,
    card,
    demanded,
    ids,
    receipt,
)
from connectors.pagopa_node.simulator_model import NotOk, read_answer
from connectors.pagopa_node.soap import ENVELOPE, PA
from connectors.pagopa_node.station import OPERATIONS
from connectors.pagopa_node.xml import parse
from contracts.answering import OwedPart
from contracts.positions import StampDuty

DEMAND = demanded("00005", "<x")
ASKED = {
    "paGetPaymentV2": asked(amount="84.50", transferType="POSTAL"),
    "paSendRTV2": receipt(more="<standIn>true</standIn>"),
    "paDemandPaymentNotice": DEMAND,
}

# (name, whether it has to be there, how often at most, its text as a pattern or its children)
TEXT_140 = r".{1,140}"
AMOUNT = r"(?!0\.00$)[0-9]{1,9}\.[0-9]{2}"
FISCAL_CODE_PA = r"[0-9]{11}"
FAULT = (
    ("faultCode", True, 1, r"PAA_[A-Z_]+"),
    ("faultString", True, 1, r".+"),
    ("id", True, 1, FISCAL_CODE_PA),
    ("description", False, 1, r".+"),
)
REFUSED = (("outcome", True, 1, "KO"), ("fault", True, 1, FAULT))
STAMP = (
    ("hashDocumento", True, 1, r"[A-Za-z0-9+/=]{1,72}"),
    ("tipoBollo", True, 1, r"[0-9]{2}"),
    ("provinciaResidenza", True, 1, r"[A-Z]{2}"),
)
TRANSFER = (
    ("idTransfer", True, 1, r"[1-5]"),
    ("transferAmount", True, 1, AMOUNT),
    ("fiscalCodePA", True, 1, FISCAL_CODE_PA),
    ("IBAN", False, 1, r"[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}"),
    ("richiestaMarcaDaBollo", False, 1, STAMP),
    ("remittanceInformation", True, 1, TEXT_140),
    ("transferCategory", True, 1, TEXT_140),
)
CODE = (
    ("entityUniqueIdentifierType", True, 1, r"[FG]"),
    ("entityUniqueIdentifierValue", True, 1, r".{2,16}"),
)
PAYMENT = (
    ("creditorReferenceId", True, 1, r"[0-9]{15}|[0-9]{17}"),
    ("paymentAmount", True, 1, AMOUNT),
    ("dueDate", True, 1, r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    ("description", True, 1, TEXT_140),
    ("companyName", True, 1, TEXT_140),
    ("officeName", False, 1, TEXT_140),
    ("debtor", True, 1, (("uniqueIdentifier", True, 1, CODE), ("fullName", True, 1, r".{1,70}"))),
    ("transferList", True, 1, (("transfer", True, 5, TRANSFER),)),
)
NOTICED = (
    ("outcome", True, 1, "OK"),
    ("qrCode", True, 1, (("fiscalCode", True, 1, FISCAL_CODE_PA), ("noticeNumber", True, 1, r"[0-9]{18}"))),
    (
        "paymentList",
        True,
        1,
        (
            (
                "paymentOptionDescription",
                True,
                1,
                (
                    ("amount", True, 1, AMOUNT),
                    ("options", True, 1, "EQ"),
                    ("dueDate", False, 1, r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
                    ("detailDescription", False, 1, TEXT_140),
                    ("allCCP", True, 1, "true|false"),
                ),
            ),
        ),
    ),
    ("paymentDescription", True, 1, TEXT_140),
    ("fiscalCodePA", True, 1, FISCAL_CODE_PA),
    ("companyName", True, 1, TEXT_140),
    ("officeName", False, 1, TEXT_140),
)
TAKEN = (("outcome", True, 1, "OK"),)
PAYABLE = (*TAKEN, ("data", True, 1, PAYMENT))


def holds(element, expected, where=""):
    """Fails where an element holds anything else, or in another order."""
    left = list(element.children)
    for name, needed, most, inner in expected:
        count = 0
        while left and left[0].name == name and count < most:
            child, count = left.pop(0), count + 1
            # Only the element in the body is of the namespace; what it holds is not qualified.
            assert (child.space, child.attributes) == ("", {}), f"{where}/{name}"
            if isinstance(inner, str):
                assert not child.children, f"{where}/{name}"
                assert re.fullmatch(inner, child.text), f"{where}/{name}: {child.text!r}"
            else:
                holds(child, inner, f"{where}/{name}")
        assert count or not needed, f"{where}/{name} is missing, or out of its place"
    assert left == [], f"{where} holds more"


def answered(operation, expected, *owed, content=None, **changes):
    """The answer, whose envelope and element are looked at."""
    reply = answer(call_of(operation, content or ASKED[operation]), *owed, **changes)
    assert (reply.status, reply.media_type.partition(";")[0]) == (200, "text/xml")
    root = parse(reply.body)
    (body,) = root.children
    (element,) = body.children
    names = [(one.space, one.name) for one in (root, body, element)]
    assert names == [(ENVELOPE, "Envelope"), (ENVELOPE, "Body"), (PA, f"{operation}Response")]
    holds(element, expected)
    return element


def test_what_the_schema_does_not_have_is_looked_at_here():
    assert set(OPERATIONS) == {*ASKED, "paVerifyPaymentNotice", "paGetPayment", "paSendRT"}


STAMPED = StampDuty("A" * 43 + "=", "01", "VB")


def test_v2_is_answered_with_a_payment():
    parts = (OwedPart("pagopa", 8000, CREDITOR), OwedPart("pagopa", 450, OTHER_BODY, "TEFA " * 40))
    payments = [
        OWED,
        replace(OWED, amount_cents=1),
        replace(OWED, amount_cents=99_999_999_999),
        replace(OWED, due_date=None, reason=""),
        replace(OWED, reason="È dovuto <entro> & oltre\n" * 20),
        replace(OWED, parts=parts),
        replace(OWED, parts=(replace(parts[0], kind="stamp", category="9/24B0/", stamp=STAMPED), parts[1])),
    ]
    for owed in payments:
        for more in ({}, {"office_name": "Tributi & Entrate"}):
            element = answered("paGetPaymentV2", PAYABLE, owed, beneficiaries=[OTHER], **more)
            data = element.plain()["data"]
            shares = data["transferList"]["transfer"]
            rows = shares if isinstance(shares, list) else [shares]
            cents = [int(row["transferAmount"].replace(".", "")) for row in rows]
            assert sum(cents) == int(data["paymentAmount"].replace(".", "")) == owed.amount_cents
            assert all(("IBAN" in row) is not ("richiestaMarcaDaBollo" in row) for row in rows)
            assert [row["idTransfer"] for row in rows] == [str(n) for n in range(1, len(rows) + 1)]


@pytest.mark.parametrize("state", sorted(state for state, code in NOT_PAYABLE.items() if code))
def test_v2_is_answered_with_a_fault(state):
    element = answered("paGetPaymentV2", REFUSED, replace(OWED, state=state))
    fault = element.plain()["fault"]
    assert (fault["faultCode"], fault["faultString"]) == (NOT_PAYABLE[state], FAULTS[NOT_PAYABLE[state]])
    assert fault["id"] == CREDITOR


def test_a_receipt_of_v2_is_taken_or_known_as_a_second_one():
    answered("paSendRTV2", TAKEN, OWED)
    answered("paSendRTV2", TAKEN)  # of a notice that is not known here: kept all the same
    answered("paSendRTV2", TAKEN, OWED, content=receipt(outcome="KO"))
    element = answered("paSendRTV2", REFUSED, replace(OWED, state="paid", receipt_numbers=("other",)))
    assert element.plain()["fault"]["faultCode"] == "PAA_RECEIPT_DUPLICATA"


def test_a_demand_that_makes_no_payment_is_answered_with_a_fault():
    assert answered("paDemandPaymentNotice", REFUSED, OWED).plain()["fault"]["faultCode"] == "PAA_SEMANTICA"


def demanded_answer(owed, **changes):
    """The answer to a demand once this payment was made of it."""
    call = call_of("paDemandPaymentNotice", demanded("00005", card()))
    asked_for = asked_of(call, **(OFFER | changes))
    return asked_for.answer(owed)


def test_a_demand_is_answered_with_its_notice():
    payments = (OWED, replace(OWED, amount_cents=1), replace(OWED, due_date=None, reason="È <dovuto> & oltre\n" * 20))
    for owed in payments:
        for more in ({}, {"office_name": "Tributi & Entrate"}):
            (body,) = parse(demanded_answer(owed, **more).body).children
            (element,) = body.children
            assert (element.space, element.name) == (PA, "paDemandPaymentNoticeResponse")
            holds(element, NOTICED)


def test_the_simulated_node_is_as_strict_with_the_answer_to_a_demand():
    body = demanded_answer(OWED, office_name="Tributi").body
    assert read_answer("paDemandPaymentNotice", 200, "text/xml", body)["qrCode"]["noticeNumber"] == OWED.notice_number
    may_be_missing = {"dueDate", "detailDescription", "officeName"}
    for name in re.findall(rb"<([A-Za-z]+)>", body):
        element = rb"<" + name + rb">.*?</" + name + rb">"
        changed = [re.sub(rb"<(/?)" + name + rb">", rb"<\1x>", body)]
        changed += [] if name.decode() in may_be_missing else [re.sub(element, b"", body, flags=re.DOTALL)]
        for broken in changed:
            with pytest.raises(NotOk, match="ERRORE_RESPONSE"):
                read_answer("paDemandPaymentNotice", 200, "text/xml", broken)


@pytest.mark.parametrize("operation", sorted(ASKED))
def test_what_breaks_the_schema_is_answered_with_its_fault(operation):
    broken = (
        "<x/>",
        ASKED[operation].replace(CREDITOR, "1", 1) if operation != "paDemandPaymentNotice" else ids(),
        ASKED[operation].replace(ids(), ids(creditor=OTHER_BODY)),
    )
    codes = [answered(operation, REFUSED, OWED, content=each).plain()["fault"]["faultCode"] for each in broken]
    assert codes[0] == "PAA_SINTASSI_XSD"
    assert codes[2] == "PAA_ID_DOMINIO_ERRATO"
    assert set(codes) <= set(FAULTS)


@pytest.mark.parametrize(
    ("change", "fails"),
    [
        (("<dueDate>2026-06-16</dueDate>", ""), "dueDate"),
        (("84.50</paymentAmount>", "84.5</paymentAmount>"), "paymentAmount"),
        (("<IBAN>", "<BIC>"), "remittanceInformation"),
        (("<data>", '<data xmlns="http://example.it/other">'), "data"),
        (("</data>", "<retentionDate>x</retentionDate></data>"), "data"),
    ],
)
def test_these_tests_tell_good_from_bad(change, fails):
    body = answer(call_of("paGetPaymentV2", ASKED["paGetPaymentV2"]), OWED).body.decode()
    other = body.replace(*change).replace("</IBAN>", "</BIC>") if change[0] == "<IBAN>" else body.replace(*change)
    assert other != body
    (element,) = parse(other.encode()).children[0].children
    with pytest.raises(AssertionError, match=fails):
        holds(element, PAYABLE)
