"""Nobody sees what is another's (settled 39): B's items are marked, B sees the mark everywhere, A sees it nowhere."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from hub.registry import Ente, Portal, Vendor
from hub.security.sign import LIFETIME_S
from hub.store import directory
from hub.store.tables import items
from tests.flows.making import (
    described_hub,
    fresh,
    mail_folder,
    make_application,
    make_document,
    make_service,
    make_subscription,
    new_person,
    notice_number,
    published,
    rows,
    titles,
    to,
)
from tests.harness import ALL_COLLECTIONS, make_message, make_payment, make_receipt

MARK = "SEGNO-DI-B"
FILE = f"%PDF-1.7 {MARK}".encode()
OTHER_ENTE = "c_f205"
OTHER_BASE = "https://hub.altro.example.it"
COMPANY = "00488410010"


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    def prepare(home, vendor, portal):
        """A second body on the same hub, with the same vendor and portal; `beta` is known to the first alone."""
        with home.database.write() as tx:
            publish, feed = f"{OTHER_BASE}/publish/v1", f"{OTHER_BASE}/feed/v1"
            directory.add_ente(tx, Ente(OTHER_ENTE, "Altro", OTHER_BASE, publish, feed, OTHER_BASE))
            there = Vendor(OTHER_ENTE, "acme", "acme", "jwk", True, (), "acme", collections=ALL_COLLECTIONS)
            directory.add_vendor(tx, there, [vendor.jwk()])
            scopes = frozenset({"feed:read", "feed:write"})
            reader = Portal(OTHER_ENTE, portal.name, "", True, (), scopes)
            directory.add_portal(tx, reader, [portal.jwk(), portal.jwk("assertion_jwk")])

    folder = tmp_path_factory.mktemp("isolation")
    with described_hub(folder / "home", connectors=mail_folder(folder), prepare=prepare) as running:
        yield running


def fill(hub, person, mark):
    """Items of every collection with `mark` in every text, and a file with it; the ids by collection."""
    number = notice_number()
    paid = {"creditor_tax_code": COMPANY, "notice_number": number}
    own = to(person) | {"title": f"Titolo {mark}", "summary": f"Sommario {mark}"}
    due = {"due_at": "2099-01-01T00:00:00Z", "requires_confirmation": True}
    content = FILE.replace(MARK.encode(), mark.encode())
    ids = {
        "messages": published(hub, "messages", make_message(fresh(), **own, **due, body_markdown=f"Testo {mark}")),
        "documents": published(hub, "documents", make_document(fresh(), content, **own, filename=f"{mark}.pdf")),
        "payments": published(hub, "payments", make_payment(fresh(), **own, reason=mark, notice_number=number)),
    }
    assert hub.upload(ids["documents"], content).status_code == 201
    # Another citizen's receipt of the same notice must tie nothing together: it is asked for below.
    ids["receipts"] = published(hub, "receipts", make_receipt(fresh(), **own, payment=paid))
    now = "2026-11-24T09:00:00Z"
    application = {
        "state": "integration_requested",
        "integration": {"requested_at": now, "due_at": "2099-01-01T00:00:00Z", "reason": f"Manca {mark}"},
        "history": [{"at": now, "state": "submitted", "label": f"Inviata {mark}"}],
        "actions": [{"kind": "integrate", "label": f"Integra {mark}", "url": "https://servizi.example.it/d"}],
    }
    ids["applications"] = published(hub, "applications", make_application(fresh(), **own, **application))
    draft = make_application(fresh(), **own, state="draft")
    ids["draft"] = published(hub, "applications", draft)
    subscribed = {**own, "attributes": [{"code": "nota", "text": mark}], "valid_to": "2099-12-31", "renewal": "manual"}
    subscribed |= {"subscription_service": "nido-2026", "state": "renewal_due"}
    ids["subscriptions"] = published(hub, "subscriptions", make_subscription(fresh(), **subscribed))
    published(hub, "services", make_service(fresh(), title=f"Servizio {mark}"))
    return ids


@pytest.fixture(scope="module")
def people(hub):
    """A and B, each with items of every collection; B's ids."""
    a, b = new_person(), new_person()
    fill(hub, a, "di-A")
    ids = fill(hub, b, MARK)
    return a, b, ids


LISTS = [
    "/items?limit=100",
    "/messages",
    "/documents",
    "/payments",
    "/receipts",
    "/applications",
    "/subscriptions",
    "/deadlines",
    "/summary",
    "/changes?limit=100",
    f"/items?q={MARK}",
    f"/messages?q={MARK}&archived=false",
    "/items?sort=due_at",
    "/items?archived=any&notices=false",
    "/documents?doc_type=certificato",
    "/summary?view=desk",
    "/summary?view=tabs",
    "/summary?view=architecture",
]
HANDLING = ["/access-log?limit=100", "/sharing?limit=100"]
ITEMS = [
    ("messages", "/items/{}"),
    ("documents", "/items/{}"),
    ("payments", "/items/{}"),
    ("receipts", "/items/{}"),
    ("applications", "/items/{}"),
    ("draft", "/items/{}"),
    ("subscriptions", "/items/{}"),
    ("documents", "/documents/{}/content"),
]


