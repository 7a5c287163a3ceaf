"""The feed, as the portal reads it for one citizen. The first part is citizen-identity section 6, check by check."""

import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from stdnum.it import codicefiscale

from hub.feed.parameters import list_wish
from hub.registry import Portal
from hub.security.digest import digest_header
from hub.security.jose import base64url
from hub.security.sign import SigningKey, sign_assertion, sign_portal_token
from hub.security.vault import Vault
from hub.store import directory
from hub.store.citizens import Subject
from hub.store.files import SEGMENT, SEGMENTED_FROM
from hub.store.sweeping import Sweep, sweep
from hub.store.tables import access_log, citizens, deliveries, items
from tests.flows.making import (
    code,
    described_hub,
    fresh,
    mail_folder,
    make_document,
    new_person,
    notice_number,
    published,
    rows,
    titles,
)
from tests.harness import (
    ENTE,
    FEED_AUDIENCE,
    PUBLISH_AUDIENCE,
    ROSSI,
    Caller,
    eventually,
    make_message,
    make_payment,
    make_receipt,
)

PDF = b"%PDF-1.7 0123456789"
LEVEL = "https://www.spid.gov.it/SpidL{}"
COMPANY = "00488410010"


@pytest.fixture(scope="module")
def reader_only():
    return Caller("solo-lettura")


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory, reader_only):
    def prepare(home, _vendor, _portal):
        with home.database.write() as tx:
            portal = Portal(ENTE, reader_only.name, "", True, (), frozenset({"feed:read"}))
            directory.add_portal(tx, portal, [reader_only.jwk(), reader_only.jwk("assertion_jwk")])

    folder = tmp_path_factory.mktemp("feed")
    with described_hub(
        folder / "home", connectors=mail_folder(folder), prepare=prepare, refusals_per_minute=10_000
    ) as running:
        published(running, "messages", make_message("first"))
        yield running


def silent(**fields):
    return {"notify": {"channels": []}} | fields


def fill(hub, person, count, **fields):
    """`count` messages, the newest last; returns their ids."""
    return [
        published(
            hub,
            "messages",
            make_message(fresh(), **silent(tax_code=person, title=f"n{n}", occurred_at=f"2026-01-01T00:{n:02d}:00Z"))
            | fields,
        )
        for n in range(count)
    ]


# --- 6.2 and 6.3: who is refused, and how


def tokens(hub, *, portal=None, token=None, assertion=None, key=None, typ="citizen-assertion+jwt"):
    """Both tokens, made by hand, with some claims changed; a claim of None is left out."""
    now = int(datetime.now(UTC).timestamp())
    name = portal or hub.portal.name
    base = {"iss": name, "aud": FEED_AUDIENCE, "iat": now, "nbf": now, "exp": now + 60, "scope": "feed:read feed:write"}
    mine = base | {"jti": fresh()} | (token or {})
    theirs = {"jti": fresh(), "sub": "s", "fiscal_number": f"TINIT-{ROSSI}", "acr": LEVEL.format(2), "auth_time": now}
    theirs = base | theirs | {"client_id": name} | (assertion or {})
    key = key or hub.portal.key
    real = [{name: value for name, value in claims.items() if value is not None} for claims in (mine, theirs)]
    return {"Authorization": f"Bearer {key.token(real[0])}", "Citizen-Assertion": key.token(real[1], typ=typ)}


def without_algorithm(hub):
    made = tokens(hub)
    _, claims, _ = made["Citizen-Assertion"].split(".")
    forged = base64url(json.dumps({"alg": "none", "typ": "citizen-assertion+jwt"}).encode())
    return made | {"Citizen-Assertion": f"{forged}.{claims}."}


def swapped(made):
    portal = made["Authorization"].removeprefix("Bearer ")
    return {"Authorization": f"Bearer {made['Citizen-Assertion']}", "Citizen-Assertion": portal}


NOW = int(datetime.now(UTC).timestamp())
REFUSED = {
    "the publish audience": lambda hub: tokens(hub, token={"aud": PUBLISH_AUDIENCE}),
    "an assertion for another hub": lambda hub: tokens(hub, assertion={"aud": "https://altro.example.it/feed/v1"}),
    "an unknown portal": lambda hub: tokens(hub, portal="nessuno"),
    "an assertion of another issuer": lambda hub: tokens(hub, assertion={"iss": "altro"}),
    "the wrong type": lambda hub: tokens(hub, typ="JWT"),
    "no algorithm": without_algorithm,
    "an unknown key": lambda hub: tokens(hub, key=Caller("portale").key),
    "an expired assertion": lambda hub: tokens(hub, assertion={"iat": NOW - 900, "nbf": NOW - 900, "exp": NOW - 700}),
    "an assertion of the future": lambda hub: tokens(hub, assertion={"iat": NOW + 7200, "exp": NOW + 7260}),
    "an assertion good for an hour": lambda hub: tokens(hub, assertion={"exp": NOW + 3600}),
    "an old login": lambda hub: tokens(hub, assertion={"auth_time": NOW - 86_400}),
    "nobody's tax code": lambda hub: tokens(hub, assertion={"fiscal_number": None}),
    "a wrong tax code": lambda hub: tokens(hub, assertion={"fiscal_number": "TINIT-RSSMRA80A01H501X"}),
    "a foreign identifier": lambda hub: tokens(hub, assertion={"fiscal_number": "TINDE-123"}),
    "a tax code as pseudonym": lambda hub: tokens(hub, assertion={"sub": ROSSI}),
    "the two swapped": lambda hub: swapped(tokens(hub)),
    "the assertion alone": lambda hub: {"Citizen-Assertion": tokens(hub)["Citizen-Assertion"]},
    "the portal alone": lambda hub: {"Authorization": tokens(hub)["Authorization"]},
    "an assertion for another token": lambda hub: hub.reader() | {"Authorization": hub.reader()["Authorization"]},
    "a delegation by nobody": lambda hub: tokens(hub, assertion={"on_behalf_of": "TINIT-RSSMRA80A01H501X"}),
}


