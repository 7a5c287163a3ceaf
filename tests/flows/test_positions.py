"""A vendor's payment asks for a debt position, and pagoPA has it as the payment is (issue 6, spec/pagopa.md)."""

import json
import zipfile
from base64 import b64decode

import httpx
import pytest

from connectors.pagopa.simulator import Pagopa
from contracts.identifiers import make_segregated_number, notice_number_checks
from hub.store.tables import access_log, deliveries, notice_numbers
from tests.flows.making import code, described_hub, fresh, mail_folder, published, rows, to
from tests.harness import eventually, make_payment, make_receipt

CREDITOR = "00488410010"
IBAN = "IT60X0542811101000000123456"
OURS = {"organization_tax_code": CREDITOR, "segregation_code": 47, "vendor_id": "acme", "receipts": "gpd"}
OURS |= {"poll_every_s": 1, "keep_notices": True}
HOME = {"street": "Via Roma", "number": "1", "city": "Valdilago", "postal_code": "28900", "province": "VB"}
# Dates of GPD's are compared with the real clock: in the future for as long as this is run.
DUE = "2199-12-16"


@pytest.fixture(scope="module")
def pagopa(kind, tmp_path_factory):
    """One for each hub: another would give the numbers of the first a second time."""
    simulation = Pagopa(tmp_path_factory.mktemp("pagopa"))
    settings = {**simulation.start(), **OURS}
    yield settings
    simulation.stop()


@pytest.fixture(scope="module")
def hub(kind, pagopa, tmp_path_factory):
    folder = tmp_path_factory.mktemp("positions")
    connectors = {**mail_folder(folder), "gpd": ("pagopa", pagopa)}
    with described_hub(folder / "home", connectors=connectors, sweep_s=0.3) as running:
        yield running


def payment(person, **fields):
    asked = {"debtor_name": "Maria Rossi", "iban": IBAN, "category": "9/0301105TS/"}
    item = make_payment(fresh(), **to(person), due_date=DUE, position=asked, **fields)
    if "notice_number" not in fields:
        del item["notice_number"]
    return item


def to_pagopa(hub, item_id):
    """The deliveries of its position, in the order in which they were begun."""
    return sorted(rows(hub, deliveries, message_id=item_id, channel="pagopa"), key=lambda row: row["delivery_id"])


def kept(hub, pagopa, item_id, within_s=30, name="RAC"):
    """The position at GPD, once nothing is on its way; None where there is none."""

    def ended(found):
        return found and all(row["state"] not in ("queued", "waiting", "unconfirmed") for row in found)

    eventually(lambda: to_pagopa(hub, item_id), ended, within_s=within_s)
    url = f"{pagopa['gpd_url']}/v3/organizations/{CREDITOR}/debtpositions/{name}-{item_id}"
    answer = httpx.get(url, headers={"Ocp-Apim-Subscription-Key": pagopa["api_key"]}, trust_env=False)
    return answer.json() if answer.status_code == 200 else None


def the_option(position):
    """The only thing to pay, and who owes it."""
    (option,) = position["paymentOption"]
    (installment,) = option["installments"]
    return installment, option["debtor"]


def timeline(hub, item_id):
    return hub.vendor_get(f"/items/{item_id}").json()["timeline"]


def pay(pagopa, number):
    """The citizen pays it at pagoPA."""
    origin = pagopa["gpd_url"].rpartition("/gpd/")[0]
    httpx.post(f"{origin}/_sim/pay", json={"organization": CREDITOR, "nav": number}, trust_env=False)


