"""Receipts: an item of whoever owed, or kept for a person to look at; never lost, never twice."""

from base64 import b64encode
from dataclasses import replace

import pytest

from connectors.pagopa_node import connect
from connectors.pagopa_node.calling import OWED, answer, body_of, call_of, kept, refused
from connectors.pagopa_node.sampling import CREDITOR, DEBTOR, NOTICE, envelope, receipt, settings
from contracts.connector import Limits

RECEIPT_ID = "c110729d258c4ab1b765fe902aae41d6"


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


def stamped(file):
    """A receipt of 84.50, of which 16.00 are a revenue stamp (V2)."""
    both = receipt(transfers=[(CREDITOR, "68.50"), ("06363391001", "16.00")])
    before, iban, after = both.rpartition("<IBAN>IT60X0542811101000000123456</IBAN>")
    assert iban
    return f"{before}<MBDAttachment>{file}</MBDAttachment>{after}"


def test_a_revenue_stamp_is_kept_with_the_receipt_that_proves_it():
    file = b64encode(b"<marcaDaBollo><IUBD>01221012345678</IUBD></marcaDaBollo>").decode()
    found = kept("paSendRTV2", stamped(f"\n{file}\n"), OWED)
    assert found.item["stamps"] == [{"amount_cents": 1600, "file": file, "number": "01221012345678"}]
    assert found.item["amount_cents"] == 8450
    assert "stamps" not in kept("paSendRTV2", stamped(""), OWED).item


def test_a_stamp_that_is_none_waits_for_a_person_and_pagopa_is_told_ok():
    found = kept("paSendRTV2", stamped("non Base64"), OWED)
    assert [wrong.code for wrong in found.wrong] == ["pagopa.stamp"]
    assert found.item is None


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