@pytest.mark.req("S2")
@pytest.mark.parametrize("case", REFUSED)
def test_a_token_that_does_not_hold_is_refused_without_a_hint(hub, case):
    response = hub.client.get("/feed/v1/items", headers=REFUSED[case](hub))
    plain = hub.client.get("/feed/v1/items", headers=REFUSED["an unknown key"](hub)).json()
    assert code(response) in ((401, "request.refused"), (400, "request.refused"))
    assert {k: v for k, v in response.json().items() if k not in ("request_id", "status")} == {
        k: v for k, v in plain.items() if k not in ("request_id", "status")
    }


def test_hand_made_tokens_that_hold_are_taken(hub):
    """The ground of the table above: with nothing changed it is let in."""
    assert hub.client.get("/feed/v1/items", headers=tokens(hub)).status_code == 200


@pytest.mark.req("S2")
@pytest.mark.parametrize(
    ("token", "assertion", "expected"),
    [
        ({}, {"acr": LEVEL.format(1)}, "assurance.too_low"),
        ({}, {"acr": None}, "assurance.too_low"),
        ({}, {"acr": "https://altro.example.it/3"}, "assurance.too_low"),
        ({"scope": "feed:write"}, {}, "scope.missing"),
        ({}, {"scope": "feed:write"}, "scope.missing"),
        ({}, {"client_id": "altro"}, "actor.mismatch"),
        ({}, {"client_id": None}, "actor.mismatch"),
        ({}, {"act": {"sub": "altro"}}, "actor.mismatch"),
    ],
)
def test_a_known_portal_is_told_exactly_why_not(hub, token, assertion, expected):
    headers = tokens(hub, token=token, assertion=assertion)
    assert code(hub.client.get("/feed/v1/items", headers=headers)) == (403, expected)


def test_a_portal_registered_for_reading_changes_nothing(hub, reader_only):
    item_id = fill(hub, ROSSI, 1)[0]
    headers = tokens(hub, portal=reader_only.name, key=reader_only.key)
    assert hub.client.get("/feed/v1/items", headers=headers).status_code == 200
    headers |= {"Content-Type": "application/merge-patch+json"}
    response = hub.client.patch(f"/feed/v1/items/{item_id}/user-state", content='{"read": true}', headers=headers)
    assert code(response) == (403, "scope.missing")


# --- 6.1, 6.4, 6.6 to 6.8


@pytest.mark.req("S1")
def test_one_citizen_however_written_has_one_feed(hub, person):
    fill(hub, person, 1)
    for written in (f"TINIT-{person}", person, person.lower(), f"tinit-{person.lower()}"):
        response = hub.client.get("/feed/v1/items", headers=hub.reader(fiscal_number=written))
        assert titles(response) == ["n0"], written


def test_an_omocodia_variant_is_somebody_else(hub, person):
    fill(hub, person, 1)
    variant = person[:14] + "M"
    variant += codicefiscale.calc_check_digit(variant)
    assert titles(hub.read("/items", variant)) == []


@pytest.mark.parametrize(
    "path",
    ["/items?tax_code={other}", "/items?fiscal_number={other}", "/items?citizen={other}", "/summary?tax_code={other}"],
)
def test_no_parameter_names_another_citizen(hub, person, path):
    other = new_person()
    fill(hub, other, 1)
    assert code(hub.read(path.format(other=other), person)) == (400, "request.invalid")


@pytest.mark.parametrize("header", ["X-Tax-Code", "X-Fiscal-Number", "X-Forwarded-User", "From"])
def test_no_header_names_another_citizen(hub, person, header):
    other = new_person()
    fill(hub, other, 1)
    assert titles(hub.read("/items", person, headers={header: other})) == []


@pytest.mark.req("S61", "S63")
@pytest.mark.parametrize(
    ("path", "operation", "outcome"),
    [
        ("/items", "list_items", "ok"),
        ("/messages", "list_messages", "ok"),
        ("/summary?view=desk", "show_summary", "ok"),
        ("/changes", "list_changes", "ok"),
        ("/items?x=1", "list_items", "request.invalid"),
        ("/items/019b0000-0000-7000-8000-000000000000", "show_item", "item.unknown"),
        ("/documents/019b0000-0000-7000-8000-000000000000/content", "read_document_content", "item.unknown"),
    ],
)
def test_each_read_leaves_one_access_record(hub, person, path, operation, outcome):
    fill(hub, person, 1)
    pseudonym = fresh("session")
    hub.client.get(f"/feed/v1{path}", headers=hub.reader(person, sub=pseudonym))
    (row,) = rows(hub, access_log, pseudonym=pseudonym)
    assert (row["operation"], row["outcome"], row["portal_id"]) == (operation, outcome, "portale")
    assert row["acr"] == LEVEL.format(2)
    assert row["citizen_id"]
    assert row["request_id"]


def test_a_change_leaves_one_access_record_too(hub, person):
    (item_id,) = fill(hub, person, 1)
    hub.mark(item_id, {"read": True}, person)
    (row,) = rows(hub, access_log, item_id=item_id)
    assert (row["operation"], row["outcome"]) == ("change_user_state", "ok")


