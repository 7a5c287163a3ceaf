"""What the portal's pages are built of: lists by filters and words, and the sections of the three official shapes."""

import pytest

from hub.catalogue import Card, record_of
from hub.feed.sections import VIEWS
from hub.store import directory
from tests.flows.making import (
    MAKERS,
    code,
    described_hub,
    fresh,
    make_application,
    make_deadline,
    make_document,
    make_subscription,
    new_person,
    notice_number,
    published,
    titles,
)
from tests.harness import ENTE, make_message, make_payment, make_receipt

SILENT = {"notify": {"channels": []}}


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    def prepare(home, _vendor, _portal):
        cards = (
            Card("nido", "Nido d'infanzia", category="Educazione e formazione"),
            Card("sosta", "Permessi di sosta", category="Mobilità e trasporti"),
        )
        with home.database.write() as tx:
            for card in cards:
                directory.add_service(tx, ENTE, card.service_id, record_of(card))

    with described_hub(tmp_path_factory.mktemp("sections") / "home", prepare=prepare) as running:
        yield running


@pytest.fixture(scope="module")
def full(hub):
    """A citizen with something of everything; the ids by title."""
    someone = new_person()
    own = SILENT | {"tax_code": someone}
    number, parking = notice_number(), {"service_id": "sosta", "doc_type": "sosta"}
    letter = make_message(fresh(), **own, title="Lettera", body_markdown="Perché la città è più bella.")
    made = {
        "Lettera": ("messages", letter),
        "Domanda": (
            "applications",
            make_application(
                fresh(),
                **own,
                title="Domanda",
                service_id="nido",
                state="in_progress",
                reference_number="PR-77",
                protocol={"number": "2026/0042", "year": 2026},
                procedure_steps=[{"order": 1, "title": "Sopralluogo tecnico", "state": "current"}],
            ),
        ),
        "Rata": ("payments", make_payment(fresh(), **own, title="Rata", notice_number=number, service_id="nido")),
        "Certificato": ("documents", make_document(fresh(), **own, title="Certificato", doc_type="anagrafe")),
        "Permesso": (
            "documents",
            make_document(fresh(), **own, title="Permesso", **parking),
        ),
        "Iscrizione": ("subscriptions", make_subscription(fresh(), **own, title="Iscrizione")),
        "Scadenza": ("deadlines", make_deadline(fresh(), **own, title="Scadenza", due_at="2098-01-31T23:00:00Z")),
    }
    ids = {title: published(hub, collection, item) for title, (collection, item) in made.items()}
    hub.mark(ids["Permesso"], {"archived": True, "starred": True}, someone)
    return someone, ids


@pytest.mark.req("S6", "S7", "S67")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("/items?collection=documents,subscriptions", {"Certificato", "Iscrizione"}),
        ("/items?collection=documents,subscriptions&archived=any", {"Certificato", "Iscrizione", "Permesso"}),
        ("/items?notices=false&state=active,in_progress", {"Iscrizione", "Domanda"}),
        ("/applications?state=draft,suspended", set()),
        ("/documents?doc_type=anagrafe", {"Certificato"}),
        ("/documents?doc_type=sosta", set()),
        ("/documents?doc_type=sosta&archived=any", {"Permesso"}),
        (
            "/items?notices=false&collection=applications,payments&category=EDUCAZIONE%20e%20formazione",
            {"Domanda", "Rata"},
        ),
        ("/documents?category=mobilita%20e%20trasporti&archived=any", {"Permesso"}),
        ("/items?category=altro", set()),
        ("/items?starred=true&archived=any", {"Permesso"}),
        ("/documents?starred=false&archived=any", {"Certificato"}),
        ("/deadlines?due_from=2098-01-01T00:00:00Z&due_to=2099-01-01T00:00:00Z", {"Scadenza"}),
        ("/deadlines?due_from=2098-02-01T00:00:00Z", set()),
        ("/items?q=citta%20piu", {"Lettera"}),
        ("/items?q=CITT%C3%80", {"Lettera"}),
        ("/applications?q=sopralluogo", {"Domanda"}),
        ("/applications?q=pr-77", {"Domanda"}),
        ("/applications?q=2026/0042", {"Domanda"}),
        ("/applications?q=educazione%20domanda", {"Domanda"}),
        ("/documents?q=mobilita&archived=true", {"Permesso"}),
        ("/items?q=https", set()),
    ],
)
def test_a_list_has_exactly_what_was_asked_for(hub, full, query, expected):
    assert set(titles(hub.read(query, full[0]))) == expected


