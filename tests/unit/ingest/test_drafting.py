"""From an item to its draft: state, turn, due time, notice, and the deliveries of the message."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hub.ingest.canonical import parse, read
from hub.ingest.drafting import draft_of, uploaded_draft
from hub.ingest.rules import standard
from hub.registry import Vendor
from hub.store.drafts import PlannedDelivery
from tests.flows.making import MAKERS, make_document
from tests.harness import make_message

VENDOR = Vendor("c_h501", "acme", "Acme", "jwk", True, (), "acme")
PLANNED = PlannedDelivery("io", "io", timedelta(days=3))


class Routes:
    """A route that remembers what it was asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, ente_id, channels, has_email, kind):
        self.asked.append((ente_id, channels, has_email, kind))
        return (PLANNED,)


def keyed_hash(purpose, value):
    return hashlib.sha256(f"{purpose}|{value}".encode()).hexdigest()


def draft(collection, *, route=None, uploaded=False, **fields):
    item = parse(collection, json.dumps(MAKERS[collection]("item-1") | fields).encode())
    make = uploaded_draft if uploaded else draft_of
    return make(item, VENDOR, route=route or Routes(), keyed_hash=keyed_hash, rules=standard())


@pytest.mark.parametrize(
    ("collection", "fields", "state", "turn"),
    [
        ("messages", {}, "published", "none"),
        ("messages", {"requires_confirmation": True}, "published", "citizen"),
        ("messages", {"kind": "integration_request"}, "published", "citizen"),
        ("payments", {}, "due", "citizen"),
        ("payments", {"state": "started"}, "started", "citizen"),
        ("payments", {"state": "overdue"}, "overdue", "citizen"),
        ("payments", {"state": "paid"}, "paid", "none"),
        ("payments", {"state": "cancelled"}, "cancelled", "none"),
        ("receipts", {}, "available", "none"),
        ("documents", {}, "available", "none"),
        ("documents", make_document("x", b"x"), "announced", "none"),
        ("documents", make_document("x", b"x", content_url="https://x.it"), "available", "none"),
        ("documents", make_document("x", b"x", state="revoked"), "revoked", "none"),
        ("services", {}, "published", "body"),
    ],
)
def test_the_state_and_whose_turn_it_is_follow_from_the_item(collection, fields, state, turn):
    made = draft(collection, **fields)
    assert (made.state, made.turn) == (state, turn)


@pytest.mark.parametrize(
    ("date", "due"),
    [
        ("2026-12-16", datetime(2026, 12, 16, 23, 0, tzinfo=UTC)),
        ("2026-07-16", datetime(2026, 7, 16, 22, 0, tzinfo=UTC)),
        ("2026-03-28", datetime(2026, 3, 28, 23, 0, tzinfo=UTC)),
        ("2026-03-29", datetime(2026, 3, 29, 22, 0, tzinfo=UTC)),
        (None, None),
    ],
)
def test_a_due_date_ends_at_midnight_in_italy(date, due):
    assert draft("payments", due_date=date).due_at == due


@pytest.mark.parametrize(
    ("collection", "fields", "kind"),
    [
        ("payments", {}, "payment_notice"),
        ("payments", {"state": "overdue"}, "payment_notice"),
        ("documents", {}, "document_issued"),
        ("receipts", {}, "info"),
    ],
)
def test_a_fact_to_tell_gives_one_message_of_its_kind(collection, fields, kind):
    message = read(draft(collection, **fields).told.message.payload)
    assert (message.kind, message.source, message.recipient.tax_code) == (kind, "hub", "RSSMRA80A01H501U")


@pytest.mark.parametrize(
    ("collection", "fields"),
    [
        ("messages", {}),
        ("services", {}),
        ("payments", {"state": "creating"}),
        ("payments", {"state": "paid"}),
        ("documents", make_document("x", b"x")),
        ("documents", make_document("x", b"x", state="superseded")),
    ],
)
def test_nothing_to_tell_gives_no_message(collection, fields):
    assert draft(collection, **fields).told is None


def test_the_message_of_a_document_is_there_once_its_file_is():
    made = draft("documents", uploaded=True, **make_document("x", b"x"))
    assert (made.state, made.told.deliveries) == ("available", (PLANNED,))


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({}, [("c_h501", ("io", "email"), False, "info")]),
        ({"notify": {"channels": ["email"]}}, [("c_h501", ("email",), False, "info")]),
        ({"notify": {"channels": []}}, []),
        ({"kind": "alert"}, [("c_h501", ("io", "email"), False, "info")]),
        ({"kind": "broadcast"}, [("c_h501", ("io", "email"), False, "broadcast")]),
        (
            {"recipient": {"tax_code": "RSSMRA80A01H501U", "email": "a@b.it"}},
            [("c_h501", ("io", "email"), True, "info")],
        ),
    ],
)
def test_the_channels_asked_for_are_the_vendors_wish(fields, asked):
    routes = Routes()
    draft("messages", route=routes, **fields)
    assert routes.asked == asked


def test_an_alert_is_urgent_where_its_vendor_may_raise_one():
    routes = Routes()
    item = parse("messages", json.dumps(make_message(kind="alert")).encode())
    draft_of(item, replace(VENDOR, rights=frozenset({"alerts"})), route=routes, keyed_hash=keyed_hash, rules=standard())
    assert routes.asked == [("c_h501", ("io", "email"), False, "alert")]


def test_an_item_that_tells_nothing_asks_for_no_channel():
    routes = Routes()
    draft("payments", route=routes, state="paid")
    assert routes.asked == []


def test_payment_and_receipt_of_one_notice_have_the_same_key_and_it_shows_nothing():
    payment, receipt = draft("payments"), draft("receipts")
    assert payment.notice_key == receipt.notice_key
    assert "301000000000000012" not in payment.notice_key


def test_the_vendors_own_words_take_the_place_of_ours():
    words = {"subject": "La nostra tassa", "body": "Gentile contribuente"}
    message = read(draft("payments", notify=words).told.message.payload)
    assert (message.title, message.body_markdown) == ("La nostra tassa", "Gentile contribuente")


@pytest.mark.parametrize(("language", "start"), [("it", "Avviso"), ("en", "Payment"), ("de", "Avviso")])
def test_the_message_is_in_the_items_language_or_italian(language, start):
    message = read(draft("payments", language=language).told.message.payload)
    assert message.title.startswith(start)


def test_the_longest_title_still_fits_into_the_messages():
    message = read(draft("payments", title="x" * 200).told.message.payload)
    assert len(message.title) == 200
    assert message.title.endswith("…")


def test_a_title_is_not_read_as_markdown_nor_as_a_template():
    message = read(draft("payments", title="[x](https://evil.example) {summary}").told.message.payload)
    assert "[x](" not in message.body_markdown
    assert "\\[x\\]" in message.body_markdown


def test_a_payment_with_a_page_to_pay_offers_it():
    message = read(draft("payments", pay_url="https://paga.example.it").told.message.payload)
    assert [(a.kind, a.url, a.primary) for a in message.actions] == [("pay", "https://paga.example.it", True)]