@pytest.mark.req("S60")
def test_a_tax_code_put_where_an_id_belongs_is_not_written_into_the_access_log(hub, person):
    pseudonym = fresh("session")
    hub.client.get(f"/feed/v1/items/{person}", headers=hub.reader(person, sub=pseudonym))
    (row,) = rows(hub, access_log, pseudonym=pseudonym)
    assert person not in str(row)


@pytest.mark.req("S5")
@pytest.mark.parametrize("path", ["/items", "/messages", "/summary", "/changes", "/items?q=x&unread=true&sort=due_at"])
def test_someone_unknown_has_an_empty_feed_of_the_same_shape(hub, person, path):
    known = new_person()
    hub.withdraw(fill(hub, known, 1)[0])
    unknown, empty = hub.read(path, person), hub.read(path, known)
    assert unknown.status_code == empty.status_code == 200
    assert set(unknown.json()) == set(empty.json())
    assert rows(hub, citizens, subject_hash=hub.home.vault.keyed_hash("subject", f"{ENTE}\0person\0{person}")) == []


@pytest.mark.req("S5")
def test_the_cursor_of_someone_unknown_is_good_once_something_is_published(hub, person):
    """A portal that asked for changes before the first item was refused with its own cursor afterwards."""
    cursor = hub.read("/changes", person).json()["next_cursor"]
    (item_id,) = fill(hub, person, 1)
    page = hub.read(f"/changes?after={cursor}", person)
    assert [change["item_id"] for change in page.json()["items"]] == [item_id]


# --- lists


@pytest.fixture(scope="module")
def mixed(hub):
    """A citizen with items that differ in everything that can be asked for."""
    someone = new_person()
    old, new = "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"
    own = silent(tax_code=someone)
    ids = {
        "letter": published(hub, "messages", make_message(fresh(), **own, title="letter", occurred_at=old)),
        "question": published(
            hub, "messages", make_message(fresh(), **own, title="question", occurred_at=new, requires_confirmation=True)
        ),
        "bill": published(
            hub,
            "payments",
            make_payment(
                fresh(),
                **own,
                title="bill",
                notice_number="301000000000000099",
                occurred_at=new,
                service_id="tari",
                state="started",
            ),
        ),
        "proof": published(hub, "receipts", make_receipt(fresh(), **own, title="proof", source="cassa")),
        "paper": published(hub, "documents", make_document(fresh(), **own, title="paper", occurred_at=old)),
        "filed": published(hub, "documents", make_document(fresh(), **own, title="filed", occurred_at=old)),
        "over": published(
            hub, "messages", make_message(fresh(), **own, title="over", expires_at="2026-11-01T00:00:00Z")
        ),
    }
    about = {item["item_id"] for item in hub.read("/messages?source=hub", someone).json()["items"]}
    for item_id in about:
        hub.mark(item_id, {"archived": True}, someone)
    hub.mark(ids["letter"], {"read": True}, someone)
    hub.mark(ids["filed"], {"archived": True}, someone)
    return someone, ids


@pytest.mark.req("S7", "S67")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("/items", {"letter", "question", "bill", "proof", "paper", "over"}),
        ("/items?collection=messages", {"letter", "question", "over"}),
        ("/items?collection=services", set()),
        ("/messages", {"letter", "question", "over"}),
        ("/payments", {"bill"}),
        ("/receipts", {"proof"}),
        ("/documents", {"paper"}),
        ("/items?state=started", {"bill"}),
        ("/items?state=available", {"proof", "paper"}),
        ("/items?state=expired", {"over"}),
        ("/items?state=published", {"letter", "question"}),
        ("/items?service_id=tari", {"bill"}),
        ("/items?source=cassa", {"proof"}),
        ("/items?unread=false", {"letter", "bill"}),
        ("/messages?unread=true", {"question", "over"}),
        ("/documents?archived=true", {"filed"}),
        ("/documents?archived=false", {"paper"}),
        ("/items?turn=citizen", {"question", "bill"}),
        ("/items?turn=body", set()),
        ("/items?from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z", {"question", "bill"}),
        ("/items?to=2026-03-01T00:00:00Z", {"letter", "paper"}),
        ("/items?from=2026-03-01T01:00:00%2B01:00&to=2026-03-01T00:00:01Z", {"question", "bill"}),
        ("/messages?q=LETTER", {"letter"}),
        ("/items?q=tari%20bill", {"bill"}),
        ("/items?q=301000000000000099", {"bill"}),
        ("/items?q=nothing", set()),
        ("/items?q=letter&collection=payments", set()),
    ],
)
def test_a_list_has_exactly_what_was_asked_for(hub, mixed, query, expected):
    someone, _ = mixed
    assert set(titles(hub.read(query, someone))) == expected


@pytest.mark.req("S6")
@pytest.mark.parametrize("sort", ["-occurred_at", "occurred_at", "-received_at", "-updated_at", "due_at"])
def test_a_list_is_in_the_order_asked_for(hub, mixed, sort):
    someone, _ = mixed
    items = hub.read(f"/items?sort={sort}", someone).json()["items"]
    values = [item[sort.removeprefix("-")] for item in items]
    assert values == sorted(values, reverse=sort.startswith("-"))
    assert None not in values


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("limit=%D9%A1", "limit"),
        ("limit=5&limit=6", "limit"),
        ("sort=title", "sort"),
        ("collection=altro", "collection"),
        ("unread=yes", "unread"),
        ("archived=", "archived"),
        ("turn=mine", "turn"),
        ("from=yesterday", "from"),
        ("from=2026-01-01", "from"),
        ("to=2026-01-01T00:00:00", "to"),
        ("from=0001-01-01T00:00:00%2B14:00", "from"),
        ("q=" + "x" * 201, "q"),
        ("q=a%00b", "q"),
        ("cursor=x", "cursor"),
        ("cursor=" + "A" * 60, "cursor"),
        ("cursor=" + "A" * 401, "cursor"),
    ],
)
def test_a_wrong_parameter_is_named(hub, query, pointer):
    response = hub.read(f"/items?{query}")
    assert code(response) == (400, "request.invalid")
    assert response.json()["errors"][0]["pointer"] == f"#query/{pointer}"