def test_a_payment_is_registered_under_a_number_of_the_hubs(hub, pagopa, person):
    item_id = published(hub, "payments", payment(person))
    installment, debtor = the_option(kept(hub, pagopa, item_id))
    assert debtor == {"type": "F", "fiscalCode": person, "fullName": "Maria Rossi"}
    assert (installment["amount"], installment["description"]) == (12_500, "TARI 2026")
    assert installment["dueDate"] == "2199-12-16T22:59:59", "the end of the day in Rome"
    number = installment["nav"]
    assert number.startswith("347")
    assert notice_number_checks(number)
    (seen,) = hub.read("/payments", person).json()["items"]
    assert hub.read(f"/items/{item_id}", person).json()["content"]["notice_number"] == number
    assert seen["number"] == number
    told = {each["event"]: each["data"] for each in timeline(hub, item_id)}
    assert told["numbered"] == {"part": 0, "notice_number": number}
    assert eventually(lambda: timeline(hub, item_id)[-1], lambda last: last["event"] == "position")["data"] == {
        "state": "delivered"
    }
    (row,) = rows(hub, notice_numbers, item_id=item_id)
    assert row["notice_number"] == number
    (shared,) = [each for each in hub.read("/sharing", person).json()["items"] if each["channel"] == "pagopa"]
    assert (shared["what"], shared["recipient_id"], shared["item_id"]) == ("position", "gpd", item_id)
    # The citizen is told of the payment with that number; of the position, nothing.
    shown = hub.read(f"/items/{item_id}", person).json()
    assert {each["channel"] for each in shown["deliveries"]} <= {"io", "email"}


def test_a_new_version_updates_it_and_the_same_again_changes_nothing(hub, pagopa, person):
    first = payment(person)
    item_id = published(hub, "payments", first)
    number = the_option(kept(hub, pagopa, item_id))[0]["nav"]
    assert code(hub.publish("payments", first)) == (200, "unchanged")
    later = first | {
        "version": 2,
        "amount_cents": 9_000,
        "position": first["position"] | {"debtor_name": "Rossi Maria"},
    }
    assert published(hub, "payments", later) == item_id
    installment, debtor = the_option(kept(hub, pagopa, item_id))
    assert (installment["amount"], installment["nav"], debtor["fullName"]) == (9_000, number, "Rossi Maria")


def test_a_withdrawal_invalidates_it(hub, pagopa, person):
    item_id = published(hub, "payments", payment(person))
    assert kept(hub, pagopa, item_id)["status"] == "VALID"
    hub.withdraw(item_id)
    assert kept(hub, pagopa, item_id)["status"] == "UNPAYABLE"


@pytest.mark.parametrize("change", [{"state": "cancelled"}, {"position": None, "notice_number": "302000100000019421"}])
def test_what_is_cancelled_or_asks_for_none_any_more_is_invalidated(hub, pagopa, person, change):
    first = payment(person)
    item_id = published(hub, "payments", first)
    assert kept(hub, pagopa, item_id)["status"] == "VALID"
    second = {name: value for name, value in (first | {"version": 2} | change).items() if value is not None}
    published(hub, "payments", second)
    assert kept(hub, pagopa, item_id)["status"] == "UNPAYABLE"


def test_a_cancelled_payment_comes_back_under_a_new_number(hub, pagopa, person):
    first = payment(person)
    item_id = published(hub, "payments", first)
    before = the_option(kept(hub, pagopa, item_id))[0]["nav"]
    published(hub, "payments", first | {"version": 2, "state": "cancelled"})
    assert kept(hub, pagopa, item_id)["status"] == "UNPAYABLE"
    published(hub, "payments", first | {"version": 3})
    there = kept(hub, pagopa, item_id)
    number = the_option(there)[0]["nav"]
    assert there["status"] == "VALID"
    assert number != before, "a number that was invalidated is not used again"
    assert hub.read(f"/items/{item_id}", person).json()["content"]["notice_number"] == number
    told = [each["data"]["notice_number"] for each in timeline(hub, item_id) if each["event"] == "numbered"]
    assert told == [before, number]
    # From now on that is its number, until it is taken back again.
    published(hub, "payments", first | {"version": 4, "amount_cents": 9_000})
    installment, _ = the_option(kept(hub, pagopa, item_id))
    assert (installment["nav"], installment["amount"]) == (number, 9_000)
    assert [row["state"] for row in to_pagopa(hub, item_id)] == ["delivered"] * 4


def test_a_payment_whose_position_was_left_out_gets_another_under_a_new_number(hub, pagopa, person):
    first = payment(person)
    item_id = published(hub, "payments", first)
    before = the_option(kept(hub, pagopa, item_id))[0]["nav"]
    published(hub, "payments", {name: value for name, value in first.items() if name != "position"} | {"version": 2})
    assert kept(hub, pagopa, item_id)["status"] == "UNPAYABLE"
    published(hub, "payments", first | {"version": 3})
    there = kept(hub, pagopa, item_id)
    assert there["status"] == "VALID"
    assert the_option(there)[0]["nav"] != before


