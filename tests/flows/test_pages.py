"""Every page that people see, as Chromium draws it on a phone and on a desk: nothing runs over its edge, nothing comes
from elsewhere, what is written can be read, and a keyboard gets on (WCAG 2.1 AA; `privacy-and-compliance.md`, A, P15).

`RACCORDO_PICTURES=folder` keeps a picture of each.
"""

import json
import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import connectors.email
from contracts.items import Message
from contracts.subscription_services import ListPolicy
from hub.ingest.ranking import LISTED, ranked
from hub.ingest.subscribers import subscribers
from hub.registry import DocumentType
from hub.store.citizens import Subject
from hub.store.document_types import add_type
from hub.store.ranked_lists import Frozen, correct_list, draft_list, new_list_id, publish_list, withdraw_list
from tests import browser, stores
from tests.flows.making import (
    fresh,
    make_document,
    make_subscription,
    new_person,
    new_subscription_service,
    notice_number,
    published,
    to,
)
from tests.harness import BASE, ENTE, make_message, make_payment, running_hub

if browser.found() is None:
    pytest.skip(f"no browser here: one of {', '.join(browser.NAMES)} draws the pages", allow_module_level=True)

PHONE, DESK = 390, 1280
STATUS = "Failed to load resource: the server responded with a status of 4"
"""What the browser says of a page that tells that there is no such thing."""
LONG = "Servizi demografici e di prossimità dell'Unione dei Comuni della Valle del Torrente Scrivia-Borbera-Spinti"
PRESSED = ("contact confirmed", "unsubscribe done")
LETTERS = sorted((Path(connectors.email.__file__).parent / "samples").glob("*.html"))
PAGES = (
    *(f"card {state}" for state in ("valid", "endless", "waiting", "expired", "revoked", "superseded", "unknown")),
    *(f"link {state}" for state in ("done", "expired", "void", "unknown")),
    *(f"contact {state}" for state in ("ask", "confirmed", "void", "unknown")),
    *(f"unsubscribe {state}" for state in ("ask", "done", "unknown")),
    *(f"list {state}" for state in ("published", "withdrawn", "unknown")),
    *(f"docs{path}" for path in ("", "/publish", "/feed", "/admin", "/callbacks")),
    *(path.stem for path in LETTERS),
)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    def prepare(home, _vendor, _portal):
        with home.database.write() as tx:
            add_type(tx, ENTE, "tessera", DocumentType("Tessera della biblioteca", "Library card"))

    # A page is drawn the same whatever the database.
    with stores.in_use("sqlite"), running_hub(tmp_path_factory.mktemp("pages") / "home", prepare=prepare) as running:
        yield running


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with browser.browser(tmp_path_factory.mktemp("browser")) as one:
        yield one


@pytest.fixture(scope="module")
def addresses(hub):
    """Where each page is, on the hub itself; those behind a button are reached by pressing it."""
    found = _cards(hub) | _links(hub) | _letters(hub) | _lists(hub)
    found |= {name: f"/{name}" for name in PAGES if name.startswith("docs")}
    found |= {path.stem: path.as_uri() for path in LETTERS}
    return {name: url if ":" in url else hub.url + url for name, url in found.items()}


def _cards(hub):
    def card(person=None, then=None, **fields):
        own = {"doc_type": "tessera", "form": "card", "card": {"fields": [{"label": "N.", "value": "7"}]}}
        item = make_document(
            **({"external_id": fresh()} | to(person or new_person(), None) | own | fields), issuer=LONG
        )
        item_id = published(hub, "documents", item)
        if then:
            published(hub, "documents", item | {"version": 2} | then)
        return hub.hub.cards.address(ENTE, item_id).removeprefix(BASE)

    person, external_id = new_person(), fresh()
    old = card(person, external_id=external_id)
    card(person, links=[{"rel": "replaces", "external_id": external_id}])
    return {
        "card valid": card(valid_from="2026-01-01T00:00:00Z", valid_to="2099-01-01T00:00:00Z"),
        "card endless": card(),
        "card waiting": card(valid_from="2098-01-01T00:00:00Z"),
        "card expired": card(valid_to="2025-01-01T00:00:00Z"),
        "card revoked": card(then={"state": "revoked"}),
        "card superseded": old,
        "card unknown": "/public/v1/cards/x",
    }


def _links(hub):
    def paying(state):
        person = new_person()
        payment = make_payment(fresh(), **to(person), notice_number=notice_number())
        published(hub, "payments", payment)
        published(hub, "payments", payment | {"version": 2, "state": state})
        *_, message = hub.read("/messages", person).json()["items"]
        return hub.hub.actions.links.make(ENTE, message["item_id"], 0).removeprefix(BASE)

    states = {"done": "paid", "void": "cancelled", "expired": "expired"}
    return {f"link {name}": paying(state) for name, state in states.items()} | {
        "link unknown": "/public/v1/actions/x",
    }