@pytest.mark.parametrize("path", ["/items", "/messages", "/summary", "/changes", "/items/x", "/documents/x/content"])
def test_an_unknown_parameter_is_refused_and_not_repeated(hub, path):
    response = hub.read(f"{path}?RSSMRA80A01H501U=1")
    assert code(response) == (400, "request.invalid")
    assert response.json()["errors"][0]["pointer"] == "#query"
    assert "RSSMRA" not in response.text


def test_a_list_of_one_collection_knows_no_parameter_collection(hub):
    assert code(hub.read("/messages?collection=messages")) == (400, "request.invalid")


def pages(hub, person, path, *, between=lambda: None):
    """The item_ids of all pages, `between` called before each but the first."""
    found, cursor = [], None
    while True:
        page = hub.read(path + (f"&cursor={cursor}" if cursor else ""), person).json()
        found += [item["item_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
        between()


@pytest.mark.parametrize("sort", ["-occurred_at", "occurred_at", "-received_at", "-updated_at"])
def test_pages_are_complete_and_without_repeats(hub, person, sort):
    expected = fill(hub, person, 7)
    found = pages(hub, person, f"/items?limit=3&sort={sort}")
    assert found == (expected[::-1] if sort.startswith("-") else expected)


@pytest.mark.parametrize("path", ["/items", "/changes"])
def test_a_page_opens_what_it_shows_and_no_more(hub, person, monkeypatch, path):
    """However much there is after it: a reader of a long gap needs the memory of one page."""
    fill(hub, person, 7)
    opened, real = [], Vault.open_each

    def counted(vault, key, values):
        opened.append(len(values))
        return real(vault, key, values)

    monkeypatch.setattr(Vault, "open_each", counted)
    first = hub.read(f"{path}?limit=3", person).json()
    assert (len(first["items"]), max(opened)) == (3, 3)


def test_items_of_the_same_instant_are_paged_too(hub, person):
    expected = fill(hub, person, 5, occurred_at="2026-01-01T00:00:00Z")
    assert sorted(pages(hub, person, "/items?limit=2")) == sorted(expected)


def test_pages_stay_complete_while_new_items_come(hub, person):
    expected = fill(hub, person, 7)

    def arrive():
        published(hub, "messages", make_message(fresh(), **silent(tax_code=person)))

    found = pages(hub, person, "/items?limit=2", between=arrive)
    assert found == expected[::-1]


def test_a_search_is_paged_without_gap_or_repeat(hub, person):
    fill(hub, person, 3)
    expected = fill(hub, person, 5, title="cercato")
    assert pages(hub, person, "/items?limit=2&q=cercato") == expected[::-1]


@pytest.mark.parametrize(
    "other",
    ["/items?limit=1&sort=occurred_at", "/items?limit=1&unread=true", "/messages?limit=1", "/items?limit=1&q=n"],
)
def test_a_cursor_is_good_for_its_own_list_only(hub, person, other):
    fill(hub, person, 3)
    cursor = hub.read("/items?limit=1", person).json()["next_cursor"]
    assert hub.read(f"/items?limit=1&cursor={cursor}", person).status_code == 200
    assert code(hub.read(f"{other}&cursor={cursor}", person)) == (400, "request.invalid")


def test_a_cursor_of_a_list_is_not_one_of_changes(hub, person):
    fill(hub, person, 3)
    cursor = hub.read("/items?limit=1", person).json()["next_cursor"]
    assert code(hub.read(f"/changes?after={cursor}", person)) == (400, "request.invalid")


@pytest.mark.parametrize("path", ["/items?limit=1&cursor=", "/changes?limit=1&after="])
def test_a_cursor_of_another_citizen_is_refused(hub, person, path):
    other = new_person()
    for someone in (person, other):
        fill(hub, someone, 3)
    start = path.partition("&")[0]
    cursor = hub.read(start, other).json()["next_cursor"]
    assert code(hub.read(path + cursor, person)) == (400, "request.invalid")


def test_a_search_that_stops_before_the_end_says_so(hub, person, monkeypatch):
    fill(hub, person, 1, title="vecchio")
    fill(hub, person, 4)
    assert hub.read("/items?q=vecchio", person).json()["truncated"] is False
    monkeypatch.setattr("hub.feed.searching.SEARCH_DEPTH", 3)
    page = hub.read("/items?q=vecchio", person).json()
    assert (page["items"], page["truncated"]) == ([], True)


# --- summary


@pytest.mark.req("S6", "S67")
def test_the_summary_counts_what_the_lists_show(hub, mixed):
    someone, ids = mixed
    summary = hub.read("/summary", someone).json()
    items = hub.read("/items?limit=100", someone).json()["items"]
    counted = {(s["collection"], s["state"]): (s["count"], s["unread"]) for s in summary["sections"]}
    for (collection, state), (count, unread) in counted.items():
        there = [item for item in items if (item["collection"], item["state"]) == (collection, state)]
        assert (count, unread) == (len(there), sum(not item["user_state"]["read"] for item in there))
    assert sum(count for count, _ in counted.values()) == len(items)
    assert summary["unread"] == sum(not item["user_state"]["read"] for item in items)
    assert summary["waiting_for_citizen"] == 2
    assert [d["item_id"] for d in summary["next_deadlines"]] == [ids["bill"]]


def test_the_summary_says_when_each_source_was_last_heard_of(hub, mixed):
    someone, _ = mixed
    sources = {(s["vendor_id"], s["source"]) for s in hub.read("/summary", someone).json()["sources"]}
    assert {("acme", "tributi"), ("acme", "cassa")} <= sources


# --- one item


@pytest.mark.req("S11", "S67")
def test_an_item_shows_its_links_timeline_and_deliveries(hub, person):
    number = notice_number()
    paid = {"creditor_tax_code": "00488410010", "notice_number": number}
    recipient = {"tax_code": person, "email": "rossi@example.org"}
    fine = fresh("multa")
    fine_id = published(hub, "messages", make_message(fine, **silent(tax_code=person, title="Multa")))
    links = [{"rel": "about", "external_id": fine}]
    payment = make_payment(fresh(), recipient=recipient, notice_number=number, links=links)
    payment_id = published(hub, "payments", payment)
    eventually(hub.deliveries, lambda all_: "delivered" in {d["state"] for d in all_})
    receipt_id = published(hub, "receipts", make_receipt(fresh(), **silent(tax_code=person), payment=paid))
    whole = hub.read(f"/items/{payment_id}", person).json()
    linked = {(link["rel"], link["item_id"]) for link in whole["linked"]}
    (notice,) = hub.read("/messages?source=hub&q=avviso", person).json()["items"]
    (deadline,) = hub.read("/deadlines", person).json()["items"]
    made = {("message", notice["item_id"]), ("deadline", deadline["item_id"])}
    assert linked == {("message", fine_id), ("receipt", receipt_id), *made}
    assert [entry["event"] for entry in whole["timeline"]] == ["accepted", "notified", "paid"]
    assert {(d["channel"], d["state"]) for d in whole["deliveries"]} == {("email", "delivered"), ("io", "skipped")}
    assert whole["content"]["notice_number"] == number
    about = hub.read(f"/items/{notice['item_id']}", person).json()["linked"]
    assert [(link["rel"], link["item_id"]) for link in about] == [("about", payment_id)]


@pytest.mark.parametrize("guess", ["x", "019b0000-0000-7000-8000-000000000000", "%2e%2e", "a%27%20or%201=1"])
def test_an_unknown_item_is_404(hub, guess):
    assert code(hub.read(f"/items/{guess}")) == (404, "item.unknown")


@pytest.mark.parametrize("path", ["/items/{}", "/summary"])
def test_what_has_not_changed_is_304(hub, person, path):
    (item_id,) = fill(hub, person, 1)
    tag = hub.read(path.format(item_id), person).headers["ETag"]
    again = hub.read(path.format(item_id), person, headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/items/{}", "/summary"])
def test_the_etag_changes_with_what_the_citizen_does(hub, person, path):
    (item_id,) = fill(hub, person, 1)
    tag = hub.read(path.format(item_id), person).headers["ETag"]
    hub.mark(item_id, {"read": True}, person)
    again = hub.read(path.format(item_id), person, headers={"If-None-Match": tag})
    assert (again.status_code, again.headers["ETag"] == tag) == (200, False)


# --- the citizen's marks


@pytest.mark.req("S68")
@pytest.mark.parametrize("name", ["read", "archived", "starred"])
def test_a_mark_is_set_and_taken_back(hub, person, name):
    (item_id,) = fill(hub, person, 1)
    assert hub.mark(item_id, {name: True}, person).json()[name] is True
    assert hub.mark(item_id, {name: False}, person).json()[name] is False
    assert hub.read(f"/items/{item_id}", person).json()["user_state"][name] is False


def test_one_mark_leaves_the_others(hub, person):
    (item_id,) = fill(hub, person, 1)
    hub.mark(item_id, {"starred": True}, person)
    assert hub.mark(item_id, {"read": True}, person).json() == {
        "read": True,
        "archived": False,
        "starred": True,
        "confirmed": False,
    }


@pytest.mark.req("S13")
def test_a_confirmation_ends_the_citizens_turn_and_stands_in_the_timeline(hub, person):
    item_id = published(hub, "messages", make_message(fresh(), **silent(tax_code=person), requires_confirmation=True))
    hub.mark(item_id, {"confirmed": True}, person)
    whole = hub.read(f"/items/{item_id}", person).json()
    assert (whole["turn"], whole["user_state"]["confirmed"]) == ("none", True)
    assert "confirmed" in [entry["event"] for entry in whole["timeline"]]


def test_a_confirmation_cannot_be_taken_back(hub, person):
    (item_id,) = fill(hub, person, 1)
    assert code(hub.mark(item_id, {"confirmed": False}, person)) == (422, "contract.violation")


@pytest.mark.req("S7")
def test_a_new_version_is_unread_again_and_stays_archived(hub, person):
    item = make_message(fresh(), **silent(tax_code=person))
    item_id = published(hub, "messages", item)
    hub.mark(item_id, {"read": True, "archived": True}, person)
    hub.publish("messages", item | {"version": 2})
    state = hub.read(f"/items/{item_id}", person).json()["user_state"]
    assert (state["read"], state["archived"]) == (False, True)


def test_a_change_of_what_was_seen_is_made_and_of_what_was_not_is_412(hub, person):
    (item_id,) = fill(hub, person, 1)
    tag = hub.read(f"/items/{item_id}", person).headers["ETag"]
    first = hub.mark(item_id, {"read": True}, person, headers={"If-Match": tag})
    assert first.status_code == 200
    assert code(hub.mark(item_id, {"read": False}, person, headers={"If-Match": tag})) == (412, "precondition.failed")
    assert hub.mark(item_id, {"read": False}, person, headers={"If-Match": first.headers["ETag"]}).status_code == 200
    assert hub.mark(item_id, {"read": True}, person, headers={"If-Match": "*"}).status_code == 200


def test_a_delivery_that_ended_meanwhile_does_not_stop_a_change(hub, person):
    """If-Match compares the item and its marks; how the telling went is shown with it, but is not the citizen's."""
    item_id = published(hub, "messages", make_message(fresh(), recipient={"tax_code": person, "email": "a@b.it"}))
    eventually(lambda: rows(hub, deliveries, message_id=item_id)[0]["state"], lambda state: state != "queued")
    tag = hub.read(f"/items/{item_id}", person).headers["ETag"]
    with hub.home.database.write() as tx:  # as its provider says later
        its = update(deliveries).where(deliveries.c.message_id == item_id)
        tx.connection.execute(its.values(state="rejected", reason="email.bounced"))
    assert hub.read(f"/items/{item_id}", person).headers["ETag"] != tag
    assert hub.mark(item_id, {"read": True}, person, headers={"If-Match": tag}).status_code == 200


@pytest.mark.parametrize("patch", ['{"read": true}', "{}"])
def test_a_change_consumes_its_tokens_whatever_it_says(hub, person, patch):
    (item_id,) = fill(hub, person, 1)
    headers = hub.reader(person)
    _, again = (hub.mark(item_id, patch, headers=headers) for _ in range(2))
    assert code(again) == (409, "token.replayed")


def test_of_twenty_uses_of_one_assertion_exactly_one_changes_something(hub, person):
    (item_id,) = fill(hub, person, 1)
    headers = hub.reader(person)
    with ThreadPoolExecutor(20) as pool:
        sent = [pool.submit(hub.mark, item_id, {"read": True}, headers=headers) for _ in range(20)]
    statuses = [each.result().status_code for each in sent]
    assert sorted(statuses) == [200] + [409] * 19


def test_reads_may_use_a_token_again(hub, person):
    headers = hub.reader(person)
    assert [hub.client.get("/feed/v1/items", headers=headers).status_code for _ in range(2)] == [200, 200]


def test_another_media_type_is_415_and_told_the_right_one(hub, person):
    (item_id,) = fill(hub, person, 1)
    response = hub.mark(item_id, {"read": True}, person, headers={"Content-Type": "application/json"})
    assert code(response) == (415, "media.unsupported")
    assert response.headers["Accept-Patch"] == "application/merge-patch+json"


@pytest.mark.parametrize(
    ("patch", "status"),
    [({}, 400), ({"read": None}, 400), ({"altro": True}, 422), ({"read": "true"}, 422), ({"read": 1}, 422), ([], 400)],
)
def test_a_patch_sets_at_least_one_mark_and_nothing_else(hub, person, patch, status):
    (item_id,) = fill(hub, person, 1)
    assert hub.mark(item_id, patch, person).status_code == status


def test_nobody_marks_the_item_of_another(hub, person):
    (item_id,) = fill(hub, new_person(), 1)
    assert code(hub.mark(item_id, {"read": True}, person)) == (404, "item.unknown")


# --- changes


def follow(hub, person, after=None):
    """All changes since a cursor, and the cursor after them."""
    found = []
    while True:
        page = hub.read("/changes?limit=10" + (f"&after={after}" if after else ""), person).json()
        found += page["items"]
        after = page["next_cursor"]
        if not page["more"]:
            return found, after


@pytest.mark.req("S3")
def test_changes_tell_of_everything_once_and_in_order(hub, person):
    ids = fill(hub, person, 13)
    found, cursor = follow(hub, person)
    assert [change["item_id"] for change in found] == ids
    assert follow(hub, person, cursor)[0] == []


def test_a_changed_item_comes_again_as_it_is_now(hub, person):
    item = make_message(fresh(), **silent(tax_code=person))
    item_id = published(hub, "messages", item)
    _, cursor = follow(hub, person)
    hub.publish("messages", item | {"version": 2, "title": "Due"})
    hub.publish("messages", item | {"version": 3, "title": "Tre"})
    found, _ = follow(hub, person, cursor)
    assert [(change["item_id"], change["item"]["title"]) for change in found] == [(item_id, "Tre")]


def test_a_mark_made_elsewhere_is_a_change(hub, person):
    (item_id,) = fill(hub, person, 1)
    _, cursor = follow(hub, person)
    hub.mark(item_id, {"read": True}, person)
    found, _ = follow(hub, person, cursor)
    assert [change["item"]["user_state"]["read"] for change in found] == [True]


def test_a_withdrawn_item_is_told_as_gone(hub, person):
    (item_id,) = fill(hub, person, 1)
    _, cursor = follow(hub, person)
    hub.withdraw(item_id)
    found, _ = follow(hub, person, cursor)
    assert [(change["item_id"], change["lifecycle"], change["item"]) for change in found] == [
        (item_id, "withdrawn", None)
    ]


def test_changes_never_miss_what_is_published_while_they_are_read(hub, person):
    writers, each = 6, 12
    done = threading.Event()

    def write(_writer):
        return [published(hub, "messages", make_message(fresh(), **silent(tax_code=person))) for _ in range(each)]

    def poll():
        seen, cursor = [], None
        while True:
            last = done.is_set()
            found, cursor = follow(hub, person, cursor)
            seen += [change["item_id"] for change in found]
            if last:
                return seen

    with ThreadPoolExecutor(writers + 1) as pool:
        reading = pool.submit(poll)
        written = [item_id for ids in pool.map(write, range(writers)) for item_id in ids]
        done.set()
        seen = reading.result()
    assert sorted(seen) == sorted(written)


@pytest.mark.req("S10")
def test_what_is_for_later_appears_when_its_time_has_come(hub, person):
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    item_id = published(hub, "messages", make_message(fresh(), **silent(tax_code=person), visible_from=later))
    assert code(hub.read(f"/items/{item_id}", person)) == (404, "item.unknown")
    assert titles(hub.read("/items", person)) == []
    found, cursor = follow(hub, person)
    assert found == []
    with hub.home.database.write() as tx:
        tx.connection.execute(items.update().where(items.c.item_id == item_id).values(visible_from=tx.now))

    def look():
        hub.hub.committer.write(sweep, Sweep(frozenset()))
        return [change["item_id"] for change in follow(hub, person, cursor)[0]]

    assert eventually(look, bool) == [item_id]
    assert len(titles(hub.read("/items", person))) == 1


# --- files


@pytest.fixture(scope="module")
def document(hub):
    someone = new_person()
    item = make_document(fresh(), PDF, **silent(tax_code=someone), filename="Certificato «A».pdf")
    item_id = published(hub, "documents", item)
    assert hub.upload(item_id, PDF).status_code == 201
    return someone, f"/documents/{item_id}/content"


@pytest.mark.req("S49", "S55")
def test_a_file_comes_whole_with_its_name_and_type(hub, document):
    someone, path = document
    response = hub.read(path, someone)
    assert (response.content, response.headers["Content-Type"]) == (PDF, "application/pdf")
    assert response.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''Certificato%20%C2%ABA")
    assert response.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-4", 0, 4),
        ("bytes=5-", 5, len(PDF) - 1),
        ("bytes=-5", len(PDF) - 5, len(PDF) - 1),
        ("bytes=-999", 0, len(PDF) - 1),
        ("bytes=3-999", 3, len(PDF) - 1),
        ("bytes=0-0", 0, 0),
        (f"bytes={len(PDF) - 1}-", len(PDF) - 1, len(PDF) - 1),
    ],
)
def test_a_part_of_a_file_is_206(hub, document, wanted, start, end):
    someone, path = document
    response = hub.read(path, someone, headers={"Range": wanted})
    assert (response.status_code, response.content) == (206, PDF[start : end + 1])
    assert response.headers["Content-Range"] == f"bytes {start}-{end}/{len(PDF)}"


@pytest.mark.parametrize("wanted", ["bytes=0-1,3-4", "bytes=0-0, -1", "lines=1-2", "0-4"])
def test_several_parts_or_another_unit_give_the_whole_file(hub, document, wanted):
    someone, path = document
    response = hub.read(path, someone, headers={"Range": wanted})
    assert (response.status_code, response.content) == (200, PDF)
    assert "Content-Range" not in response.headers


@pytest.mark.parametrize(
    "wanted", [f"bytes={len(PDF)}-", "bytes=5-2", "bytes=-0", "bytes=-", "bytes=", "bytes=0-x,1-2"]
)
def test_a_part_that_is_not_there_is_416(hub, document, wanted):
    someone, path = document
    response = hub.read(path, someone, headers={"Range": wanted})
    assert code(response) == (416, "range.invalid")
    assert response.headers["Content-Range"] == f"bytes */{len(PDF)}"


def test_an_unchanged_file_is_304(hub, document):
    someone, path = document
    tag = hub.read(path, someone).headers["ETag"]
    assert hub.read(path, someone, headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ("{ETag}", 206),
        ("{Last-Modified}", 206),
        ('"another"', 200),
        ("W/{ETag}", 200),
        ("Mon, 23 Nov 2020 09:00:01 GMT", 200),
    ],
)
def test_a_download_is_resumed_only_if_the_file_is_still_the_same(hub, document, form, status):
    someone, path = document
    names = ("ETag", "Last-Modified")
    told = hub.read(path, someone).headers
    known = form.format(**{name: told[name] for name in names})
    assert hub.read(path, someone, headers={"Range": "bytes=0-4", "If-Range": known}).status_code == status


