"""A legal notification from publication to SEND and back: files, refusal and correction, recall, what SEND reports."""

from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import update

from connectors.registry import simulate
from connectors.send.simulator import Simulated
from hub.store.tables import deliveries, timeline
from tests.flows.making import (
    code,
    described_hub,
    fresh,
    make_document,
    new_person,
    notice_number,
    outcomes,
    published,
    rows,
    to,
)
from tests.harness import eventually, make_message, make_payment, make_receipt

QUICK = {"timeout_s": 5, "retry_base_s": 0.05, "retry_cap_s": 0.1, "breaker_failures": 1000}
REFUSED = new_person()


@contextmanager
def at_work(folder, **settings):
    send = simulate("send", folder / "send", refusals={REFUSED: ["NOT_VALID_ADDRESS"]}, idle_ms=200)
    assert isinstance(send, Simulated)
    try:
        given = dict(send.start()) | {"status_poll_s": 0.05, "poll_every_s": 1.0} | settings
        with described_hub(folder / "home", connectors={"send": ("send", given)}, limits=QUICK, sweep_s=0.3) as running:
            running.send, running.address = send.platform, given["base_url"]
            yield running
    finally:
        send.stop()


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    with at_work(tmp_path_factory.mktemp("send")) as running:
        yield running


def legal(**fields):
    own = {
        "protocol_number": fresh("2026/"),
        "subject": "Notifica di avviso di accertamento",
        "taxonomy_code": "010101P",
        "physical_communication": "AR_REGISTERED_LETTER",
        "recipient_name": "Maria Esposito",
        "postal_address": {"address": "Via Roma 1", "zip": "10100", "municipality": "Torino", "province": "TO"},
    }
    return own | fields


def document(hub, person, content=b"%PDF-1.7 accertamento", **fields):
    """A document of that person whose file is here; its external_id."""
    item = make_document(fresh(), content, **to(person), notify={"channels": []}, **fields)
    item_id = published(hub, "documents", item)
    assert hub.upload(item_id, content).status_code == 201
    return item["external_id"]


def to_be_paid(hub, person, **fields):
    """A payment of that person, of which nobody is told."""
    bill = make_payment(fresh(), **to(person), notice_number=notice_number(), notify={"channels": []}, **fields)
    published(hub, "payments", bill)
    return bill


def receipt_of(bill, person, **fields):
    name = {"creditor_tax_code": bill["creditor_tax_code"], "notice_number": bill["notice_number"]}
    return make_receipt(fresh(), **to(person), payment=name, notify={"channels": []}, **fields)


def message(person, *documents, payments=(), legal_fields=None, **fields):
    links = [{"rel": "document", "external_id": each} for each in documents]
    links += [{"rel": "payment", "external_id": each} for each in payments]
    notify = {"channels": ["send"], "legal": legal(**(legal_fields or {}))}
    return make_message(fresh(), **to(person), kind="outcome", links=links, notify=notify, **fields)


def settled(hub, item_id, *expected):
    assert eventually(lambda: outcomes(hub, item_id), lambda found: found == list(expected), within_s=20)


def at_send(hub, item):
    number = item["notify"]["legal"]["protocol_number"]
    return [each for each in hub.send.ledger.requests.values() if each["pair"][0] == number]


def advance(hub, entry, *statuses):
    """What SEND has of a notification comes to each of these states."""
    for status in statuses:
        httpx.post(f"{hub.address}/_sim/advance", json={"iun": entry["iun"], "status": status}, trust_env=False)


def test_what_a_receipt_says_is_paid_is_not_asked_for_whatever_its_vendor_said_last(hub):
    person = new_person()
    bills = [to_be_paid(hub, person) for _ in range(2)]
    published(hub, "receipts", receipt_of(bills[0], person))
    item = message(person, document(hub, person), payments=[each["external_id"] for each in bills])
    settled(hub, published(hub, "messages", item), ("delivered", None))
    (recipient,) = at_send(hub, item)[0]["request"]["recipients"]
    assert [each["pagoPa"]["noticeCode"] for each in recipient["payments"]] == [bills[1]["notice_number"]]


