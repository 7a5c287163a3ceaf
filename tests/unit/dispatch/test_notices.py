"""What a connector is told, and of what it is not told any more; from real items, sealed and opened."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from contracts.failures import Skipped
from hub.cli.revealing import revealed
from hub.dispatch.enclosures import Enclosures
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


def published(store, collection, channel="io", **fields):
    """An item as ingest drafts it, with one delivery by `channel`."""
    store.connector(channel)
    planned = replace(PLANNED, channel=channel, connector_id=channel)
    item = parse(collection, json.dumps(MAKERS[collection]("item-1") | fields).encode())
    draft = draft_of(
        item, make_vendor(), route=lambda *_: (planned,), keyed_hash=store.vault.keyed_hash, rules=standard()
    )
    store.publish(draft)


def _link(ente_id, message_id, number):
    return f"https://hub.example.it/{number}"


def notices_of(store):
    with store.database.read() as connection:
        registry = load_registry(connection)
    enclosures = Enclosures(store.vault, lambda *_: b"%PDF")
    return Notices(
        store.database,
        store.vault,
        store.citizens,
        lambda: registry,
        lambda *_: "https://x.example.it",
        _link,
        lambda *_: None,
        enclosures,
        lambda *_: "production",
    )


def notice(store):
    (claimed,) = store.run(claim, Due(1, timedelta(minutes=1)))[0]
    return notices_of(store).of(claimed)


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


ADDRESSED = {"recipient": {"tax_code": "RSSMRA80A01H501U", "email": "Mario@example.it"}}


def test_an_e_mail_leads_through_the_hub_and_can_be_switched_off(store):
    action = PAY | {"url": "https://fornitore.example.it/?chi=mario"}
    published(store, "messages", "email", kind="info", actions=[PAY, action | {"primary": True}], **ADDRESSED)
    told = notice(store)
    assert (told.email, told.deep_link) == ("Mario@example.it", "https://hub.example.it/0")
    assert (told.action.url, told.unsubscribe_url) == ("https://hub.example.it/2", "https://x.example.it")


def test_what_is_always_told_cannot_be_switched_off(store):
    published(store, "messages", "email", kind="outcome", **ADDRESSED)
    assert notice(store).unsubscribe_url is None


def test_an_e_mail_without_an_address_is_skipped(store):
    published(store, "messages", "email", recipient={"tax_code": "RSSMRA80A01H501U"})
    with pytest.raises(Skipped, match=r"email\.no_address"):
        notice(store)


@pytest.mark.parametrize("channel", ["io", "opencity"])
def test_other_channels_have_the_vendors_own_action_and_the_portals_address(store, channel):
    published(store, "messages", channel, kind="info", actions=[PAY], **ADDRESSED)
    told = notice(store)
    assert (told.action.url, told.unsubscribe_url, told.unreached) == (PAY["url"], None, ())
    assert told.deep_link.endswith(store.rows(items)[0]["item_id"])


def test_what_is_restricted_is_not_revealed(store):
    """`delivery show --reveal` ended as a bug of raccordo."""
    published(store, "messages", **ADDRESSED)
    (row,) = store.deliveries()
    assert revealed(notices_of(store), row)["email"] == "Mario@example.it"
    with store.database.write() as tx:
        tx.connection.execute(update(items).values(lifecycle="restricted"))
    assert revealed(notices_of(store), row) == {}