def head(hub, path, someone, **headers):
    return hub.client.head(f"/feed/v1{path}", headers=hub.reader(someone) | headers)


def test_head_tells_what_get_would_give(hub, document):
    someone, path = document
    whole, described = hub.read(path, someone), head(hub, path, someone)
    assert (described.status_code, described.content) == (200, b"")
    same = ("Content-Length", "Content-Type", "ETag", "Accept-Ranges", "Digest", "Last-Modified", "Content-Disposition")
    assert {name: described.headers[name] for name in same} == {name: whole.headers[name] for name in same}
    assert described.headers["Content-Length"] == str(len(PDF))
    assert described.headers["Digest"] == digest_header(PDF)


def test_a_range_does_not_count_for_head(hub, document):
    someone, path = document
    described = head(hub, path, someone, Range="bytes=0-4")
    assert (described.status_code, described.headers["Content-Length"]) == (200, str(len(PDF)))


def test_head_of_what_is_not_there_is_404(hub, document, person):
    assert head(hub, document[1], person).status_code == 404


@pytest.mark.parametrize("size", [SEGMENTED_FROM - 1, SEGMENTED_FROM, SEGMENTED_FROM + 1, 4 * SEGMENT * 2 + 17])
def test_a_large_file_is_read_in_any_part_and_never_chunked(hub, person, size):
    content = random.Random(size).randbytes(size)
    item_id = published(hub, "documents", make_document(fresh(), content, **silent(tax_code=person)))
    assert hub.upload(item_id, content).status_code == 201
    path = f"/documents/{item_id}/content"
    whole = hub.read(path, person)
    assert whole.content == content
    for start, end in ((0, 0), (SEGMENT - 1, SEGMENT), (SEGMENT, 2 * SEGMENT - 1), (5, size - 2), (size - 1, size - 1)):
        part = hub.read(path, person, headers={"Range": f"bytes={start}-{end}"})
        assert (part.status_code, part.content == content[start : end + 1]) == (206, True)
        assert part.headers["Content-Length"] == str(end + 1 - start)
        assert part.headers["Digest"] == digest_header(content)
        assert "Transfer-Encoding" not in part.headers