@pytest.mark.req("S60")
@pytest.mark.parametrize("path", LISTS)
def test_b_sees_what_is_marked_in_every_list(hub, people, path):
    _, b, _ = people
    assert MARK in hub.read(path, b).text


@pytest.mark.req("S60")
@pytest.mark.parametrize("path", LISTS)
def test_a_sees_the_mark_in_no_list(hub, people, path):
    a, _, ids = people
    seen = hub.read(path, a)
    assert seen.status_code == 200
    assert MARK not in seen.text
    assert not any(item_id in seen.text for item_id in ids.values())


@pytest.mark.req("S60", "S63")
@pytest.mark.parametrize("path", HANDLING)
def test_how_bs_items_were_handled_is_bs_alone_to_see(hub, people, path):
    a, b, ids = people
    assert all(item_id in hub.read(path, b).text for item_id in ids.values())
    seen = hub.read(path, a)
    assert seen.status_code == 200
    assert not any(item_id in seen.text for item_id in ids.values())


@pytest.mark.req("S60")
@pytest.mark.parametrize(("collection", "path"), ITEMS)
def test_b_opens_what_a_cannot_even_by_its_id(hub, people, collection, path):
    a, b, ids = people
    path = path.format(ids[collection])
    assert MARK in hub.read(path, b).text
    for headers in ({}, {"Range": "bytes=0-5"}, {"If-None-Match": hub.read(path, b).headers["ETag"]}):
        seen = hub.read(path, a, headers=headers)
        assert (seen.status_code, seen.json()["code"]) == (404, "item.unknown")


@pytest.mark.req("S60")
def test_a_changes_none_of_bs_among_many(hub, people):
    a, b, ids = people
    before = hub.read("/items?limit=100", b).json()["items"]
    wishes = [{"item_id": i, "patch": {"archived": True, "read": True}} for i in ids.values()]
    answered = hub.write("/user-states", {"items": wishes}, a)
    assert {(one["code"], one["user_state"]) for one in answered.json()["items"]} == {("item.unknown", None)}
    assert hub.read("/items?limit=100", b).json()["items"] == before


@pytest.mark.req("S60")
def test_a_hears_no_event_of_bs(hub, people):
    """Of a stream that ends with its assertion in a moment: all that A would be told first."""
    a, b, ids = people
    heard = {}
    for who in (a, b):
        nearly = {"now": datetime.now(UTC) - timedelta(seconds=LIFETIME_S - 6), "auth_time": datetime.now(UTC)}
        heard[who] = hub.client.get("/feed/v1/events", headers=hub.reader(who, **nearly)).text
    assert MARK in heard[b]
    assert MARK not in heard[a]
    assert not any(item_id in heard[a] for item_id in ids.values())


def test_another_citizens_item_is_refused_as_one_that_does_not_exist(hub, people):
    a, _, ids = people
    theirs = hub.read(f"/items/{ids['messages']}", a).json()
    nobodys = hub.read("/items/019b0000-0000-7000-8000-000000000000", a).json()
    assert theirs | {"request_id": ""} == nobodys | {"request_id": ""}


@pytest.mark.req("S60", "S62")
def test_a_neither_sees_nor_changes_how_b_wishes_to_be_told(hub, people):
    a, b, _ = people
    change = {"language": "en", "services": [{"service_id": MARK, "io": False, "email": True}]}
    for person, patch in ((b, change), (a, {"language": "it"})):
        assert hub.write("/preferences", patch, person, method="PATCH").status_code == 200
    assert MARK in hub.read("/preferences", b).text
    assert MARK not in hub.read("/preferences", a).text
    assert hub.read("/preferences", b).json()["language"] == "en"


@pytest.mark.req("S60")
@pytest.mark.parametrize("patch", [{"read": True}, {"archived": True}, {"starred": True}, {"confirmed": True}])
def test_a_changes_nothing_of_bs(hub, people, patch):
    a, b, ids = people
    before = hub.read(f"/items/{ids['messages']}", b).json()["user_state"]
    assert hub.mark(ids["messages"], patch, a).status_code == 404
    assert hub.read(f"/items/{ids['messages']}", b).json()["user_state"] == before


@pytest.mark.req("S34", "S60")
def test_a_asks_nothing_about_bs_subscription(hub, people):
    a, b, ids = people
    refused = hub.write(f"/subscriptions/{ids['subscriptions']}/requests", {"kind": "renew"}, a)
    assert (refused.status_code, refused.json()["code"]) == (404, "item.unknown")
    assert hub.read(f"/items/{ids['subscriptions']}", b).json()["requests"] == []


