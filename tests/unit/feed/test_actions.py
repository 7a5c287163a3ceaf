"""Whether an action can still be done: the same behind every door (S13)."""

import json
from datetime import UTC, datetime

import pytest

from contracts.items import COLLECTIONS
from contracts.states import MACHINES
from hub.feed.actions import ANY, FATES, action_views
from hub.ingest.canonical import parse
from tests.flows.making import MAKERS

NOW = datetime(2026, 11, 26, tzinfo=UTC)
BEFORE, AFTER = "2026-11-25T00:00:00Z", "2026-11-27T00:00:00Z"


def action(kind, **window):
    return {"kind": kind, "label": "Fai", "url": "https://servizi.example.it/x"} | window


def columns(collection, state, **fields):
    made = {"collection": collection, "state": state, "item_id": "i", "lifecycle": "active", "about_item_id": None}
    return made | {"expires_at": None, "confirmed_at": None} | fields


def states(collection, state, *, linked=(), content=None, **fields):
    item = parse(collection, json.dumps(MAKERS[collection]("a") | (content or {})).encode())
    return [view["state"] for view in action_views(columns(collection, state, **fields), item, linked, NOW)]


@pytest.mark.req("S13")
@pytest.mark.parametrize(
    ("collection", "kind", "state", "expected"),
    [
        ("payments", "pay", "due", "open"),
        ("payments", "pay", "overdue", "open"),
        ("payments", "pay", "paid", "done"),
        ("payments", "pay", "paid_elsewhere", "done"),
        ("payments", "pay", "expired", "expired"),
        ("payments", "pay", "cancelled", "void"),
        ("applications", "complete", "draft", "open"),
        ("applications", "complete", "submitted", "done"),
        ("applications", "complete", "expired", "expired"),
        ("applications", "complete", "withdrawn", "void"),
        ("applications", "integrate", "submitted", "upcoming"),
        ("applications", "integrate", "integration_requested", "open"),
        ("applications", "integrate", "in_progress", "done"),
        ("applications", "integrate", "withdrawn", "void"),
        ("applications", "sign", "completed", "done"),
        ("applications", "pay", "awaiting_payment", "open"),
        ("applications", "pay", "submitted", "done"),
        ("subscriptions", "renew", "active", "upcoming"),
        ("subscriptions", "renew", "renewal_due", "open"),
        ("subscriptions", "renew", "renewed", "done"),
        ("subscriptions", "renew", "ended", "expired"),
        ("documents", "download", "available", "open"),
        ("documents", "download", "revoked", "void"),
        ("deadlines", "pay", "met", "done"),
        ("deadlines", "pay", "missed", "expired"),
        ("messages", "inform", "published", "open"),
    ],
)
def test_an_action_follows_the_state_of_its_item(collection, kind, state, expected):
    assert states(collection, state, content={"actions": [action(kind)]}) == [expected]


@pytest.mark.req("S13")
@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({"valid_to": BEFORE}, "expired"),
        ({"valid_to": AFTER}, "open"),
        ({"valid_from": AFTER}, "upcoming"),
        ({"valid_from": BEFORE}, "open"),
    ],
)
def test_an_action_has_its_window(window, expected):
    assert states("payments", "due", content={"actions": [action("pay", **window)]}) == [expected]


def test_what_was_done_stays_done_when_its_window_is_over():
    assert states("payments", "paid", content={"actions": [action("pay", valid_to=BEFORE)]}) == ["done"]


def test_what_has_expired_or_was_withdrawn_is_over():
    content = {"actions": [action("inform")]}
    assert states("messages", "published", content=content, expires_at=NOW) == ["expired"]
    assert states("messages", "published", content=content, lifecycle="withdrawn") == ["void"]


@pytest.mark.req("S13", "S29")
def test_an_integration_is_possible_until_it_is_due():
    for due, expected in ((BEFORE, "expired"), (AFTER, "open")):
        asked = {"requested_at": "2026-11-01T00:00:00Z", "due_at": due, "reason": "ISEE"}
        content = {"state": "integration_requested", "integration": asked}
        assert states("applications", "integration_requested", content=content) == [expected]


@pytest.mark.req("S13")
@pytest.mark.parametrize(("state", "expected"), [("due", "open"), ("paid_elsewhere", "done"), ("cancelled", "void")])
def test_the_message_about_an_item_says_what_the_item_says(state, expected):
    about = [("about", columns("payments", state, item_id="p"))]
    content = {"actions": [action("pay")]}
    assert states("messages", "published", content=content, about_item_id="p", linked=about) == [expected]
    assert states("messages", "published", content=content, about_item_id="p") == ["void"]


@pytest.mark.req("S13")
@pytest.mark.parametrize(("state", "expected"), [("due", "open"), ("paid", "done"), ("expired", "expired")])
def test_what_asks_for_a_payment_is_done_when_that_is_paid(state, expected):
    tied = [("payment", columns("payments", state, item_id="p"))]
    assert states("messages", "published", content={"actions": [action("pay")]}, linked=tied) == [expected]


def test_a_confirmed_message_needs_no_confirmation():
    content = {"actions": [action("confirm")]}
    assert states("messages", "published", content=content) == ["open"]
    assert states("messages", "published", content=content, confirmed_at=NOW) == ["done"]


@pytest.mark.req("S12")
@pytest.mark.parametrize(
    ("collection", "content", "expected"),
    [
        ("payments", {"pay_url": "https://paga.example.it/1"}, [("pay", "Paga ora")]),
        ("payments", {"pay_url": "https://paga.example.it/1", "language": "en"}, [("pay", "Pay now")]),
        ("applications", {"state": "draft"}, [("complete", "Riprendi la domanda")]),
        ("messages", {}, []),
    ],
)
def test_what_an_item_asks_for_without_naming_it_is_an_action_too(collection, content, expected):
    item = parse(collection, json.dumps(MAKERS[collection]("a") | content).encode())
    views = action_views(columns(collection, content.get("state", "due")), item, (), NOW)
    assert [(view["kind"], view["label"]) for view in views] == expected


def test_every_state_that_is_named_exists():
    assert FATES.keys() == COLLECTIONS.keys() - {"services"}
    for collection, kinds in FATES.items():
        assert ANY in kinds
        known = MACHINES[collection].ways.keys() if collection in MACHINES else {"published", "available"}
        assert {state for named in kinds.values() for state in named} <= set(known)