def test_the_file_of_another_citizen_is_unknown(hub, document, person):
    assert code(hub.read(document[1], person)) == (404, "item.unknown")


def test_a_file_still_to_come_is_unknown(hub, person):
    item_id = published(hub, "documents", make_document(fresh(), PDF, **silent(tax_code=person)))
    assert code(hub.read(f"/documents/{item_id}/content", person)) == (404, "item.unknown")


def test_the_file_of_a_revoked_document_is_gone(hub, person):
    item = make_document(fresh(), PDF, **silent(tax_code=person))
    item_id = published(hub, "documents", item)
    hub.upload(item_id, PDF)
    hub.publish("documents", item | {"version": 2, "state": "revoked"})
    assert code(hub.read(f"/documents/{item_id}/content", person)) == (404, "item.unknown")


# --- organisations and levels of assurance


def test_an_organisations_items_are_read_only_with_its_own_claim(hub, person):
    title = fresh("ditta")
    recipient = {"tax_code": COMPANY, "subject_kind": "organization"}
    item_id = published(hub, "messages", make_message(fresh(), **silent(title=title), recipient=recipient))
    fill(hub, person, 1)
    as_company = hub.reader(person, organization_fiscal_number=f"TINIT-{COMPANY}")
    assert title in titles(hub.client.get("/feed/v1/items", headers=as_company))
    assert "n0" not in titles(hub.client.get("/feed/v1/items", headers=as_company))
    assert titles(hub.read("/items", person)) == ["n0"]
    assert code(hub.read(f"/items/{item_id}", person)) == (404, "item.unknown")


