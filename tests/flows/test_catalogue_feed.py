"""The catalogue as the portal reads it: what can be started, by pages, with an ETag (S9)."""

import pytest

from hub.catalogue import Card, record_of
from hub.store import directory
from hub.store.catalogue import set_service
from hub.store.tables import access_log
from tests.flows.making import (
    code,
    described_hub,
    fresh,
    make_application,
    make_subscription,
    new_person,
    published,
    rows,
)
from tests.harness import ENTE, eventually

NURSERY = Card(
    "nido",
    "Iscrizione al nido d'infanzia",
    card_url="https://www.comune.example.it/servizi/nido",
    start_url="https://servizi.comune.example.it/nido",
    category="Educazione e formazione",
    life_events=("Avere un figlio",),
    owner_office="Ufficio scuola",
    max_response_days=30,
    min_loa=2,
)
CARDS = (
    NURSERY,
    Card("mensa", "Mensa scolastica", category="Educazione e formazione"),
    Card("permessi", "Permessi di circolazione", category="Mobilità e trasporti"),
    Card("piscina", "Piscina", state="suspended"),
    Card("bozza", "Bozza", state="draft"),
    Card("vecchio", "Servizio di una volta", state="retired"),
)


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    def prepare(home, _vendor, _portal):
        with home.database.write() as tx:
            for card in CARDS:
                directory.add_service(tx, ENTE, card.service_id, record_of(card))

    with described_hub(tmp_path_factory.mktemp("catalogue") / "home", prepare=prepare) as running:
        yield running


def names(response):
    assert response.status_code == 200, response.text
    return [service["service_id"] for service in response.json()["items"]]


@pytest.mark.req("S9")
def test_a_service_has_all_that_is_needed_to_start_it(hub):
    (shown,) = [one for one in hub.read("/services").json()["items"] if one["service_id"] == "nido"]
    assert shown == {
        "service_id": "nido",
        "name": NURSERY.name,
        "state": "published",
        "card_url": NURSERY.card_url,
        "start_url": NURSERY.start_url,
        "category": NURSERY.category,
        "life_events": ["Avere un figlio"],
        "owner_office": "Ufficio scuola",
        "max_response_days": 30,
        "min_loa": 2,
    }


@pytest.mark.req("S9")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["mensa", "nido", "permessi", "tari"]),
        ("?state=published", ["mensa", "nido", "permessi", "tari"]),
        ("?state=suspended", ["piscina"]),
        ("?category=educazione%20e%20formazione", ["mensa", "nido"]),
        ("?category=Mobilita%20e%20trasporti", ["permessi"]),
        ("?category=Educazione", []),
        ("?q=figlio", ["nido"]),
        ("?q=MOBILITA%20permessi", ["permessi"]),
        ("?q=nido%20piscina", []),
    ],
)
def test_the_catalogue_has_exactly_what_was_asked_for(hub, query, expected):
    assert names(hub.read(f"/services{query}")) == expected


@pytest.mark.req("S9")
def test_its_pages_follow_one_another(hub):
    person, found, cursor = new_person(), [], ""
    while cursor is not None:
        page = hub.read("/services?limit=2" + (f"&cursor={cursor}" if cursor else ""), person)
        found += names(page)
        cursor = page.json()["next_cursor"]
    assert found == ["mensa", "nido", "permessi", "tari"]


def test_a_cursor_is_good_for_its_reader_and_its_list_alone(hub):
    person = new_person()
    cursor = hub.read("/services?limit=2", person).json()["next_cursor"]
    for reader, query in ((new_person(), "limit=2"), (person, "limit=2&q=nido"), (person, "state=suspended")):
        assert code(hub.read(f"/services?{query}&cursor={cursor}", reader)) == (400, "request.invalid")


@pytest.mark.parametrize("query", ["state=draft", "state=retired", "q=", "limit=0", "cursor=x", "colore=blu"])
def test_a_wrong_parameter_is_refused(hub, query):
    assert code(hub.read(f"/services?{query}")) == (400, "request.invalid")


@pytest.mark.parametrize("query", ["", "?limit=2"])
def test_what_is_known_is_not_sent_again_until_it_changes(hub, query):
    path, person = f"/services{query}", new_person()
    tag = hub.read(path, person).headers["ETag"]
    assert hub.read(path, person, headers={"If-None-Match": tag}).status_code == 304
    with hub.home.database.write() as tx:
        set_service(tx, ENTE, "mensa", {"owner_office": fresh("Ufficio")})
    eventually(lambda: hub.read(path, person, headers={"If-None-Match": tag}).status_code, lambda s: s == 200)


@pytest.mark.req("S63")
def test_reading_it_leaves_one_access_record(hub):
    pseudonym = fresh("session")
    assert hub.client.get("/feed/v1/services", headers=hub.reader(sub=pseudonym)).status_code == 200
    (row,) = rows(hub, access_log, pseudonym=pseudonym)
    assert (row["operation"], row["outcome"]) == ("list_services", "ok")


def test_whoever_does_not_say_who_he_is_reads_nothing(hub):
    assert hub.client.get("/feed/v1/services").status_code in (400, 401)


@pytest.mark.req("S15")
def test_a_practice_its_service_and_the_subscription_it_leads_to_are_found_from_each_other(hub):
    """From either end the other is one step away, and both name the card from which one starts."""
    person, practice = new_person(), fresh("domanda")
    application = make_application(practice, tax_code=person, service_id="nido", state="completed", outcome="accepted")
    applied = published(hub, "applications", application)
    link = [{"rel": "application", "external_id": practice}]
    subscribed = published(
        hub, "subscriptions", make_subscription(fresh(), tax_code=person, service_id="nido", links=link)
    )
    for one, other in ((applied, subscribed), (subscribed, applied)):
        whole = hub.read(f"/items/{one}", person).json()
        assert other in [each["item_id"] for each in whole["linked"]]
        assert whole["service_id"] == "nido"
    card = next(each for each in hub.read("/services", person).json()["items"] if each["service_id"] == "nido")
    assert card["start_url"] == NURSERY.start_url
