"""What a connector is told, and of what it is not told any more; from real items, sealed and opened."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import update

from contracts.failures import Skipped
from hub.dispatch.notices import Notices
from hub.ingest.canonical import parse
from hub.ingest.drafting import draft_of
from hub.ingest.rules import standard
from hub.store.directory import load_registry
from hub.store.drafts import PlannedDelivery
from hub.store.outbox import Due, claim
from hub.store.tables import items
from tests.flows.making import MAKERS
from tests.unit.store.making import START, make_vendor

PLANNED = PlannedDelivery("io", "io", timedelta(days=90))
PAY = {"kind": "pay", "label": "Paga", "url": "https://paga.example.it"}


def published(store, collection, **fields):
    """An item as ingest drafts it, with one delivery by `io`."""
    store.connector()
    item = parse(collection, json.dumps(MAKERS[collection]("item-1") | fields).encode())
    draft = draft_of(
        item, make_vendor(), route=lambda *_: (PLANNED,), keyed_hash=store.vault.keyed_hash, rules=standard()
    )
    store.publish(draft)


def _link(ente_id, message_id, number):
    return f"https://hub.example.it/{number}"


def notice(store):
    with store.database.read() as connection:
        registry = load_registry(connection)
    notices = Notices(
        store.database,
        store.vault,
        store.citizens,
        lambda: registry,
        lambda *_: "https://x.example.it",
        _link,
        lambda *_: None,
    )
    (claimed,) = store.run(claim, Due(1, timedelta(minutes=1)))[0]
    return notices.of(claimed)


@pytest.mark.parametrize("withdrawn", ["payments", "messages"])
def test_the_notice_of_what_was_withdrawn_is_not_sent(store, withdrawn):
    """The message that a rule made was looked at alone, not what it tells about."""
    published(store, "payments")
    with store.database.write() as tx:
        tx.connection.execute(update(items).where(items.c.collection == withdrawn).values(lifecycle="withdrawn"))
    with pytest.raises(Skipped, match=r"item\.withdrawn"):
        notice(store)


@pytest.mark.parametrize(("days", "offered"), [((5, 20), True), ((-5, 5), False), ((-5, 20), True), ((20, 30), False)])
def test_the_action_of_a_message_for_later_is_the_one_open_when_it_leaves(store, days, offered):
    """It was the one open at the publication: a link that had closed by then, or none."""
    begin, end = (START + timedelta(days=count) for count in days)
    action = PAY | {"valid_from": begin.isoformat(), "valid_to": end.isoformat()}
    later = START + timedelta(days=10)
    published(store, "messages", visible_from=later.isoformat(), actions=[action])
    store.clock.moment = later + timedelta(days=15)
    assert (notice(store).action is not None) is offered


def test_a_notice_names_the_application_that_it_is_about_or_links_to(store):
    link = {"rel": "application", "external_id": "pratica-7"}
    published(store, "messages", links=[{"rel": "about", "external_id": "altro"}, link])
    assert notice(store).application == "pratica-7"


def test_a_notice_of_an_application_names_it(store):
    published(store, "applications")
    assert notice(store).application == "item-1"


def test_a_notice_of_anything_else_names_no_application(store):
    published(store, "payments")
    assert notice(store).application is None