@pytest.mark.parametrize("given", ["00488410011", "RSSMRA80A01H501U", "", 12345678901])
def test_a_wrong_organisation_is_refused(hub, given):
    headers = tokens(hub, assertion={"organization_fiscal_number": given})
    assert hub.client.get("/feed/v1/items", headers=headers).json()["code"] == "request.refused"


@pytest.fixture(scope="module")
def secret(hub):
    """A citizen whose only document asks for level 3."""
    someone = new_person()
    own = silent(tax_code=someone, title="segreto", min_loa=3)
    item_id = published(hub, "documents", make_document(fresh(), PDF, **own))
    hub.upload(item_id, PDF)
    return someone, item_id


@pytest.mark.req("S2")
@pytest.mark.parametrize("path", ["/items", "/documents", "/changes", "/summary", "/items?q=segreto"])
def test_what_asks_for_level_3_is_in_no_answer_at_level_2(hub, secret, path):
    someone, item_id = secret
    seen = hub.read(path, someone).text
    assert item_id not in seen
    assert '"count":1' not in seen


@pytest.mark.req("S2")
@pytest.mark.parametrize("path", ["/items/{}", "/documents/{}/content"])
def test_what_asks_for_level_3_opens_at_level_3_alone(hub, secret, path):
    someone, item_id = secret
    assert code(hub.read(path.format(item_id), someone)) == (404, "item.unknown")
    headers = hub.reader(someone, acr=LEVEL.format(3))
    assert hub.client.get("/feed/v1" + path.format(item_id), headers=headers).status_code == 200


