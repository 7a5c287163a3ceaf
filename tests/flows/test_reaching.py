"""One message for each fact, and the channels by which it reaches the citizen: all, or the first that does."""

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from connectors.app_io.simulator import Io
from connectors.registry import simulate
from contracts.base import ROME
from hub.metrics import feed_only
from hub.store.tables import deliveries, item_identities, items
from tests.flows.making import (
    described_hub,
    fresh,
    mail_folder,
    make_document,
    make_subscription,
    new_person,
    notice_number,
    published,
    reminders_come,
    rows,
    to,
)
from tests.harness import eventually, make_message, make_payment, make_receipt

QUICK = {"timeout_s": 1.5, "retry_base_s": 0.05, "retry_cap_s": 0.1}
ON_IO = new_person()
IN_TURN = {"notify": {"channels": ["io", "email"], "mode": "first_that_reaches"}}


@contextmanager
def at_work(folder):
    """Only ON_IO is on IO; e-mails go into a folder."""
    io = simulate("app_io", folder / "io", status_polls=0, registered={ON_IO})
    assert isinstance(io, Io)
    try:
        connectors = {"io": ("app_io", dict(io.start()) | {"status_delay_s": 0.05}), **mail_folder(folder)}
        with described_hub(folder / "home", connectors=connectors, limits=QUICK) as running:
            yield running
    finally:
        io.stop()


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    with at_work(tmp_path_factory.mktemp("reaching")) as running:
        yield running


def messages_about(hub, *item_ids):
    return [row for item_id in item_ids for row in rows(hub, items, about_item_id=item_id, collection="messages")]


def told(hub, item_id):
    """The state of each delivery of a message, in the order in which they were begun, once all have come to rest."""

    def look():
        return [row for row in hub.deliveries() if row["message_id"] == item_id]

    found = eventually(look, lambda all_: all(row["state"] not in ("queued", "waiting") for row in all_))
    return [(row["channel"], row["state"]) for row in sorted(found, key=lambda row: row["delivery_id"])]


# --- first_that_reaches


@pytest.mark.req("S14", "S27")
def test_whoever_is_on_io_gets_no_email_besides(hub):
    item_id = published(hub, "messages", make_message(fresh(), **to(ON_IO), **IN_TURN))
    assert told(hub, item_id) == [("io", "delivered")]


@pytest.mark.req("S14", "S27")
def test_whoever_is_not_on_io_gets_an_email(hub):
    item_id = published(hub, "messages", make_message(fresh(), **to(new_person()), **IN_TURN))
    assert told(hub, item_id) == [("io", "skipped"), ("email", "delivered")]


def test_the_order_is_the_vendors(hub):
    turned = {"notify": {"channels": ["email", "io"], "mode": "first_that_reaches"}}
    item_id = published(hub, "messages", make_message(fresh(), **to(ON_IO), **turned))
    assert told(hub, item_id) == [("email", "delivered")]


def test_a_rule_tells_in_turn_too(hub):
    payment = make_payment(fresh(), **to(new_person()), **IN_TURN, notice_number=notice_number())
    (message,) = messages_about(hub, published(hub, "payments", payment))
    assert told(hub, message["item_id"]) == [("io", "skipped"), ("email", "delivered")]


@pytest.mark.req("S28")
@pytest.mark.parametrize("mode", ["all", "first_that_reaches"])
def test_what_reaches_nobody_stays_in_the_feed_and_is_counted_once(hub, mode):
    person, before = new_person(), feed_only._value.get()
    wish = {"notify": {"channels": ["io", "email"], "mode": mode}}
    item_id = published(hub, "messages", make_message(fresh(), **to(person, None), **wish, title="Solo qui"))
    assert sorted(told(hub, item_id)) == [("email", "skipped"), ("io", "skipped")]
    eventually(feed_only._value.get, lambda count: count == before + 1)
    assert [item["title"] for item in hub.read("/messages", person).json()["items"]] == ["Solo qui"]


def test_a_message_that_was_taken_back_falls_back_to_nothing(hub):
    later = datetime.now(UTC) + timedelta(hours=1)
    item = make_message(fresh(), **to(new_person()), **IN_TURN, visible_from=later.isoformat())
    item_id = published(hub, "messages", item)
    assert hub.withdraw(item_id).status_code == 201
    assert told(hub, item_id) == [("io", "skipped")]
    assert [row["reason"] for row in rows(hub, deliveries, message_id=item_id)] == ["item.withdrawn"]


