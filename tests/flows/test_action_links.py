"""The links of e-mails: what they hold, where they lead, and what they say where nothing is left to be done."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from hub.store.tables import deliveries, items
from tests.flows.making import (
    described_hub,
    fresh,
    mail_folder,
    make_application,
    make_document,
    make_subscription,
    notice_number,
    published,
    rows,
    to,
)
from tests.harness import BASE, make_message, make_payment, make_receipt

PORTAL = "https://servizi.comune.example.it"
PAY_URL = "https://paga.example.it/avviso?cf=RSSMRA80A01H501U"


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("links")
    with described_hub(folder / "home", connectors=mail_folder(folder)) as running:
        running.box = folder / "box"
        yield running


def by_email(person):
    return to(person) | {"notify": {"channels": ["email"]}}


def links(hub, item_id, number=0):
    """The links of the messages about an item."""
    about = {row["item_id"] for row in rows(hub, items, about_item_id=item_id, collection="messages")} or {item_id}
    made = (hub.hub.actions.links.make("c_h501", message, number) for message in sorted(about))
    return [url.removeprefix(BASE) for url in made]


def follow(hub, url):
    return hub.client.get(url, follow_redirects=False)


def pay(hub, person, **fields):
    payment = make_payment(
        fresh(), **by_email(person), pay_url=PAY_URL, **({"notice_number": notice_number()} | fields)
    )
    return payment, published(hub, "payments", payment)


@pytest.mark.req("S4", "S12")
def test_a_link_leads_to_the_item_at_the_portal_which_asks_for_a_login(hub, person):
    _, item_id = pay(hub, person)
    (whole,), (action,) = links(hub, item_id), links(hub, item_id, 1)
    led = follow(hub, whole)
    assert (led.status_code, led.headers["Location"]) == (303, f"{PORTAL}/items/{item_id}")
    assert follow(hub, action).headers["Location"] == f"{PORTAL}/items/{item_id}?action=pay"
    assert led.headers["Referrer-Policy"] == "no-referrer"
    assert led.headers["Cache-Control"] == "no-store"


@pytest.mark.req("S4", "S12", "S60")
def test_the_links_of_an_email_are_the_hubs_own_and_name_nobody(hub, person):
    _, item_id = pay(hub, person)
    (message,) = rows(hub, items, about_item_id=item_id, collection="messages")
    hub.settled()
    (delivery,) = rows(hub, deliveries, message_id=message["item_id"])
    sent = json.loads((hub.box / f"{delivery['delivery_id']}.json").read_text())
    wanted = [*links(hub, item_id), *links(hub, item_id, 1)]
    assert [sent["deep_link"], sent["action"]["url"]] == [BASE + path for path in wanted]
    assert PAY_URL not in json.dumps(sent)
    assert not any(each in link for link in wanted for each in (person, item_id, message["citizen_id"]))


DONE, GONE = (200, "Già fatto"), (410, "Non è più necessario")
LATE = (410, "Collegamento scaduto")


def said(hub, url):
    """The status, and what the page is headed."""
    page = follow(hub, url)
    heading = re.search(r"<h1>(.*)</h1>", page.text)
    return page.status_code, heading[1] if heading else page.headers.get("Location")


@pytest.mark.req("S12", "S13")
@pytest.mark.parametrize(
    ("state", "expected"),
    [("paid", DONE), ("paid_elsewhere", DONE), ("refunded", DONE), ("cancelled", GONE), ("expired", LATE)],
)
def test_a_payment_that_is_over_is_not_asked_for_again(hub, person, state, expected):
    payment, item_id = pay(hub, person)
    asking = (*links(hub, item_id), *links(hub, item_id, 1))
    published(hub, "payments", payment | {"version": 2, "state": state})
    for url in asking:
        assert said(hub, url) == expected


@pytest.mark.req("S13")
def test_it_is_done_whichever_door_it_was_done_through(hub, person):
    payment, item_id = pay(hub, person)
    paid = {name: payment[name] for name in ("creditor_tax_code", "notice_number")}
    published(hub, "receipts", make_receipt(fresh(), **by_email(person), payment=paid))
    assert said(hub, links(hub, item_id)[0]) == DONE


@pytest.mark.req("S13")
def test_what_was_taken_back_is_void(hub, person):
    _, item_id = pay(hub, person)
    hub.withdraw(item_id)
    assert said(hub, links(hub, item_id)[0]) == GONE


@pytest.mark.req("S12")
def test_an_action_whose_time_has_passed_is_expired_and_the_item_is_not(hub, person):
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    action = {"kind": "book", "label": "Prenota", "url": "https://x.example.it/", "valid_to": past}
    item_id = published(hub, "messages", make_message(fresh(), **by_email(person), actions=[action]))
    assert said(hub, links(hub, item_id, 1)[0]) == LATE
    assert follow(hub, links(hub, item_id)[0]).status_code == 303


@pytest.mark.req("S12")
def test_an_old_link_is_expired(hub, person):
    _, item_id = pay(hub, person)
    (url,) = links(hub, item_id)
    with hub.home.database.write() as tx:
        long_ago = tx.now - timedelta(days=400)
        tx.connection.execute(update(items).where(items.c.about_item_id == item_id).values(received_at=long_ago))
    assert said(hub, url) == LATE


@pytest.mark.req("S13", "S29")
def test_an_integration_that_was_given_is_done_and_news_can_always_be_read(hub, person):
    asked = {"integration": {"requested_at": "2026-11-24T09:00:00Z", "reason": "ISEE"}}
    item = make_application(fresh(), **by_email(person), state="integration_requested", **asked)
    item_id = published(hub, "applications", item)
    (url,) = links(hub, item_id)
    assert follow(hub, url).status_code == 303
    published(hub, "applications", item | {"version": 2, "state": "integration_submitted"})
    request, news = links(hub, item_id)
    assert said(hub, request) == DONE
    assert follow(hub, news).status_code == 303
    published(hub, "applications", item | {"version": 3, "state": "withdrawn"})
    assert said(hub, request) == GONE


@pytest.mark.parametrize(("state", "expected"), [("renewed", DONE), ("ended", LATE), ("cancelled", GONE)])
def test_a_renewal_that_is_no_longer_to_be_made(hub, person, state, expected):
    item = make_subscription(fresh(), **by_email(person), state="renewal_due", valid_to="2099-01-31")
    item_id = published(hub, "subscriptions", item)
    (url,) = links(hub, item_id)
    assert follow(hub, url).status_code == 303
    published(hub, "subscriptions", item | {"version": 2, "state": state})
    assert said(hub, url) == expected


def test_a_document_can_be_looked_at_whatever_became_of_it(hub, person):
    item = make_document(fresh(), **by_email(person))
    item_id = published(hub, "documents", item)
    published(hub, "documents", item | {"version": 2, "state": "revoked"})
    assert follow(hub, links(hub, item_id)[0]).status_code == 303


@pytest.mark.req("S60")
def test_the_page_says_nothing_of_the_citizen_or_the_item(hub, person):
    payment, item_id = pay(hub, person, title="Segreto")
    published(hub, "payments", payment | {"version": 2, "state": "paid"})
    page = follow(hub, links(hub, item_id)[0])
    assert not any(each in page.text for each in ("Segreto", person, "qualcuno@", "125"))
    assert '<html lang="it">' in page.text
    assert '<p lang="en">' in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    "spoil", [lambda t: t[:-3] + "AAA", lambda _: "x", lambda t: t + "é", lambda t: t[:20], lambda _: "A" * 44]
)
def test_a_link_that_is_not_ours_is_a_page_too(hub, person, spoil):
    _, item_id = pay(hub, person)
    start, _, token = links(hub, item_id)[0].rpartition("/")
    assert said(hub, f"{start}/{spoil(token)}") == (404, "Collegamento non valido")


def test_the_number_in_a_link_cannot_be_changed(hub, person):
    """A link to an action is no key to another one."""
    _, item_id = pay(hub, person)
    start, _, token = links(hub, item_id)[0].rpartition("/")
    raw = bytearray(base64.urlsafe_b64decode(token))
    raw[16] = 1
    assert said(hub, f"{start}/{base64.urlsafe_b64encode(raw).decode()}")[0] == 404


@pytest.mark.req("S60")
def test_no_link_is_written_to_the_log(hub, person, caplog):
    _, item_id = pay(hub, person)
    (url,) = links(hub, item_id)
    with caplog.at_level("DEBUG"):
        follow(hub, url)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("hub.")]
    assert any("follow_action_link" in line for line in ours)
    assert not any(url.rpartition("/")[2] in line for line in ours)