def test_a_vendors_own_number_that_was_invalidated_has_to_be_another(hub, pagopa, person):
    one, other = (make_segregated_number(segregation_code=47, iuv_base=base) for base in (8_000_000, 8_000_001))
    first = payment(person, notice_number=one)
    item_id = published(hub, "payments", first)
    assert kept(hub, pagopa, item_id)["status"] == "VALID"
    published(hub, "payments", first | {"version": 2, "state": "cancelled"})
    assert kept(hub, pagopa, item_id)["status"] == "UNPAYABLE"
    published(hub, "payments", first | {"version": 3})
    assert kept(hub, pagopa, item_id)["status"] == "UNPAYABLE"
    last = to_pagopa(hub, item_id)[-1]
    assert (last["state"], last["reason"]) == ("rejected", "pagopa.invalidated")
    published(hub, "payments", first | {"version": 4, "notice_number": other})
    there = kept(hub, pagopa, item_id)
    assert (there["status"], the_option(there)[0]["nav"]) == ("VALID", other)


@pytest.mark.parametrize("what", ["number", "creditor"])
def test_a_registered_payment_keeps_its_creditor_and_its_number(hub, pagopa, person, what):
    own = make_segregated_number(segregation_code=47, iuv_base=9_000_000 + (what == "number"))
    first = payment(person, notice_number=own)
    item_id = published(hub, "payments", first)
    there = kept(hub, pagopa, item_id)
    asked = len(to_pagopa(hub, item_id))
    if what == "number":
        changes = [{"notice_number": make_segregated_number(segregation_code=47, iuv_base=9_000_009)}]
    else:
        # Also when it asks for no position any more, or for nothing: whose it was could not be taken back.
        left = {name: value for name, value in first.items() if name != "position"}
        changes = [{"creditor_tax_code": "06363391001"} | more for more in ({}, {"state": "cancelled"})]
        first = left
    for change in changes:
        answer = hub.publish("payments", first | {"version": 2} | change)
        assert code(answer) == (422, "position.moved")
    assert kept(hub, pagopa, item_id) == there
    assert len(to_pagopa(hub, item_id)) == asked
    assert hub.read(f"/items/{item_id}", person).json()["content"]["notice_number"] == own


def test_what_was_paid_meanwhile_does_not_come_back(hub, pagopa, person):
    """Whether the receipt or the new versions come first: pagoPA's paid position stays as it is."""
    first = payment(person)
    item_id = published(hub, "payments", first)
    number = the_option(kept(hub, pagopa, item_id))[0]["nav"]
    pay(pagopa, number)
    paid = kept(hub, pagopa, item_id)
    published(hub, "payments", first | {"version": 2, "state": "cancelled"})
    hub.publish("payments", first | {"version": 3})
    there = kept(hub, pagopa, item_id)
    assert there == paid
    assert there["status"] == "PAID"
    assert {row["state"] for row in to_pagopa(hub, item_id)[1:]} == {"skipped"}


def test_of_an_unknown_outcome_pagopa_is_asked_and_nothing_is_made_twice(hub, pagopa, person):
    first = payment(person)
    item_id = published(hub, "payments", first)
    before = the_option(kept(hub, pagopa, item_id))[0]["nav"]
    published(hub, "payments", first | {"version": 2, "state": "cancelled"})
    assert kept(hub, pagopa, item_id)["status"] == "UNPAYABLE"
    origin = pagopa["gpd_url"].rpartition("/gpd/")[0]
    # It is made, and the answer is lost.
    httpx.post(f"{origin}/_sim/faults", json=[{"kind": "cut", "on": "create"}], trust_env=False).raise_for_status()
    published(hub, "payments", first | {"version": 3})
    there = kept(hub, pagopa, item_id, within_s=90)  # an attempt that comes to nothing is put off
    assert there["status"] == "VALID"
    assert the_option(there)[0]["nav"] != before
    assert to_pagopa(hub, item_id)[-1]["state"] == "delivered"