def _lists(hub):
    """Ranked lists: with a tie and a correction, and of what is not there."""

    def enrolled(code, score):
        numbers = [{"code": "punteggio_complessivo", "number": score}, {"code": "distanza_in_metri", "number": 9}]
        own = {"subscription_service": code, "state": "waitlisted", "attributes": numbers}
        published(hub, "subscriptions", make_subscription(fresh(), **to(new_person(), None), **own))

    def made(*scores):
        policy = ListPolicy(published=True, order_keys=("-punteggio_complessivo", "distanza_in_metri"))
        code = new_subscription_service(hub, list_policy=policy)
        for score in scores:
            enrolled(code, score)
        list_id, home = new_list_id(), hub.home

        def frozen():
            found = subscribers(home.database, home.vault, ENTE, code, LISTED, home.clock.now())
            entries = ranked(found, policy.order_keys, home.vault, list_id)
            return Frozen(ENTE, code, f"Graduatoria: {LONG}", policy.order_keys, entries)

        with home.database.write() as tx:
            draft_list(tx, home.vault, list_id, frozen())
        with home.database.write() as tx:
            publish_list(tx, list_id, home.clock.now() + timedelta(days=15))
        enrolled(code, 1)
        with home.database.write() as tx:
            correct_list(tx, home.vault, list_id, frozen(), "domanda arrivata in tempo e registrata in ritardo")
        return list_id

    gone = made(1, 2)
    with hub.home.database.write() as tx:
        withdraw_list(tx, gone)
    lists = {"published": made(95, 80, 80, 12), "withdrawn": gone, "unknown": "x"}
    return {f"list {name}": f"/public/v1/ranked-lists/{list_id}" for name, list_id in lists.items()}


def _letters(hub):
    """The links for confirming an address, and for switching notices off."""

    def confirming(*, taken_back=False):
        person, email = new_person(), f"{fresh()}@example.org"
        assert hub.write("/profile", {"email": email}, person, method="PATCH").status_code == 200
        letter = Message.model_validate_json(json.dumps(make_message(**to(person, email))))
        with hub.home.database.read() as connection:
            citizen = hub.hub.citizens.find(connection, Subject(ENTE, "person", person))
            action = hub.hub.confirm_links.action(connection, citizen, letter, hub.home.clock.now())
        if taken_back:
            assert hub.write("/profile", {"email": None}, person, method="PATCH").status_code == 200
        return str(action.url).removeprefix(BASE)

    off = hub.hub.links.make(ENTE, "01a21580-0000-7000-8000-000000000000", "tari", "*").removeprefix(BASE)
    return {
        "contact ask": confirming(),
        "contact confirmed": confirming(),
        "contact void": confirming(taken_back=True),
        "contact unknown": "/public/v1/contacts/x",
        "unsubscribe ask": off,
        "unsubscribe done": off,
        "unsubscribe unknown": "/public/v1/unsubscribes/x",
    }


LOOK = (Path(__file__).parent / "look_at_page.js").read_text()


@pytest.mark.req("S64")
@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("name", PAGES)
def test_it_can_be_read_by_everybody_and_loads_nothing_from_elsewhere(tab, addresses, name, width):
    tab.open(addresses[name], width=width)
    if name in PRESSED:
        tab.submit()
    if name.startswith("docs/"):
        tab.until("document.querySelector('.opblock') !== null")
    if folder := os.environ.get("RACCORDO_PICTURES"):
        tab.picture(Path(folder) / f"{name.replace('/', '_').replace(' ', '_')}.{width}.png")
    wrong = tab.ask(LOOK)
    assert not wrong, "\n".join(wrong[:30])
    asked = [url for url in tab.asked_for() if not url.startswith("data:")]
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(addresses[name]).netloc}
    assert [each for each in tab.complaints() if not each.startswith(STATUS)] == []


@pytest.mark.req("S64")
def test_a_keyboard_gets_on_and_sees_where_it_is(tab, addresses):
    tab.open(addresses["contact ask"], width=PHONE)
    tab.press("Tab")
    focus = "(({tagName}, {outlineStyle}) => [tagName, outlineStyle])"
    assert tab.ask(f"{focus}(document.activeElement, getComputedStyle(document.activeElement))") == ["BUTTON", "solid"]
    tab.press("Enter")
    tab.loaded()
    assert tab.ask("document.title") == "Indirizzo confermato"
