"""A citizen pays at pagoPA: the node asks the hub, its receipt marks the payment as paid, its flow reconciles it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import orjson
import pytest

from connectors.pagopa_node.sampling import CREDITOR, riversamento
from contracts.identifiers import make_segregated_number
from hub.store.costs import Costs, note_costs
from hub.store.tables import items
from tests.flows.at_pagopa import Pagopa, at_pagopa
from tests.flows.making import described_hub, new_person, published, rows
from tests.harness import ENTE, HubUnderTest, eventually, make_payment, make_receipt

bases = count(1)


@pytest.fixture(scope="module")
def pagopa(tmp_path_factory: pytest.TempPathFactory, kind: str) -> Iterator[Pagopa]:
    with at_pagopa(tmp_path_factory.mktemp("node")) as found:
        yield found


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, pagopa: Pagopa) -> Iterator[HubUnderTest]:
    folder = tmp_path_factory.mktemp("paying") / "home"
    connectors = {"pagopa": ("pagopa_node", pagopa.settings)}
    with described_hub(folder, connectors=connectors, sweep_s=0.3) as hub:
        pagopa.station = f"{hub.url}/callbacks/v1/{ENTE}/pagopa/paForNode"
        yield hub


def owed(hub: HubUnderTest, person: str) -> tuple[str, str]:
    """A payment of this person's: notice and item."""
    notice = make_segregated_number(segregation_code=1, iuv_base=next(bases))
    item = make_payment(f"pay-{notice}", tax_code=person, notice_number=notice, creditor_tax_code=CREDITOR)
    return notice, published(hub, "payments", item)


def receipts(hub: HubUnderTest, person: str) -> list[dict[str, Any]]:
    """Their contents."""
    found = hub.read("/receipts", person).json()["items"]
    return [hub.read(f"/items/{one['item_id']}", person).json()["content"] for one in found]


@pytest.mark.parametrize("version", [1, 2])
def test_who_pays_at_pagopa_has_paid_and_gets_a_receipt(hub, pagopa, person, version):
    notice, item_id = owed(hub, person)
    told = pagopa.pay(notice, {"kind": "lose"}, version=version)
    assert (told["outcome"], told["amount_cents"], told["attempts"]) == ("OK", 12_500, 2)
    assert hub.read(f"/items/{item_id}", person).json()["state"] == "paid"
    (receipt,) = receipts(hub, person)
    assert (receipt["receipt_number"], receipt["amount_cents"]) == (told["receipt_id"], 12_500)
    assert pagopa.pay(notice)["code"] == "PAA_PAGAMENTO_DUPLICATO"
    log = [each["operation"] for each in hub.read("/access-log", person).json()["items"]]
    assert log.count("answer_provider") >= 4, "each look at the payment is in the citizen's access log"


def test_a_second_payment_waits_for_a_person_and_pagopa_is_told(hub, pagopa, person, raccordo):
    notice, _ = owed(hub, person)
    assert pagopa.pay(notice, {"kind": "second"})["second"] == "PAA_RECEIPT_DUPLICATA"
    assert len(receipts(hub, person)) == 1
    (waiting,) = [one for one in raccordo("quarantine", "list", "--json") if one["wrong"][0]["code"].endswith("twice")]
    assert waiting["connector_id"] == "pagopa"


def test_a_receipt_of_a_notice_that_nobody_knows_is_kept_and_taken_once_a_person_says_so(hub, pagopa, person, raccordo):
    told = pagopa.pay("347170000000000067", {"kind": "stand_in", "amount_cents": 100, "debtor": person})
    assert told["outcome"] == "OK"
    assert receipts(hub, person) == []
    (waiting,) = [one for one in raccordo("quarantine", "list", "--json") if one["name"] == told["receipt_id"]]
    assert waiting["wrong"][0]["code"] == "pagopa.notice_unknown"
    raccordo("quarantine", "retry", waiting["quarantine_id"])
    assert [one["receipt_number"] for one in receipts(hub, person)] == [told["receipt_id"]]


def test_the_parts_of_whichever_source_knows_them_decide_who_gets_what(hub, pagopa, person):
    parts = [
        {"amount_cents": 12_000, "receiver_tax_code": CREDITOR},
        {"amount_cents": 500, "receiver_tax_code": "80015010723"},
    ]
    notice, _ = owed(hub, person)
    item = make_payment(f"other-{notice}", tax_code=person, notice_number=notice, creditor_tax_code=CREDITOR)
    hub.publish("payments", item | {"items": parts}, vendor=hub.other_vendor)
    assert pagopa.pay(notice)["code"] == "PAA_SYSTEM_ERROR", "the other beneficiary has no account here"