def test_instalments_and_several_beneficiaries(hub, pagopa, person):
    def shares(amount):
        town = {"amount_cents": amount - 1_600, "receiver_tax_code": CREDITOR, "iban": IBAN, "category": "9/0301105TS/"}
        stamp = {"document_sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "province": "RM"}
        duty = {"kind": "stamp", "amount_cents": 1_600, "receiver_tax_code": "06363391001", "category": "9/0999999BO/"}
        return [town, duty | {"stamp": stamp, "reason": "Imposta di bollo"}]

    plan = [{"amount_cents": 6_250, "due_date": DUE, "items": shares(6_250)} for _ in range(2)]
    asked = {"debtor_name": "Maria Rossi", "installments": plan}
    item = payment(person, items=shares(12_500)) | {"position": asked}
    item_id = published(hub, "payments", item)
    whole, parts = kept(hub, pagopa, item_id)["paymentOption"]
    assert [each["amount"] for each in whole["installments"]] == [12_500]
    assert [each["amount"] for each in parts["installments"]] == [6_250, 6_250]
    assert [each["description"] for each in parts["installments"]] == [
        "TARI 2026, rata 1 di 2",
        "TARI 2026, rata 2 di 2",
    ]
    assert [each.get("stamp", {}).get("stampType") for each in whole["installments"][0]["transfer"]] == [None, "01"]
    numbers = {each["nav"] for option in (whole, parts) for each in option["installments"]}
    assert numbers == {row["notice_number"] for row in rows(hub, notice_numbers, item_id=item_id)}
    content = hub.read(f"/items/{item_id}", person).json()["content"]
    assert {each["notice_number"] for each in content["position"]["installments"]} < numbers


def test_a_receipt_of_the_number_pays_and_later_versions_leave_pagopa_alone(hub, pagopa, person):
    first = payment(person)
    item_id = published(hub, "payments", first)
    number = the_option(kept(hub, pagopa, item_id))[0]["nav"]
    pay(pagopa, number)
    paid = {"creditor_tax_code": CREDITOR, "notice_number": number}
    published(hub, "receipts", make_receipt(fresh(), **to(person), payment=paid))
    assert hub.read("/payments", person).json()["items"][0]["state"] == "paid"
    published(hub, "payments", first | {"version": 2, "amount_cents": 1})
    assert kept(hub, pagopa, item_id)["status"] == "PAID"
    (_, last) = to_pagopa(hub, item_id)
    assert (last["state"], last["reason"]) == ("skipped", "notice.moot")


def test_what_is_paid_at_pagopa_is_paid_here(hub, pagopa, person):
    """The receipt is fetched, taken by the ordinary line, and pays the payment of its notice."""
    item_id = published(hub, "payments", payment(person))
    number = the_option(kept(hub, pagopa, item_id))[0]["nav"]
    pay(pagopa, number)

    def state():
        return hub.read(f"/items/{item_id}", person).json()["state"]

    assert eventually(state, lambda found: found != "due", within_s=30) == "paid"
    (receipt,) = hub.read("/receipts", person).json()["items"]
    assert receipt["amount_cents"] == 12_500
    content = hub.read(f"/items/{receipt['item_id']}", person).json()["content"]
    assert content["receipt_number"] == f"IUR{number}"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"creditor_tax_code": "06363391001"}, "/position"),
        ({"due_date": None}, ""),
        ({"position": {"iban": None}}, ""),
        ({"position": {"iban": "IT00X0000000000000000000000"}}, "/position/iban"),
        ({"position": {"debtor_name": None}}, "/position/debtor_name"),
        ({"position": {"debtor_name": "x" * 71}}, "/position/debtor_name"),
        ({"position": {"installments": [{"amount_cents": 12_500, "due_date": DUE}]}}, ""),
        ({"position": {"installments": [{"amount_cents": 6_000, "due_date": DUE}] * 2}}, ""),
        ({"items": [{"amount_cents": 12_500, "receiver_tax_code": CREDITOR}]}, ""),
    ],
)
def test_what_could_not_be_registered_is_refused_where_it_is_wrong(hub, person, change, pointer):
    item = payment(person) | {name: value for name, value in change.items() if name != "position"}
    item["position"] |= change.get("position", {})
    item["position"] = {name: value for name, value in item["position"].items() if value is not None}
    item = {name: value for name, value in item.items() if value is not None}
    before = {row["delivery_id"] for row in rows(hub, deliveries, channel="pagopa")}
    answer = hub.publish("payments", item)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert {row["delivery_id"] for row in rows(hub, deliveries, channel="pagopa")} == before