@pytest.mark.req("S11")
def test_the_documents_arrive_and_what_send_reports_is_told(hub):
    person, first, second = new_person(), b"%PDF-1.7 primo", b"%PDF-1.7 " + b"x" * 1_500_000
    bill = to_be_paid(hub, person)
    names = [document(hub, person, first, title="Atto: primo"), document(hub, person, second)]
    costs = {"fee_policy": "DELIVERY_MODE", "fee_cents": 100, "vat_percent": 22}
    item = message(person, *names, payments=[bill["external_id"]], legal_fields=costs)
    item_id = published(hub, "messages", item)
    settled(hub, item_id, ("delivered", None))
    (entry,) = at_send(hub, item)
    asked = entry["request"]
    assert asked["documents"][0]["title"] == "Atto- primo"
    kept = [hub.send.uploads[each["ref"]["key"]] for each in asked["documents"]]
    assert [list(each["versions"].values()) for each in kept] == [[len(first)], [len(second)]]
    (recipient,) = asked["recipients"]
    assert (recipient["taxId"], recipient["recipientType"]) == (person, "PF")
    assert recipient["payments"][0]["pagoPa"]["noticeCode"] == bill["notice_number"]
    assert entry["pair"][1].startswith(state_of(hub, item_id)["delivery_id"])
    assert state_of(hub, item_id)["provider_id"] == entry["iun"]
    advance(hub, entry, "DELIVERING", "VIEWED")
    found = eventually(lambda: events(hub, item_id), lambda found: "read_on_channel" in found, within_s=20)
    assert found.count("read_on_channel") == 1
    eventually(lambda: steps(hub, item_id), lambda found: "viewed" in found, within_s=20)
    shown = hub.read(f"/items/{item_id}", person).json()
    assert shown["deliveries"][0]["channel"] == "send"
    viewed = next(each for each in shown["timeline"] if each["data"].get("step") == "viewed")
    assert shown["deliveries"][0]["effective_at"] == viewed["at"]


def steps(hub, item_id):
    return [row["data"]["step"] for row in rows(hub, timeline, item_id=item_id) if row["event"] == "notification_step"]


def with_bill(hub, person, **legal_fields):
    """A payment, and a legal notification of it that was accepted: the payment, and what SEND has."""
    bill = to_be_paid(hub, person)
    item = message(person, document(hub, person), payments=[bill["external_id"]], legal_fields=legal_fields)
    settled(hub, published(hub, "messages", item), ("delivered", None))
    (entry,) = at_send(hub, item)
    return bill, entry


def told_of(hub, bill):
    return [
        event
        for entry in hub.send.ledger.requests.values()
        for event in entry.get("paid", ())
        if event["noticeCode"] == bill["notice_number"]
    ]


@pytest.mark.req("S11")
@pytest.mark.parametrize("how", ["receipt", "state"])
def test_send_is_told_once_of_what_was_paid(hub, how):
    person, before = new_person(), {"kind": "cut", "on": "paid"}
    bill, _ = with_bill(hub, person)
    httpx.post(f"{hub.address}/_sim/faults", json=[before], trust_env=False).raise_for_status()
    if how == "receipt":
        paid = receipt_of(bill, person, amount_cents=8700)
        published(hub, "receipts", paid)
    else:
        published(hub, "payments", bill | {"version": 2, "state": "paid"})
    (event,) = eventually(lambda: told_of(hub, bill), bool, within_s=20)
    assert event["amount"] == (paid["amount_cents"] if how == "receipt" else bill["amount_cents"])
    if how == "receipt":
        assert event["paymentDate"] == paid["paid_at"]
    bill_id = published(hub, "payments", bill | {"version": 3, "state": "paid"})
    told = eventually(
        lambda: rows(hub, deliveries, message_id=bill_id), lambda found: found[0]["state"] == "delivered", within_s=20
    )
    assert [(row["channel"], row["connector_id"]) for row in told] == [("settled", "send")]
    assert len(told_of(hub, bill)) == 1
    # The citizen is told nothing by it, and sees to whom it went.
    assert hub.read(f"/items/{bill_id}", person).json()["deliveries"] == []
    shared = hub.read("/sharing?limit=100", person).json()["items"]
    assert ("paid", bill_id) in [(each["what"], each["item_id"]) for each in shared]