def test_values_in_another_order_are_the_same_list(hub, full):
    someone, _ = full
    first = hub.read("/items?collection=documents,payments&archived=any&limit=1", someone).json()
    then = hub.read(f"/items?collection=payments,documents&archived=any&limit=2&cursor={first['next_cursor']}", someone)
    assert len(titles(then)) == 2


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("collection=documents,altro", "collection"),
        ("collection=documents,", "collection"),
        ("state=,", "state"),
        ("state=" + ",".join("abcdefghijklmnopqrstu"), "state"),
        ("archived=all", "archived"),
        ("starred=any", "starred"),
        ("notices=1", "notices"),
        ("due_from=domani", "due_from"),
    ],
)
def test_a_wrong_parameter_is_named(hub, query, pointer):
    response = hub.read(f"/items?{query}")
    assert code(response) == (400, "request.invalid")
    assert response.json()["errors"][0]["pointer"] == f"#query/{pointer}"


@pytest.mark.req("S25", "S67")
def test_a_row_has_what_a_table_shows(hub, full):
    someone, ids = full
    rows = {row["item_id"]: row for row in hub.read("/items?archived=any", someone).json()["items"]}
    names = ("service_name", "category", "number", "protocol", "amount_cents")
    shown = {title: tuple(rows[item_id][name] for name in names) for title, item_id in ids.items()}
    assert shown["Domanda"] == ("Nido d'infanzia", "Educazione e formazione", "PR-77", "2026/0042", None)
    assert shown["Rata"][0] == "Nido d'infanzia"
    assert shown["Rata"][4] == 12_500
    assert shown["Lettera"] == (None, None, None, None, None)


@pytest.mark.req("S65", "S67")
@pytest.mark.parametrize("view", VIEWS)
def test_each_section_counts_and_shows_what_its_list_has(hub, full, view):
    someone, _ = full
    summary = hub.read(f"/summary?view={view}", someone).json()
    assert summary["view"] == view
    assert [section["code"] for section in summary["view_sections"]] == [section.code for section in VIEWS[view]]
    for section in summary["view_sections"]:
        path = f"/items?limit=100&collection={','.join(section['collections'])}"
        if section["notices"] is not None:
            path += f"&notices={str(section['notices']).lower()}"
        listed = hub.read(path, someone).json()["items"]
        assert section["latest"] == listed[:5]
        assert section["count"] == len(listed) == sum(state["count"] for state in section["states"])
        assert section["unread"] == sum(not item["user_state"]["read"] for item in listed)
        assert section["waiting_for_citizen"] == sum(item["turn"] == "citizen" for item in listed)


@pytest.mark.req("S65")
def test_every_item_of_the_desk_and_the_tabs_is_in_one_section_at_most(hub, full):
    someone, _ = full
    for view in VIEWS:
        sections = hub.read(f"/summary?view={view}", someone).json()["view_sections"]
        shown = [row["item_id"] for section in sections for row in section["latest"]]
        assert len(shown) == len(set(shown))
        assert shown


def test_without_a_view_there_are_no_sections_of_one_and_a_wrong_one_is_refused(hub, full):
    plain = hub.read("/summary", full[0]).json()
    assert (plain["view"], plain["view_sections"]) == (None, [])
    assert sum(s["count"] for s in plain["sections"]) == len(hub.read("/items?limit=100", full[0]).json()["items"])
    assert plain["waiting_for_body"] >= 1
    assert code(hub.read("/summary?view=altra")) == (400, "request.invalid")


@pytest.mark.req("S5")
@pytest.mark.parametrize("view", VIEWS)
def test_whoever_has_nothing_sees_the_same_sections_empty(hub, view):
    sections = hub.read(f"/summary?view={view}", new_person()).json()["view_sections"]
    assert [(s["code"], s["count"], s["latest"]) for s in sections] == [(s.code, 0, []) for s in VIEWS[view]]


@pytest.mark.req("S7")
@pytest.mark.parametrize("collection", sorted(set(MAKERS) - {"services"}))
def test_a_new_version_makes_it_new_again_and_leaves_it_in_the_archive(hub, collection):
    person = new_person()
    item = MAKERS[collection](fresh(), **SILENT, tax_code=person)
    if collection in ("payments", "receipts"):
        number = {"notice_number": notice_number()}
        item |= number if collection == "payments" else {"payment": number | {"creditor_tax_code": "00488410010"}}
    item_id = published(hub, collection, item)
    hub.mark(item_id, {"read": True, "archived": True, "starred": True}, person)
    published(hub, collection, item | {"version": 2, "title": "Cambiato"})
    seen = hub.read(f"/items/{item_id}", person).json()
    assert seen["title"] == "Cambiato"
    state = seen["user_state"]
    # Of what the hub could make of other items there is no news; all else is new again.
    assert state == {"read": collection == "deadlines", "archived": True, "starred": True, "confirmed": False}
    assert item_id not in [row["item_id"] for row in hub.read("/items", person).json()["items"]]
    if collection != "deadlines":
        unread = hub.read("/items?archived=true&unread=true", person).json()["items"]
        assert item_id in [row["item_id"] for row in unread]


def test_receipts_are_made(hub):
    """The ground of the table above: each maker's item can be published at all."""
    assert hub.publish("receipts", make_receipt(fresh(), **SILENT, tax_code=new_person())).status_code == 201