def test_a_stranger_to_the_number_gets_no_position(hub, pagopa, person):
    """A vendor's own number under another segregation code is refused before pagoPA could stop everybody."""
    item_id = published(hub, "payments", payment(person, notice_number="301000000000000144"))
    assert kept(hub, pagopa, item_id) is None
    (row,) = to_pagopa(hub, item_id)
    assert (row["state"], row["reason"]) == ("rejected", "pagopa.other_segregation_code")


def test_the_operator_sees_what_would_be_sent(hub, raccordo, person):
    item_id = published(hub, "payments", payment(person, notice_number="301000000000000144"))
    (row,) = eventually(lambda: to_pagopa(hub, item_id), lambda found: found[0]["state"] == "rejected")
    shown = raccordo("delivery", "replay", row["delivery_id"], "--dry-run", "--json")
    assert shown["would_be"] == "rejected: pagopa.other_segregation_code"
    assert person not in json.dumps(shown)


def test_a_revenue_stamp_that_was_paid_is_proved_in_the_area(hub, pagopa, person):
    stamp = {"document_sha256": "A" * 43 + "=", "kind": "01", "province": "VB"}
    shares = [
        {"amount_cents": 10_900, "receiver_tax_code": CREDITOR, "category": "9/0301105TS/", "iban": IBAN},
        {"kind": "stamp", "amount_cents": 1_600, "receiver_tax_code": CREDITOR, "category": "9/24B0/", "stamp": stamp},
    ]
    item = payment(person, items=shares) | {"position": {"debtor_name": "Maria Rossi"}}
    item_id = published(hub, "payments", item)
    pay(pagopa, the_option(kept(hub, pagopa, item_id))[0]["nav"])
    (receipt,) = eventually(lambda: hub.read("/receipts", person).json()["items"], bool, within_s=20)
    (proof,) = hub.read(f"/items/{receipt['item_id']}", person).json()["content"]["stamps"]
    assert (proof["amount_cents"], proof["document_sha256"]) == (1_600, stamp["document_sha256"])
    assert b"<marcaDaBollo" in b64decode(proof["file"])


def test_a_citizen_pays_in_a_cart_and_gets_the_notice_on_paper(hub, pagopa, raccordo, person, tmp_path):
    item_id = published(hub, "payments", payment(person))
    number = the_option(kept(hub, pagopa, item_id))[0]["nav"]
    back = ["--ok", "https://a.example/ok", "--cancel", "https://a.example/no", "--error", "https://a.example/e"]
    assert raccordo("payment", "cart", item_id, *back, "--json")["url"].startswith("https://checkout.pagopa.example/")
    to_whom = ["--name", "Maria Rossi", "--address", "Via Roma", "--number", "1", "--city", "Valdilago"]
    to_whom += ["--postal-code", "28900", "--province", "VB", "--out", str(tmp_path / "avviso.pdf")]
    raccordo("payment", "notice", item_id, *to_whom)
    assert number.encode() in (tmp_path / "avviso.pdf").read_bytes()
    assert (tmp_path / "avviso.pdf").stat().st_mode & 0o77 == 0
    operations = {row["operation"] for row in rows(hub, access_log, item_id=item_id)}
    assert {"make_cart", "print_notice"} <= operations


