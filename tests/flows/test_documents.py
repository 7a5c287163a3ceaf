"""Documents: versions that take each other's place, ends, things on paper, types, ties to practices (S48-S57)."""

from datetime import UTC, datetime, timedelta

import pytest

from hub.registry import DocumentType
from hub.store.directory import load_registry
from hub.store.document_types import add_type, set_others
from hub.store.tables import agenda, items
from tests.flows.making import (
    code,
    described_hub,
    events,
    fresh,
    mail_folder,
    make_application,
    make_document,
    new_person,
    published,
    rows,
    to,
)
from tests.harness import ENTE, eventually

FILE = b"%PDF-1.7 certificato"


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("documents")
    with described_hub(folder / "home", connectors=mail_folder(folder), sweep_s=300) as running:
        yield running


def state_of(hub, item_id):
    (row,) = rows(hub, items, item_id=item_id)
    return row["state"]


def told(hub, person):
    return sorted(one["title"] for one in hub.read("/messages", person).json()["items"])


def replacing(old):
    return {"links": [{"rel": "replaces", "external_id": old["external_id"]}]}


@pytest.mark.req("S55")
@pytest.mark.parametrize("first", ["old", "new"])
def test_a_document_takes_the_place_of_another_whichever_comes_first(hub, first):
    person = new_person()
    old = make_document(fresh(), **to(person), title="Vecchio")
    new = make_document(fresh(), **to(person), title="Nuovo", **replacing(old))
    ids = {}
    for each in (old, new) if first == "old" else (new, old):
        ids[each["title"]] = published(hub, "documents", each)
    assert (state_of(hub, ids["Vecchio"]), state_of(hub, ids["Nuovo"])) == ("superseded", "available")
    assert "replaced" in events(hub, person, ids["Vecchio"])
    whole = hub.read(f"/items/{ids['Vecchio']}", person).json()
    assert ids["Nuovo"] in {one["item_id"] for one in whole["linked"]}
    assert ("Documento disponibile: Vecchio" in told(hub, person)) is (first == "old")


@pytest.mark.req("S55")
def test_the_older_one_holds_until_the_file_of_the_newer_is_here_and_again_once_that_is_taken_back(hub):
    person = new_person()
    old = make_document(fresh(), **to(person))
    new = make_document(fresh(), FILE, **to(person), **replacing(old))
    old_id, new_id = published(hub, "documents", old), published(hub, "documents", new)
    assert state_of(hub, old_id) == "available"
    assert hub.upload(new_id, FILE).status_code == 201
    assert state_of(hub, old_id) == "superseded"
    published(hub, "documents", old | {"version": 2, "title": "Corretto"})
    assert state_of(hub, old_id) == "superseded"
    assert hub.withdraw(new_id).status_code == 201
    assert state_of(hub, old_id) == "available"


def test_a_newer_version_without_the_link_gives_the_older_document_back(hub):
    person = new_person()
    old = make_document(fresh(), **to(person))
    new = make_document(fresh(), **to(person), **replacing(old))
    old_id, _ = published(hub, "documents", old), published(hub, "documents", new)
    del new["links"]
    published(hub, "documents", new | {"version": 2})
    assert state_of(hub, old_id) == "available"


def test_what_is_revoked_is_not_superseded(hub):
    person = new_person()
    old = make_document(fresh(), **to(person), state="revoked")
    new = make_document(fresh(), **to(person), **replacing(old))
    published(hub, "documents", new)
    assert state_of(hub, published(hub, "documents", old)) == "revoked"


@pytest.mark.parametrize("stranger", ["vendor", "citizen", "source"])
def test_nobody_elses_document_is_superseded(hub, stranger):
    person = new_person()
    old = make_document(fresh(), **to(person))
    old_id = published(hub, "documents", old)
    new = make_document(fresh(), **to(new_person() if stranger == "citizen" else person), **replacing(old))
    if stranger == "source":
        new["source"] = "altro"
    published(hub, "documents", new, **({"vendor": hub.other_vendor} if stranger == "vendor" else {}))
    assert state_of(hub, old_id) == "available"
    assert len(hub.read(f"/items/{old_id}", person).json()["linked"]) == 1


@pytest.mark.req("S56", "S57")
def test_a_revocation_is_told_once_and_ends_the_file(hub):
    person = new_person()
    item = make_document(fresh(), FILE, **to(person), title="Permesso")
    item_id = published(hub, "documents", item)
    hub.upload(item_id, FILE)
    for version in (2, 3):
        published(hub, "documents", item | {"version": version, "state": "revoked"})
    assert told(hub, person) == ["Documento disponibile: Permesso", "Documento revocato: Permesso"]
    assert hub.read(f"/documents/{item_id}/content", person).status_code == 404
    assert code(hub.publish("documents", item | {"version": 4})) == (422, "state.terminal")