def test_what_send_is_told_is_not_another_vendor_s_word(hub):
    """A receipt of who may not settle the notices of others, of an earlier day and of one cent."""
    person = new_person()
    bill, _ = with_bill(hub, person)
    stranger = receipt_of(bill, person, amount_cents=1, paid_at="2026-11-20T10:00:00Z")
    published(hub, "receipts", stranger, vendor=hub.other_vendor)
    paid = receipt_of(bill, person, amount_cents=8700)
    published(hub, "receipts", paid)
    (event,) = eventually(lambda: told_of(hub, bill), bool, within_s=20)
    assert (event["amount"], event["paymentDate"]) == (8700, paid["paid_at"])


def test_what_send_reports_after_it_was_told_is_about_the_notification_still(hub):
    person = new_person()
    bill, entry = with_bill(hub, person)
    bill_id = published(hub, "payments", bill | {"version": 2, "state": "paid"})
    eventually(lambda: state_of(hub, bill_id)["state"], lambda state: state == "delivered", within_s=20)
    message_id = notified(hub, entry)
    with hub.home.database.write() as tx:  # PostgreSQL finds the rows in the order of their last change
        its = update(deliveries).where(deliveries.c.message_id == message_id)
        tx.connection.execute(its.values(attempts=deliveries.c.attempts + 1))
    advance(hub, entry, "VIEWED", "CANCELLED")
    eventually(lambda: state_of(hub, message_id)["state"], lambda state: state == "rejected", within_s=20)
    assert state_of(hub, bill_id)["state"] == "delivered"
    assert ("viewed" in steps(hub, message_id), steps(hub, bill_id)) == (True, [])


def notified(hub, entry):
    """The message that a notification at SEND was made of."""
    (row,) = [row for row in rows(hub, deliveries, provider_id=entry["iun"]) if row["channel"] == "send"]
    return row["message_id"]


@pytest.mark.req("S11")
def test_the_citizen_sees_what_the_notification_adds_to_the_payment(kind, tmp_path):
    with at_work(tmp_path, attestations_every_s=0.3) as hub:
        person = new_person()
        costs = {"fee_policy": "DELIVERY_MODE", "fee_cents": 100, "vat_percent": 22, "payment_update": "SYNC"}
        bill, entry = with_bill(hub, person, **costs)
        bill_id = published(hub, "payments", bill)

        def cost():
            return hub.read(f"/items/{bill_id}", person).json()["notification_cost"]

        first = eventually(cost, bool, within_s=20)
        assert (first["cost_cents"], first["total_cents"]) == (200, bill["amount_cents"] + 200)
        before = hub.read("/changes", person).json()["next_cursor"]
        advance(hub, entry, "DELIVERING")
        letter = eventually(cost, lambda found: found["cost_cents"] > 1000, within_s=20)
        assert letter["total_cents"] == bill["amount_cents"] + letter["cost_cents"]
        changed = hub.read(f"/changes?after={before}", person).json()["items"]
        assert bill_id in [each["item_id"] for each in changed]
        (listed,) = hub.read("/items?collection=payments", person).json()["items"]
        assert listed["notification_cost"] == letter, "lists say what the detail says"
        told = [row["data"] for row in rows(hub, timeline, item_id=bill_id) if row["event"] == "notification_cost"]
        assert told == [{"channel": "send", "cost_cents": each["cost_cents"]} for each in (first, letter)]
        other_id = published(hub, "messages", make_message(fresh(), **to(person)))
        assert hub.read(f"/items/{other_id}", person).json()["notification_cost"] is None
        (notification,) = rows(hub, deliveries, provider_id=entry["iun"], channel="send")
        assert hub.withdraw(notification["message_id"]).status_code == 201
        eventually(cost, lambda found: found is None, within_s=20)