def test_the_notice_becomes_a_document_beside_the_payment_and_follows_it(hub, pagopa, person):
    first = payment(person)
    first["position"] = first["position"] | {"debtor_address": HOME}
    item_id = published(hub, "payments", first)
    number = the_option(kept(hub, pagopa, item_id))[0]["nav"]

    def documents():
        return hub.read("/documents", person).json()["items"]

    def text():
        answer = hub.read(f"/documents/{document['item_id']}/content", person)
        return answer.content if answer.status_code == 200 else b""

    (document,) = eventually(documents, lambda found: len(found) == 1, within_s=20)
    whole = hub.read(f"/items/{document['item_id']}", person).json()
    assert (whole["vendor_id"], whole["content"]["doc_type"]) == ("acme", "avviso_pagopa")
    assert item_id in [each["item_id"] for each in whole["linked"]]
    assert document["item_id"] in [each["item_id"] for each in hub.read(f"/items/{item_id}", person).json()["linked"]]
    assert f"{number} 12500".encode() in eventually(text, bool)
    messages = hub.read("/messages", person).json()["items"]
    (message,) = [each for each in messages if each["title"].startswith("Documento disponibile: Avviso pagoPA")]
    assert hub.read(f"/items/{message['item_id']}", person).json()["deliveries"] == [], "told of in the area alone"

    published(hub, "payments", first | {"version": 2, "amount_cents": 9_000})
    eventually(text, lambda content: f"{number} 9000".encode() in content, within_s=20)
    assert [each["item_id"] for each in documents()] == [document["item_id"]], "it is replaced"
    published(hub, "payments", first | {"version": 3, "state": "cancelled"})
    eventually(documents, lambda found: found == [], within_s=20)


def test_the_notices_of_many_payments_are_printed_in_a_folder(hub, pagopa, raccordo, person, tmp_path):
    """One has its debtor's address, of the other the file says it."""
    with_address = payment(person)
    with_address["position"] = with_address["position"] | {"debtor_address": HOME}
    item_ids = [published(hub, "payments", each) for each in (with_address, payment(person))]
    numbers = [the_option(kept(hub, pagopa, each))[0]["nav"] for each in item_ids]
    rows_of = [f"{item_ids[0]},,,,,,", f"{item_ids[1]},Maria Rossi,Via Roma,1,Valdilago,28900,VB"]
    listed = tmp_path / "avvisi.csv"

    def ask(*lines, code=0):
        header = "item_id,name,address,number,city,postal_code,province"
        listed.write_text("\n".join((header, *lines)))
        return raccordo("payment", "print", "--file", str(listed), *([] if code else ["--json"]), code=code)

    assert "line 2: no address" in ask(f"{item_ids[1]},,,,,,", code=2)
    refused = ask(rows_of[1].replace("28900", "Rossi"), code=2)
    assert "line 2: postal_code" in refused
    assert "Rossi" not in refused
    folder = ask(*rows_of)["folder_id"]
    assert ask(*rows_of)["folder_id"] == folder
    asked = ["payment", "folder", folder, "--connector", "gpd"]
    assert "in stampa" in raccordo(*asked, code=1)
    out = tmp_path / "avvisi.zip"
    eventually(lambda: raccordo(*asked, "--json", code=None), lambda told: told["state"] == "ready")
    out.write_text("mine")
    before = len(rows(hub, access_log, operation="fetch_folder"))
    assert "already there" in raccordo(*asked, "--out", str(out), "--forget", code=2)
    assert out.read_text() == "mine"
    assert len(rows(hub, access_log, operation="fetch_folder")) == before, "it was not fetched"
    out.unlink()

    assert raccordo(*asked, "--out", str(out), "--forget", "--json")["state"] == "ready"
    with zipfile.ZipFile(out) as archive:
        assert sorted(archive.namelist()) == sorted(f"{number}.pdf" for number in numbers)
    assert out.stat().st_mode & 0o77 == 0
    assert "folder_unknown" in raccordo(*asked, code=1), "it is forgotten there"
    for item_id in item_ids:
        assert "print_notice" in {row["operation"] for row in rows(hub, access_log, item_id=item_id)}


def test_a_payment_without_an_address_has_no_notice_on_paper(hub, pagopa, person):
    item_id = published(hub, "payments", payment(person))
    kept(hub, pagopa, item_id)
    (row,) = to_pagopa(hub, item_id)
    asked = {"delivery_id": row["delivery_id"]}
    eventually(lambda: rows(hub, deliveries, **asked)[0]["follow_up_at"], lambda at: at is None, within_s=20)
    assert hub.read("/documents", person).json()["items"] == []