@pytest.mark.req("S6", "S56")
def test_a_document_expires_by_itself_and_is_told_of(hub):
    person = new_person()
    item = make_document(fresh(), FILE, **to(person), title="Permesso", valid_to="2025-01-31T23:00:00Z")
    item_id = published(hub, "documents", item)
    hub.upload(item_id, FILE)
    hub.hub.after_sweep()
    hub.hub.after_sweep()
    assert state_of(hub, item_id) == "expired"
    assert told(hub, person) == ["Documento disponibile: Permesso", "Documento scaduto: Permesso"]
    assert events(hub, person, item_id).count("expired") == 1
    (deadline,) = hub.read("/deadlines", person).json()["items"]
    assert deadline["state"] == "missed"
    # It stays in the archive, and says what it is.
    answer = hub.read(f"/documents/{item_id}/content", person)
    assert (answer.status_code, answer.headers["Document-State"]) == (200, "expired")
    assert "NON%20VALIDO" in answer.headers["Content-Disposition"]
    published(hub, "documents", item | {"version": 2, "valid_to": "2099-01-31T23:00:00Z"})
    assert state_of(hub, item_id) == "available"
    assert hub.read(f"/documents/{item_id}/content", person).headers["Document-State"] == "available"


def test_what_is_given_back_after_its_end_is_expired(hub):
    person = new_person()
    old = make_document(fresh(), **to(person), valid_to="2025-01-31T23:00:00Z")
    new = make_document(fresh(), **to(person), **replacing(old))
    new_id, old_id = published(hub, "documents", new), published(hub, "documents", old)
    hub.hub.after_sweep()
    assert state_of(hub, old_id) == "superseded"
    hub.withdraw(new_id)
    hub.hub.after_sweep()
    assert state_of(hub, old_id) == "expired"


COLLECT = {"mode": "collect", "place": "Anagrafe, via Roma 1", "hours": "8-12"}
SHIP = {"mode": "ship", "address": "Via Verdi 2, 20100 Milano"}


def physical(person, delivery, **fields):
    return make_document(fresh(), **to(person), title="Carta", form="physical", delivery=delivery, **fields)


@pytest.mark.req("S51", "S53", "S56")
def test_a_thing_to_be_collected_is_told_of_when_ready_and_by_when(hub):
    person = new_person()
    item = physical(person, COLLECT)
    item_id = published(hub, "documents", item)
    soon = (datetime.now(UTC) + timedelta(days=2)).isoformat().replace("+00:00", "Z")
    ready = COLLECT | {"state": "ready", "ready_at": "2026-11-24T09:00:00Z", "collect_by": soon}
    for version in (2, 3):
        published(hub, "documents", item | {"version": version, "delivery": ready})
    assert told(hub, person) == ["In preparazione: Carta", "Pronto per il ritiro: Carta"]
    (message,) = [one for one in hub.read("/messages", person).json()["items"] if "Pronto" in one["title"]]
    body = hub.read(f"/items/{message['item_id']}", person).json()["content"]["body_markdown"]
    assert "via Roma 1" in body
    assert "8\\-12" in body
    (document,) = hub.read("/documents", person).json()["items"]
    assert document["turn"] == "citizen"
    (deadline,) = hub.read("/deadlines", person).json()["items"]
    assert deadline["state"] == "open"
    published(hub, "documents", item | {"version": 4, "delivery": ready | {"state": "collected"}})
    (deadline,) = hub.read("/deadlines", person).json()["items"]
    assert deadline["state"] == "met"
    assert rows(hub, agenda, item_id=item_id) == []
    kept = hub.read(f"/items/{item_id}", person).json()["timeline"]
    assert [one["data"]["state"] for one in kept if one["event"] == "handover"] == ["ready", "collected"]


@pytest.mark.req("S53")
def test_what_nobody_collects_is_missed(hub):
    person = new_person()
    ready = {"state": "ready", "ready_at": "2025-01-01T09:00:00Z", "collect_by": "2025-01-31T11:00:00Z"}
    published(hub, "documents", physical(person, COLLECT | ready))
    hub.hub.after_sweep()
    (deadline,) = hub.read("/deadlines", person).json()["items"]
    assert deadline["state"] == "missed"