@pytest.mark.req("S11", "S38")
def test_of_the_instalments_that_a_notification_asks_for_the_first_bears_its_costs(hub):
    person = new_person()
    bills = [to_be_paid(hub, person, installment={"n": n, "of": 3}) for n in (3, 2)]
    costs = {"fee_policy": "DELIVERY_MODE", "fee_cents": 100, "vat_percent": 22, "payment_update": "ASYNC"}
    item = message(person, document(hub, person), payments=[each["external_id"] for each in bills], legal_fields=costs)
    settled(hub, published(hub, "messages", item), ("delivered", None))
    (entry,) = at_send(hub, item)
    asked = [each["pagoPa"] for each in entry["request"]["recipients"][0]["payments"]]
    bearing = {each["noticeCode"]: each["applyCost"] for each in asked}
    assert bearing == {bills[0]["notice_number"]: False, bills[1]["notice_number"]: True}


def test_a_payment_made_while_send_still_looks_at_its_notification_waits_for_it(hub):
    person = new_person()
    bill = to_be_paid(hub, person)
    busy = [{"kind": "error", "status": 503, "on": "status"}] * 40
    httpx.post(f"{hub.address}/_sim/faults", json=busy, trust_env=False).raise_for_status()
    item = message(person, document(hub, person), payments=[bill["external_id"]])
    published(hub, "messages", item)
    eventually(lambda: at_send(hub, item), bool, within_s=20)
    bill_id = published(hub, "payments", bill | {"version": 2, "state": "paid_elsewhere"})
    (row,) = eventually(
        lambda: rows(hub, deliveries, message_id=bill_id), lambda found: found[0]["reason"] is not None, within_s=20
    )
    assert (row["state"], row["reason"], row["attempts"]) == ("queued", "notice.not_accepted", 0)
    httpx.delete(f"{hub.address}/_sim/faults", trust_env=False)


def test_what_goes_along_with_no_notification_is_told_to_nobody(hub):
    person = new_person()
    bill = to_be_paid(hub, person)
    bill_id = published(hub, "payments", bill | {"version": 2, "state": "paid"})
    assert rows(hub, deliveries, message_id=bill_id) == []


@pytest.mark.req("S48")
def test_the_papers_that_send_makes_are_documents_beside_the_message(kind, tmp_path):
    with at_work(tmp_path, attestations=True, attestations_every_s=0.3) as hub:
        person = new_person()
        item = message(person, document(hub, person), sensitivity="sensitive")
        item_id = published(hub, "messages", item)
        settled(hub, item_id, ("delivered", None))
        (entry,) = at_send(hub, item)
        advance(hub, entry, "DELIVERING", "DELIVERED", "VIEWED")

        def papers():
            found = hub.read("/documents?limit=100", person).json()["items"]
            return [each for each in found if each["title"].endswith(f"({entry['iun']})")]

        found = eventually(papers, lambda found: len(found) == 4 and all(map(is_there, found)), within_s=30)
        notice = next(each for each in found if each["title"].startswith("Avviso di avvenuta ricezione"))
        content = hub.read(f"/documents/{notice['item_id']}/content", person)
        assert content.content.startswith(b"%PDF-1.7 simulated PN_AAR-")
        shown = hub.read(f"/items/{notice['item_id']}", person).json()
        assert ("message", item_id) in [(link["rel"], link["item_id"]) for link in shown["linked"]]
        assert (shown["sensitivity"], shown["deliveries"]) == ("sensitive", [])
        lost = message(person, document(hub, person))
        lost_id = published(hub, "messages", lost)
        settled(hub, lost_id, ("delivered", None))
        (entry,) = at_send(hub, lost)
        advance(hub, entry, "DELIVERING", "UNREACHABLE")
        settled(hub, lost_id, ("rejected", "send.unreachable"))
        eventually(papers, lambda found: "Attestazione di mancato recapito" in str(found), within_s=30)


def is_there(document):
    return document["state"] == "available"


def state_of(hub, item_id):
    (row,) = rows(hub, deliveries, message_id=item_id)
    return row


def events(hub, item_id):
    return [row["event"] for row in rows(hub, timeline, item_id=item_id)]


