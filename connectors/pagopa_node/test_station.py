"""What may be paid, how much, to whom: each operation that asks, each refusal."""

from dataclasses import replace

import pytest

from connectors.pagopa_node.calling import OWED, answer, body_of, call_of, refused, told
from connectors.pagopa_node.faults import FAULTS, NOT_PAYABLE
from connectors.pagopa_node.sampling import (
    BROKER,
    CREDITOR,
    DEBTOR,
    NOTICE,
    OTHER,
    OTHER_BODY,
    STATION,
    asked,
    ids,
    receipt,
)
from connectors.pagopa_node.station import OPERATIONS
from contracts.answering import OwedPart
from contracts.items import PaymentState
from contracts.positions import StampDuty


def test_an_organization_owes_as_such():
    plain = told("paGetPayment", asked(), replace(OWED, tax_code=OTHER_BODY))
    assert plain["data"]["debtor"]["uniqueIdentifier"]["entityUniqueIdentifierType"] == "G"


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
    plain = told(
        operation, asked(amount="80.00", dueDate="2026-06-16+02:00"), OWED, taxonomies="mensa:9/MENSA/,tari:9/TARI/"
    )
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


STAMP = OwedPart("stamp", 1600, OTHER_BODY, "Bollo", "9/24B0/", StampDuty("A" * 43 + "=", "01", "VB"))


def test_a_revenue_stamp_is_asked_for_in_v2_where_its_document_is_known():
    stamped = replace(OWED, parts=(STAMP, OwedPart("pagopa", 6850, CREDITOR)))
    stamp, share = told("paGetPaymentV2", asked(), stamped)["data"]["transferList"]["transfer"]
    assert stamp == {
        "idTransfer": "1",
        "transferAmount": "16.00",
        "fiscalCodePA": OTHER_BODY,
        "richiestaMarcaDaBollo": {"hashDocumento": "A" * 43 + "=", "tipoBollo": "01", "provinciaResidenza": "VB"},
        "remittanceInformation": "Bollo",
        "transferCategory": "9/24B0/",
    }
    assert share["IBAN"] == "IT60X0542811101000000123456"
    assert told("paVerifyPaymentNotice", asked(), stamped)["outcome"] == "OK"
    assert refused("paGetPayment", asked(), stamped) == "PAA_SEMANTICA", "V1 has no place for it"
    for unknown in (replace(STAMP, stamp=None), replace(STAMP, category=None)):
        of_unknown = replace(stamped, parts=(unknown, stamped.parts[1]))
        for operation in ("paGetPaymentV2", "paVerifyPaymentNotice"):
            assert refused(operation, asked(), of_unknown) == "PAA_SEMANTICA"


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


@pytest.mark.parametrize("operation", ["paGetPayment", "paGetPaymentV2"])
@pytest.mark.parametrize(
    ("parts", "transfers"),
    [
        ((), [("96.90", CREDITOR)]),
        (
            (OwedPart("pagopa", 8000, CREDITOR), OwedPart("pagopa", 450, OTHER_BODY)),
            [("80.00", CREDITOR), ("4.50", OTHER_BODY), ("12.40", CREDITOR)],
        ),
        (
            (*[OwedPart("pagopa", 1000, OTHER_BODY)] * 4, OwedPart("pagopa", 4450, CREDITOR)),
            [*[("10.00", OTHER_BODY)] * 4, ("56.90", CREDITOR)],
        ),
    ],
)
def test_what_a_notification_adds_is_asked_for_and_goes_to_the_creditor(operation, parts, transfers):
    costly = replace(OWED, cost_cents=1240, parts=parts)
    data = told(operation, asked(), costly, beneficiaries=[OTHER])["data"]
    each = data["transferList"]["transfer"]
    each = each if isinstance(each, list) else [each]
    assert data["paymentAmount"] == "96.90"
    assert [(one["transferAmount"], one["fiscalCodePA"]) for one in each] == transfers
    option = told("paVerifyPaymentNotice", asked(), costly, beneficiaries=[OTHER])["paymentList"]
    assert option["paymentOptionDescription"]["amount"] == "96.90"


def test_costs_that_find_no_place_among_five_beneficiaries_are_not_forgone():
    full = replace(OWED, cost_cents=1, parts=(OwedPart("pagopa", 1690, OTHER_BODY),) * 5)
    assert refused("paGetPayment", asked(), full, beneficiaries=[OTHER]) == "PAA_SYSTEM_ERROR"