@pytest.mark.parametrize("path", ["/items?limit=1", "/messages?limit=1", f"/items?limit=1&q={MARK}"])
def test_bs_cursor_opens_nothing_for_a(hub, people, path):
    a, b, _ = people
    published(hub, "messages", make_message(fresh(), tax_code=b, title=MARK, notify={"channels": []}))
    cursor = hub.read(path, b).json()["next_cursor"]
    assert cursor
    assert hub.read(f"{path}&cursor={cursor}", a).status_code == 400


def test_a_link_to_anothers_item_shows_nothing_of_it(hub, people):
    a, b, _ = people
    external_id = fresh()
    published(hub, "messages", make_message(external_id, tax_code=b, title=MARK))
    link = [{"rel": "about", "external_id": external_id}]
    item_id = published(hub, "messages", make_message(fresh(), tax_code=a, links=link))
    assert hub.read(f"/items/{item_id}", a).json()["linked"] == []


@pytest.mark.req("S58", "S60")
def test_anothers_receipt_of_the_same_notice_neither_pays_nor_shows(hub):
    a, b, number = new_person(), new_person(), notice_number()
    item_id = published(hub, "payments", make_payment(fresh(), tax_code=a, notice_number=number))
    paid = {"creditor_tax_code": COMPANY, "notice_number": number}
    published(hub, "receipts", make_receipt(fresh(), tax_code=b, payment=paid, title=MARK))
    whole = hub.read(f"/items/{item_id}", a)
    assert whole.json()["state"] == "due"
    assert MARK not in whole.text


def test_a_person_and_an_organisation_are_apart_under_one_session(hub, people):
    _, b, _ = people
    as_company = hub.reader(b, organization_fiscal_number=COMPANY)
    assert MARK not in hub.client.get("/feed/v1/items", headers=as_company).text


# --- vendors


@pytest.mark.parametrize("path", ["/items?limit=100", "/items/{}"])
def test_one_vendor_sees_nothing_of_anothers(hub, people, path):
    _, _, ids = people
    seen = hub.vendor_get(path.format(ids["messages"]), vendor=hub.other_vendor)
    assert not any(item_id in seen.text for item_id in ids.values())


def test_the_same_external_id_of_two_vendors_is_two_items(hub):
    a = new_person()
    item = make_message(fresh(), tax_code=a)
    assert published(hub, "messages", item) != published(hub, "messages", item, vendor=hub.other_vendor)
    assert len(titles(hub.read("/messages", a))) == 2


# --- two bodies on one hub


def publish_there(hub, item, *, vendor=None, audience=f"{OTHER_BASE}/publish/v1"):
    body = json.dumps(item).encode()
    headers = hub.signed(body, vendor=vendor, audience=audience)
    return hub.client.post("/publish/v1/messages", content=body, headers=headers)


def read_there(hub, path, person):
    return hub.client.get(f"/feed/v1{path}", headers=hub.reader(person, aud=f"{OTHER_BASE}/feed/v1"))


@pytest.mark.req("S72")
def test_one_citizen_of_two_bodies_has_two_feeds(hub):
    a = new_person()
    item = make_message(fresh(), tax_code=a, notify={"channels": []})
    here = published(hub, "messages", item | {"title": "qui"})
    there = publish_there(hub, item | {"title": "là"})
    assert (there.status_code, there.json()["outcome"]) == (201, "created")
    assert titles(hub.read("/items", a)) == ["qui"]
    assert titles(read_there(hub, "/items", a)) == ["là"]
    assert read_there(hub, f"/items/{here}", a).status_code == 404
    first, second = rows(hub, items, item_id=here), rows(hub, items, item_id=there.json()["item_id"])
    assert first[0]["citizen_id"] != second[0]["citizen_id"]


@pytest.mark.req("S72")
def test_a_vendor_of_one_body_is_nobody_to_the_other(hub):
    response = publish_there(hub, make_message(fresh()), vendor=hub.other_vendor)
    assert (response.status_code, response.json()["code"]) == (401, "request.refused")


def test_one_request_cannot_be_for_two_bodies(hub):
    both = [f"{OTHER_BASE}/publish/v1", "https://hub.comune.example.it/publish/v1"]
    assert publish_there(hub, make_message(fresh()), audience=both).status_code == 401


def test_a_cursor_of_one_body_is_not_good_at_the_other(hub):
    a = new_person()
    for _ in range(2):
        item = make_message(fresh(), tax_code=a, notify={"channels": []})
        published(hub, "messages", item)
        publish_there(hub, item)
    cursor = hub.read("/items?limit=1", a).json()["next_cursor"]
    assert read_there(hub, f"/items?limit=1&cursor={cursor}", a).status_code == 400


def test_what_a_vendor_finds_is_of_the_body_it_asks(hub):
    external_id = fresh()
    published(hub, "messages", make_message(external_id))
    headers = hub.signed(b"", method="GET", content_type=None, audience=f"{OTHER_BASE}/publish/v1")
    found = hub.client.get(f"/publish/v1/items?external_id={external_id}", headers=headers)
    assert found.json()["items"] == []