def test_a_refused_one_goes_out_corrected_under_the_same_number(hub):
    item = message(REFUSED, document(hub, REFUSED))
    item_id = published(hub, "messages", item)
    settled(hub, item_id, ("rejected", "send.refused.not_valid_address"))
    assert published(hub, "messages", item) == item_id
    assert len(outcomes(hub, item_id)) == 1, "the same version again is no correction"
    corrected = item | {"version": 2}
    assert published(hub, "messages", corrected) == item_id
    settled(hub, item_id, ("rejected", "send.refused.not_valid_address"), ("delivered", None))
    first, second = at_send(hub, item)
    assert first["pair"][0] == second["pair"][0]
    assert first["pair"][1] != second["pair"][1]
    assert published(hub, "messages", item | {"version": 3}) == item_id
    assert len(outcomes(hub, item_id)) == 2, "what was accepted is not notified again"


def test_what_was_accepted_is_cancelled_once_its_message_is_taken_back(hub):
    person = new_person()
    item = message(person, document(hub, person))
    item_id = published(hub, "messages", item)
    settled(hub, item_id, ("delivered", None))
    assert hub.withdraw(item_id).status_code == 201
    settled(hub, item_id, ("skipped", "item.withdrawn"))
    assert [entry["state"] for entry in at_send(hub, item)] == ["CANCELLED"]


def test_what_may_be_at_send_is_looked_up_and_cancelled(hub):
    person = new_person()
    item = message(person, document(hub, person))
    httpx.post(
        f"{hub.address}/_sim/faults",
        json=[{"kind": "cut"}, *[{"kind": "error", "status": 503, "on": "status"}] * 12],
        trust_env=False,
    )
    item_id = published(hub, "messages", item)
    assert eventually(lambda: at_send(hub, item), bool)
    assert hub.withdraw(item_id).status_code == 201
    settled(hub, item_id, ("skipped", "item.withdrawn"))
    assert [entry["state"] for entry in at_send(hub, item)] == ["CANCELLED"]


@pytest.mark.parametrize("what", ["unknown", "no file yet", "of another", "withdrawn", "not a document"])
def test_what_is_not_here_is_refused_with_its_place(hub, what):
    person, other = new_person(), new_person()
    name = fresh()
    match what:
        case "no file yet":
            published(hub, "documents", make_document(name, b"%PDF-1.7", **to(person), notify={"channels": []}))
        case "of another":
            name = document(hub, other)
        case "withdrawn":
            item = make_document(name, b"%PDF-1.7", **to(person), notify={"channels": []})
            item_id = published(hub, "documents", item)
            hub.upload(item_id, b"%PDF-1.7")
            hub.withdraw(item_id)
        case "not a document":
            published(hub, "payments", make_payment(name, **to(person), notice_number=notice_number()))
    answer = hub.publish("messages", message(person, document(hub, person), name))
    assert code(answer) == (422, "contract.violation")
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [
        ("/links/1/external_id", "link.document_missing")
    ]


def test_a_payment_that_is_not_here_is_refused_too(hub):
    person = new_person()
    answer = hub.publish("messages", message(person, document(hub, person), payments=[fresh()]))
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [
        ("/links/1/external_id", "link.payment_missing")
    ]


def test_a_document_that_is_gone_when_it_is_to_leave_is_no_notification(hub):
    person = new_person()
    content = b"%PDF-1.7 revocato"
    item = make_document(fresh(), content, **to(person), notify={"channels": []})
    document_id = published(hub, "documents", item)
    hub.upload(document_id, content)
    httpx.post(
        f"{hub.address}/_sim/faults", json=[{"kind": "throttle", "on": "preload"}], trust_env=False
    ).raise_for_status()
    wished = message(person, item["external_id"])
    item_id = published(hub, "messages", wished)
    eventually(lambda: state_of(hub, item_id)["attempts"], bool)
    hub.withdraw(document_id)
    settled(hub, item_id, ("rejected", "notice.document_gone"))
    assert at_send(hub, wished) == []


def test_following_without_a_stream_ends_with_the_notification(kind, tmp_path):
    with at_work(tmp_path, follow="poll", follow_every_s=0.05) as hub:
        person = new_person()
        item = message(person, document(hub, person))
        item_id = published(hub, "messages", item)
        settled(hub, item_id, ("waiting", None))
        (entry,) = eventually(lambda: [each for each in at_send(hub, item) if "iun" in each], bool)
        advance(hub, entry, "DELIVERING", "DELIVERED")
        settled(hub, item_id, ("delivered", None))
