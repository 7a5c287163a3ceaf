"""A legal notification beyond its delivery, in the store: what it encloses, its correction, its recall."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from contracts.inbound import Report
from hub.errors import ContractViolation
from hub.store.amendments import Withdraw, Withdrawn
from hub.store.drafts import Enclosure, Identity, PlannedDelivery, Published
from hub.store.intake import Submission
from hub.store.outbox import Settlement, settle
from hub.store.reports import Told, note_reports
from hub.store.tables import deliveries, items
from tests.unit.store.making import ENTE, make_draft, only, take

SENT = PlannedDelivery("send", "send", timedelta(days=7))
DOCUMENT = Identity(ENTE, "acme", "tributi", "d-1", "documents")
NOTIFIED = make_draft(deliveries=(SENT,), encloses=(Enclosure("/links/0/external_id", DOCUMENT),))


def document(store, tax_code="RSSMRA80A01H501U"):
    store.publish(make_draft("d-1", identity=DOCUMENT, tax_code=tax_code, state="available", deliveries=()))
    change(store, items, items.c.collection == "documents", content_key="k", content_sha256="0" * 64)


def change(store, table, where, **values):
    with store.database.write() as tx:
        tx.connection.execute(update(table).where(where).values(**values))


def publish(store, **changes):
    return store.publish(replace(NOTIFIED, **changes))[0]


@pytest.fixture
def notified(store):
    """One message whose notification is due."""
    store.connector("send")
    document(store)
    assert isinstance(publish(store), Published)
    return store


def settled(store, state, outcome="done", **more):
    (claimed,) = take(store)
    return store.write(settle, Settlement(claimed, state, outcome, **more))


def withdraw(store):
    (item_id,) = [row["item_id"] for row in store.rows(items) if row["collection"] == "messages"]
    answer = store.run(store.intake.record, Submission(store.signed(), act=Withdraw(item_id, "errore")))[0]
    assert isinstance(answer, Withdrawn)


@pytest.mark.parametrize(
    "values", [{"lifecycle": "withdrawn"}, {"state": "superseded"}, {"state": "announced"}, {"content_key": None}]
)
def test_what_cannot_be_enclosed_is_refused_and_changes_nothing(store, values):
    store.connector("send")
    document(store)
    change(store, items, items.c.collection == "documents", **values)
    refused = publish(store)
    assert isinstance(refused, ContractViolation)
    assert [(fault.pointer, fault.code) for fault in refused.faults] == [
        ("/links/0/external_id", "link.document_missing")
    ]
    assert store.deliveries() == []


def test_what_is_another_citizens_is_as_if_it_were_not_there(store):
    document(store, tax_code="BNCLRA85C41F205P")
    other, missing = (
        publish(store),
        publish(store, encloses=(Enclosure("/links/0/external_id", DOCUMENT._replace(external_id="x")),)),
    )
    assert (other.faults, other.detail) == (missing.faults, missing.detail)


def test_what_was_published_stays_good_when_its_document_has_gone(notified):
    change(notified, items, items.c.collection == "documents", lifecycle="withdrawn")
    assert publish(notified).outcome == "unchanged"
    assert isinstance(publish(notified, version=2, content_hash="1" * 64), ContractViolation)


@pytest.mark.parametrize(
    ("state", "provider_id", "begun"),
    [
        ("rejected", None, True),
        ("expired", None, True),
        ("rejected", "IUN", False),
        ("delivered", "IUN", False),
        ("unconfirmed", None, False),
        ("skipped", None, False),
        ("closed", None, False),
        ("waiting", None, False),
        ("queued", None, False),
        ("held", None, False),
    ],
)
def test_a_newer_version_is_notified_where_none_before_it_was_accepted(notified, state, provider_id, begun):
    change(notified, deliveries, deliveries.c.channel == "send", state=state, provider_id=provider_id)
    first = only(notified)
    assert publish(notified).outcome == "unchanged"
    assert len(notified.deliveries()) == 1
    assert publish(notified, version=2, content_hash="1" * 64).outcome == "updated"
    more = [row for row in notified.deliveries() if row["delivery_id"] != first["delivery_id"]]
    assert [(row["state"], row["channel"], row["memo"]) for row in more] == ([("queued", "send", {})] if begun else [])


@pytest.mark.parametrize("event", ["delivered", "failed"])
def test_what_its_provider_tells_meanwhile_does_not_end_a_recall(notified, event):
    change(notified, deliveries, deliveries.c.channel == "send", state="delivered", provider_id="IUN")
    withdraw(notified)
    notified.write(note_reports, Told(ENTE, "send", Report(event, notified.clock.now(), provider_id="IUN")))
    assert only(notified)["state"] == "waiting"


@pytest.mark.parametrize(
    ("state", "ends"),
    [("delivered", "waiting"), ("waiting", "waiting"), ("queued", "skipped"), ("held", "skipped"), ("rejected", None)],
)
def test_what_was_accepted_is_taken_up_once_more_when_it_is_taken_back(notified, state, ends):
    memo = {"step": "status"}
    change(notified, deliveries, deliveries.c.channel == "send", state=state, memo=memo)
    notified.clock.pass_by(days=20)
    withdraw(notified)
    row = only(notified)
    assert (row["state"], row["memo"]) == (ends or state, memo)
    if ends == "waiting":
        assert row["due_at"] == notified.clock.now()
        assert row["expires_at"] > notified.clock.now() + timedelta(days=7)


@pytest.mark.parametrize("state", ["queued", "held"])
def test_what_the_provider_may_have_is_not_given_up(notified, state):
    change(notified, deliveries, deliveries.c.channel == "send", state=state, maybe_sent=True)
    withdraw(notified)
    assert only(notified)["state"] == state


@pytest.mark.parametrize(("state", "outcome"), [("held", "misconfigured"), ("unconfirmed", "deferred")])
def test_what_the_provider_has_is_not_forgotten_when_its_question_fails(notified, state, outcome):
    """Resumed it would be a thing that was never sent: skipped when taken back, expired and notified a second time."""
    assert settled(notified, "waiting", "continue", due_at=notified.clock.now(), memo={"step": "status"})
    assert settled(notified, state, outcome, reason="send.unauthorized")
    assert only(notified)["maybe_sent"] is True
    withdraw(notified)
    assert only(notified)["state"] == state


def test_other_channels_are_not_recalled(store):
    store.connector()
    store.publish(make_draft())
    settled(store, "delivered")
    withdraw(store)
    assert only(store)["state"] == "delivered"


def test_one_taken_back_while_it_is_delivered_goes_on_to_its_cancellation(notified):
    (claimed,) = take(notified)
    withdraw(notified)
    assert notified.write(settle, Settlement(claimed, "delivered", "done", provider_id="IUN"))
    row = only(notified)
    assert (row["state"], row["provider_id"], row["claim_id"]) == ("waiting", "IUN", None)
    # The connector was told, and the provider would not: that is the end.
    assert settled(notified, "delivered", recalled=True)
    assert only(notified)["state"] == "delivered"
    assert take(notified) == []