@pytest.mark.req("S51", "S52")
def test_a_shipment_is_followed_and_its_address_stays_as_it_was(hub):
    person = new_person()
    item = physical(person, SHIP)
    item_id = published(hub, "documents", item)
    sent = SHIP | {"state": "shipped", "tracking": "AB123"}
    published(hub, "documents", item | {"version": 2, "delivery": sent})
    published(hub, "documents", item | {"version": 3, "delivery": sent | {"state": "delivered"}})
    assert told(hub, person) == ["In preparazione: Carta", "Spedito: Carta"]
    whole = hub.read(f"/items/{item_id}", person).json()
    assert whole["content"]["delivery"]["address"] == SHIP["address"]
    back = item | {"version": 4, "delivery": sent}
    assert code(hub.publish("documents", back)) == (422, "state.terminal")
    (message,) = [one for one in hub.read("/messages", person).json()["items"] if "Spedito" in one["title"]]
    body = hub.read(f"/items/{message['item_id']}", person).json()["content"]["body_markdown"]
    assert "AB123" in body
    assert "Verdi" not in body


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"delivery": SHIP | {"state": "ready"}}, "/delivery"),
        ({"delivery": COLLECT | {"state": "delivered"}}, "/delivery"),
        ({"delivery": COLLECT | {"state": "ready"}}, "/delivery"),
        (
            {"delivery": COLLECT | {"ready_at": "2026-02-01T00:00:00Z", "collect_by": "2026-01-01T00:00:00Z"}},
            "/delivery",
        ),
        ({"valid_from": "2026-02-01T00:00:00Z", "valid_to": "2026-01-01T00:00:00Z"}, ""),
        ({"links": [{"rel": "replaces", "external_id": "sé-stesso"}]}, "/links/0/external_id"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(hub, fields, pointer):
    person = new_person()
    answer = hub.publish("documents", make_document(fresh(), **to(person), **({"form": "other"} | fields)))
    assert code(answer) == (422, "contract.violation")
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]
    assert hub.read("/items", person).json()["items"] == []


def test_a_document_does_not_replace_itself(hub):
    item = make_document(fresh(), **to(new_person()))
    assert code(hub.publish("documents", item | replacing(item))) == (422, "contract.violation")


@pytest.mark.req("S48")
@pytest.mark.parametrize("says_it", ["document", "application"])
def test_a_document_and_the_practice_it_comes_from_are_found_from_each_other(hub, says_it):
    person = new_person()
    practice = make_application(fresh(), **to(person), state="completed", outcome="accepted")
    document = make_document(fresh(), **to(person))
    if says_it == "document":
        document["links"] = [{"rel": "application", "external_id": practice["external_id"]}]
    else:
        practice["links"] = [{"rel": "document", "external_id": document["external_id"]}]
    ids = {
        "document": published(hub, "documents", document),
        "application": published(hub, "applications", practice),
    }
    for one, other in (("document", "application"), ("application", "document")):
        linked = hub.read(f"/items/{ids[one]}", person).json()["linked"]
        assert (other, ids[other]) in {(each["rel"], each["item_id"]) for each in linked}


@pytest.mark.req("S54")
def test_an_unlisted_type_is_taken_and_noted_or_refused(hub):
    item = make_document(fresh(), **to(new_person()), doc_type=fresh("tipo"))
    published(hub, "documents", item)
    with hub.home.database.read() as connection:
        noted = load_registry(connection).document_types[ENTE, item["doc_type"]]
    assert noted.seen == "acme"
    with hub.home.database.write() as tx:
        add_type(tx, ENTE, item["doc_type"], DocumentType("Tipo", "Type"))
        set_others(tx, ENTE, refused=True, keep_copy=False)
    try:
        other = make_document(fresh(), **to(new_person()), doc_type=fresh("altro"))
        # A change of the vocabulary takes effect within two seconds (settled 7).
        refused = eventually(lambda: code(hub.publish("documents", other)), lambda seen: seen[0] == 422)
        assert refused == (422, "document_type.unknown")
        published(hub, "documents", item | {"version": 2})
    finally:
        with hub.home.database.write() as tx:
            set_others(tx, ENTE, refused=False, keep_copy=False)
    eventually(lambda: hub.hub.registry().other_types(ENTE).refused, lambda refused: not refused)


def test_a_type_names_no_person(hub):
    person = new_person()
    answer = hub.publish("documents", make_document(fresh(), **to(person), doc_type=person))
    assert code(answer) == (422, "contract.violation")