# --- one message for each fact


@pytest.mark.req("S11", "S28")
@pytest.mark.parametrize("who", ["the same vendor", "another vendor"])
def test_a_notice_that_two_sources_publish_is_told_once(hub, who):
    person, number = new_person(), notice_number()
    vendor = hub.vendor if who == "the same vendor" else hub.other_vendor
    first = published(hub, "payments", make_payment(fresh(), **to(person), notice_number=number))
    second = published(hub, "payments", make_payment(fresh(), **to(person), notice_number=number), vendor=vendor)
    assert first != second
    assert [row["about_item_id"] for row in messages_about(hub, first, second)] == [first]
    assert len(hub.read("/messages", person).json()["items"]) == 1


@pytest.mark.req("S28")
def test_two_sources_in_one_batch_of_the_store_are_told_once(hub):
    """The second does not find the first in the database yet."""
    person, number = new_person(), notice_number()
    bodies = [
        {"collection": "payments", "item": make_payment(fresh(), **to(person), notice_number=number)} for _ in "ab"
    ]
    whole = json.dumps({"items": bodies}).encode()
    accepted = hub.client.post("/publish/v1/batches", content=whole, headers=hub.signed(whole))
    assert accepted.status_code == 202, accepted.text
    for body in bodies:
        eventually(lambda name=body["item"]["external_id"]: rows(hub, item_identities, external_id=name), bool)
    assert len(hub.read("/payments", person).json()["items"]) == 1
    assert len(hub.read("/messages", person).json()["items"]) == 1


@pytest.mark.req("S28")
def test_one_notice_of_two_citizens_is_told_to_both(hub):
    number, people = notice_number(), [new_person(), new_person()]
    for person in people:
        published(hub, "payments", make_payment(fresh(), **to(person), notice_number=number))
    for person in people:
        assert len(hub.read("/messages", person).json()["items"]) == 1


@pytest.mark.req("S28")
def test_a_reminder_of_a_notice_that_two_sources_publish_comes_once(hub):
    """Due tomorrow where the citizen lives: what is due today would be reminded of at an hour of its own."""
    person, number = new_person(), notice_number()
    tomorrow = (datetime.now(ROME).date() + timedelta(days=1)).isoformat()
    for _ in "ab":
        published(hub, "payments", make_payment(fresh(), **to(person), notice_number=number, due_date=tomorrow))
    both = rows(hub, items, collection="payments", notice_key=_key(hub, number))
    reminders_come(hub, *(row["item_id"] for row in both))
    hub.hub.after_sweep()
    titles = sorted(item["title"] for item in hub.read("/messages", person).json()["items"])
    assert [title.split(":")[0].split(" ")[0] for title in titles] == ["Avviso", "Scade"]


def _key(hub, number):
    return hub.home.vault.keyed_hash("notice", f"00488410010\0{number}")


@pytest.mark.req("S27", "S28", "S56", "S57", "S58")
def test_every_fact_gives_exactly_one_message_and_repeating_it_none(hub):
    person, number = new_person(), notice_number()
    paid = {"creditor_tax_code": "00488410010", "notice_number": number}
    facts = [
        ("payments", make_payment(fresh(), **to(person), notice_number=number)),
        ("receipts", make_receipt(fresh(), **to(person), payment=paid)),
        ("documents", make_document(fresh(), **to(person))),
        ("subscriptions", make_subscription(fresh(), **to(person))),
        ("messages", make_message(fresh(), **to(person))),
    ]
    for collection, item in facts:
        for _ in range(2):
            published(hub, collection, item)
        published(hub, collection, item | {"version": 2, "summary": "Con un dettaglio in più"})
        published(hub, collection, item)  # an old version, late
    shown = hub.read("/messages?limit=100", person).json()["items"]
    assert len(shown) == len(facts)
    of_person = {row["item_id"] for row in shown}
    sent = [(row["message_id"], row["channel"]) for row in hub.deliveries() if row["message_id"] in of_person]
    assert len(set(sent)) == len(sent)