def notified(hub: HubUnderTest, item_id: str, cost_cents: int) -> int:
    """Of how many payments SEND's price is kept, told by a notification to the one whose payment this is."""
    (row,) = rows(hub, items, item_id=item_id)
    with hub.home.database.write() as tx:
        (kept,) = note_costs(tx, [Costs(ENTE, "send", {row["notice_key"]: cost_cents})])
    return kept


@pytest.mark.parametrize("of_whom", [0, 1])
def test_a_notice_that_several_owe_costs_the_same_whoever_was_notified(hub, pagopa, person, of_whom):
    notice, item_id = owed(hub, person)
    other = make_payment(f"other-{notice}", tax_code=new_person(), notice_number=notice, creditor_tax_code=CREDITOR)
    both = [item_id, published(hub, "payments", other)]
    assert notified(hub, both[of_whom], 1240) == 2
    assert pagopa.pay(notice)["amount_cents"] == 13_740


def test_a_price_that_comes_after_the_payment_asks_for_nothing_more(hub, pagopa, person):
    notice, item_id = owed(hub, person)
    assert notified(hub, item_id, 200) == 1
    assert pagopa.pay(notice)["amount_cents"] == 12_700
    assert notified(hub, item_id, 1240) == 0
    item = hub.read(f"/items/{item_id}", person).json()
    assert (item["state"], item["notification_cost"]["total_cents"]) == ("paid", 12_700)
    assert [receipt["amount_cents"] for receipt in receipts(hub, person)] == [12_700]


def test_strangers_are_refused_and_learn_nothing(hub, pagopa, person):
    notice, item_id = owed(hub, person)
    assert pagopa.pay(notice, {"kind": "intruder"})["code"] == "PPT_STAZIONE_INT_PA_ERRORE_RESPONSE"
    assert hub.read(f"/items/{item_id}", person).json()["state"] == "due"
    answer = hub.client.post(f"/callbacks/v1/{ENTE}/pagopa/paForNode", content=b"<x/>")
    assert (answer.status_code, answer.headers["content-type"]) == (403, "text/xml; charset=utf-8")


def test_what_was_paid_is_reported_and_reconciled(hub, pagopa, person, raccordo):
    notice, _ = owed(hub, person)
    pagopa.pay(notice)
    today = datetime.now(UTC).date()  # in whatever zone the day is counted, it is among those around this one
    days = ("--from", str(today - timedelta(days=2)), "--to", str(today + timedelta(days=1)), "--json")

    def statuses() -> dict[str, str]:
        found = raccordo("payment", "reconcile", *days, "--grace-days", "30", code=None)
        return {line["iuv"]: line["status"] for line in found["payments"]}

    assert statuses()[notice[1:]] == "awaited"
    pagopa.report()
    eventually(statuses, lambda found: found[notice[1:]] == "matched", within_s=20)
    vendor = make_receipt(f"own-{notice}", tax_code=person, receipt_number="R1", amount_cents=12_500)
    vendor["payment"] = {"creditor_tax_code": CREDITOR, "notice_number": notice}
    hub.publish("receipts", vendor)
    assert statuses()[notice[1:]] == "matched", "a vendor's receipt of the same payment is no second one"


def test_a_flow_in_the_older_xml_is_uploaded_and_counts(hub, pagopa, person, raccordo, tmp_path):
    notice, _ = owed(hub, person)
    document = tmp_path / "flusso.xml"
    document.write_bytes(riversamento([(notice[1:], "125.00", "0")]))
    assert raccordo("connector", "upload", "pagopa", "--file", document, "--json")["taken"] == 1
    assert raccordo("connector", "upload", "pagopa", "--file", document, "--json")["unchanged"] == 1
    found = raccordo("payment", "reconcile", "--from", "2026-03-02", "--to", "2026-03-02", "--json", code=1)
    assert [(line["status"], line["reported_cents"]) for line in found["payments"]] == [("receipt_missing", 12_500)]
    assert [flow["fault"] for flow in found["flows"]] == [None]
    document.write_bytes(b"<FlussoRiversamento/>")
    assert raccordo("connector", "upload", "pagopa", "--file", document, "--json", code=None)["quarantined"] == 1


def test_what_is_shown_of_the_services_can_be_set_again(hub, pagopa, raccordo):
    shown = raccordo("connector", "show", "pagopa", "--json")
    assert orjson.loads(shown["settings"]["spontaneous"]), "services, as JSON"
    raccordo("connector", "set", "pagopa", "--set", f"spontaneous={shown['settings']['spontaneous']}")
    again = raccordo("connector", "show", "pagopa", "--json")
    assert again["settings"] == shown["settings"]
    assert again["version"] == shown["version"] + 1