def test_what_asks_for_level_3_cannot_be_marked_at_level_2(hub, secret):
    someone, item_id = secret
    assert code(hub.mark(item_id, {"read": True}, someone)) == (404, "item.unknown")


def test_the_assertion_may_be_signed_by_a_key_of_its_own_kind_only(hub):
    """The portal's two keys are registered apart; one that signs assertions does not thereby speak for the portal."""
    key: SigningKey = hub.portal.key
    now = datetime.now(UTC)
    token = sign_portal_token(Caller("portale").key, iss="portale", aud=FEED_AUDIENCE, scopes="feed:read", now=now)
    assertion = sign_assertion(
        key,
        iss="portale",
        aud=FEED_AUDIENCE,
        sub="s",
        fiscal_number=ROSSI,
        acr=LEVEL.format(2),
        auth_time=now,
        scopes="feed:read",
        now=now,
    )
    headers = {"Authorization": f"Bearer {token}", "Citizen-Assertion": assertion}
    assert hub.client.get("/feed/v1/items", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("read", "one_picture"),
    [
        (lambda feed, reading: feed.page(reading, list_wish([], collection=None)), False),
        (lambda feed, reading: feed.page(reading, list_wish([("q", "n1")], collection=None)), True),
        (lambda feed, reading: feed.summary(reading), False),
        (lambda feed, reading: feed.summary(reading, "tabs"), True),
    ],
    ids=["page", "search", "summary", "sections"],
)
def test_an_answer_of_several_statements_is_of_one_picture(hub, person, read, one_picture):
    fill(hub, person, 2)
    feed, subject = hub.hub.feed, Subject(ENTE, "person", person)
    with feed.open() as look:
        reading = feed.reading(look, subject, feed.citizen(look, subject), 2)
        assert not look.is_held
        assert read(feed, reading)
        assert look.is_held is one_picture
