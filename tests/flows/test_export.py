"""The export is complete, row by row: it is held against the database's own tables (P7, P8)."""

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import insert

from contracts.export import Export
from hub.store.attributes import AttributeKeeper, Stated
from hub.store.citizens import Subject
from hub.store.database import upsert
from hub.store.delegations import add_delegation
from hub.store.exporting import INTERNAL
from hub.store.requests_of_rights import add_request
from hub.store.tables import (
    access_log,
    agenda,
    attempts,
    channel_opt_outs,
    citizen_attributes,
    citizen_contacts,
    citizens,
    delegations,
    deliveries,
    delivery_requests,
    evidence,
    findings,
    item_identities,
    item_versions,
    items,
    metadata,
    preferences,
    rights_requests,
    subscription_requests,
    timeline,
    user_states,
)
from tests.flows.making import (
    described_hub,
    fresh,
    mail_folder,
    make_application,
    make_document,
    make_subscription,
    new_person,
    notice_number,
    published,
    rows,
    to,
)
from tests.harness import ENTE, make_message, make_payment

pytestmark = pytest.mark.req("S61", "S63")

FILE = b"%PDF-1.7 " + bytes(range(256)) * 8000
SPID_3 = "https://www.spid.gov.it/SpidL3"
EXPORTED = {
    citizens,
    citizen_attributes,
    citizen_contacts,
    channel_opt_outs,
    items,
    item_identities,
    item_versions,
    timeline,
    user_states,
    agenda,
    findings,
    subscription_requests,
    preferences,
    deliveries,
    delivery_requests,
    access_log,
    rights_requests,
    delegations,
    evidence,
}
NOT_PERSONAL = {"item_copies", "item_links", "referenced_files"}
"""Tables with a citizen_id that say nothing more of the citizen: who holds a subscription, what a document is tied to
and where its file is stand in their contents."""


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    with described_hub(folder / "home", connectors=mail_folder(folder)) as running:
        yield running


def fill(hub, person):
    """A citizen with something in every collection and every table; the document's id."""
    own = to(person)
    first = make_message(fresh(), **own)
    read = published(hub, "messages", first)
    published(hub, "messages", first | {"version": 2, "title": "Di nuovo"})
    hub.mark(read, {"read": True, "starred": True}, person)
    document = published(hub, "documents", make_document(fresh(), FILE, **own))
    assert hub.upload(document, FILE).status_code == 201
    published(hub, "payments", make_payment(fresh(), **own, notice_number=notice_number()))
    application = published(hub, "applications", make_application(fresh(), **own))
    subscription = published(hub, "subscriptions", make_subscription(fresh(), **own))
    hub.settled()
    [citizen_id] = {row["citizen_id"] for row in rows(hub, items, item_id=read)}
    wishes = {"language": "en", "quiet_hours": {"start": "22:00", "end": "07:30"}}
    assert hub.write("/preferences", wishes, person, method="PATCH").status_code == 200
    opt_out = {"ente_id": ENTE, "citizen_id": citizen_id, "channel": "email", "topic": "tari", "address_hash": "x"}
    with hub.home.database.write() as tx:
        until = {"valid_from": tx.now, "valid_to": tx.now + timedelta(days=1)}
        add_delegation(tx, ENTE, principal=citizen_id, delegate=citizen_id, **until)
        add_request(tx, ENTE, "access", citizen_id, date(2026, 11, 1))
        tx.connection.execute(upsert(channel_opt_outs).values(**opt_out, at=tx.now))
        whose = {"ente_id": ENTE, "citizen_id": citizen_id}
        keeper = AttributeKeeper(hub.hub.wishes.citizens, hub.home.vault)
        keeper.state(tx, [Stated(Subject(ENTE, "person", person), "anpr", tx.now, {"birth_place": "Roma"})])
        found = {"item_id": application, "code": "term", "criterion": "S30", "days": 3, "found_at": tx.now}
        tx.connection.execute(insert(findings).values(**whose, **found))
        asked = {"item_id": subscription, "request_id": read, "kind": "renew", "asked_by": "citizen"}
        asked |= {"state": "pending", "asked_at": tx.now, "answer_by": tx.now + timedelta(days=30)}
        tx.connection.execute(insert(subscription_requests).values(**whose, **asked))
    return citizen_id, document


def export_of(hub, person, **claims):
    response = hub.client.get("/feed/v1/export", headers=hub.reader(person, **claims))
    assert response.status_code == 200
    return response.json()


def shown(value: object) -> object:
    return value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else value


def told(table, row) -> dict[str, object]:
    """A row of the database as the export has it; what is sealed is opened there."""
    skipped = INTERNAL[table]
    return {str(n): shown(v) for n, v in row.items() if n not in skipped and not n.endswith("_sealed")}


def contains(found: list[dict], wanted: dict[str, object]) -> bool:
    return any(all(each.get(name) == value for name, value in wanted.items()) for each in found)


def exported(document: dict) -> Iterator[tuple[object, list[dict]]]:
    """Each table with what the export has of it."""
    of_items = document["items"]
    yield citizens, [document["identity"]]
    yield citizen_attributes, document["attributes"]
    yield citizen_contacts, document["contacts"]
    yield channel_opt_outs, document["opt_outs"]
    yield items, of_items
    yield item_identities, [{"external_id": one["external_id"]} for one in of_items]
    yield item_versions, [each for one in of_items for each in one["versions"]]
    yield timeline, [each for one in of_items for each in one["timeline"]]
    yield user_states, [one["user_state"] for one in of_items if one["user_state"]]
    yield agenda, [each for one in of_items for each in one["agenda"]]
    yield findings, [each for one in of_items for each in one["findings"]]
    yield subscription_requests, [each for one in of_items for each in one["source_requests"]]
    yield preferences, document["preferences"]
    yield deliveries, [each for one in of_items for each in one["deliveries"]]
    yield delegations, document["delegations"]
    yield rights_requests, document["requests"]
    yield access_log, document["accesses"]


def test_each_table_that_names_a_citizen_is_exported():
    named = {table for table in metadata.sorted_tables if "citizen_id" in table.c}
    assert {table.name for table in named} == {table.name for table in EXPORTED} | NOT_PERSONAL


def test_each_row_of_the_database_is_in_the_export(hub):
    person = new_person()
    citizen_id, _ = fill(hub, person)
    before = {table: rows(hub, table, citizen_id=citizen_id) for table in EXPORTED}
    document = export_of(hub, person)
    Export.model_validate_json(json.dumps(document))
    for table, found in exported(document):
        for row in before[table]:
            assert contains(found, told(table, row)), f"{table.name}: {told(table, row)}"
        if table is not access_log:
            assert len(found) == len(before[table]), table.name
    filled = (agenda, user_states, channel_opt_outs, rights_requests, delegations, deliveries, access_log)
    for table in (*filled, findings, subscription_requests, preferences, citizen_attributes):
        assert before[table], f"{table.name}: nothing was there to export"
    tried = {row["delivery_id"] for row in rows(hub, attempts)}
    for one in (each for item in document["items"] for each in item["deliveries"]):
        assert bool(one["attempts"]) == (one["delivery_id"] in tried)
    assert document["identity"]["tax_code"] == person
    assert document["left_out"] == {"higher_level": 0, "not_yet_visible": 0, "evidence": True}


def test_the_zip_has_the_same_and_the_files(hub):
    person = new_person()
    _, item_id = fill(hub, person)
    response = hub.client.get("/feed/v1/export", headers=hub.reader(person) | {"Accept": "application/zip"})
    assert response.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        document = json.loads(archive.read("export.json"))
        [named] = [one["file"] for one in document["items"] if one["item_id"] == item_id]
        assert archive.read(named) == FILE
        assert sorted(archive.namelist()) == sorted(["export.json", named])
    assert document["items"] == export_of(hub, person)["items"]


def test_more_items_than_a_piece_are_all_there(hub):
    person = new_person()
    ids = {
        published(hub, "messages", make_message(fresh(), tax_code=person, notify={"channels": []})) for _ in range(103)
    }
    document = export_of(hub, person)
    assert {one["item_id"] for one in document["items"]} == ids
    assert len(document["items"]) == len(ids)


def test_nothing_of_anybody_else_is_in_it(hub):
    a, b = new_person(), new_person()
    published(hub, "messages", make_message(fresh(), tax_code=a))
    item_id = published(hub, "messages", make_message(fresh(), tax_code=b, title="SEGNO-DI-B"))
    hub.read(f"/items/{item_id}", a)
    text = json.dumps(export_of(hub, a))
    assert item_id not in text
    assert b not in text
    assert "SEGNO-DI-B" not in text


def test_what_needs_a_higher_level_is_left_out_and_counted(hub):
    person = new_person()
    secret = published(hub, "messages", make_message(fresh(), tax_code=person, min_loa=3, title="Riservato"))
    later = published(hub, "messages", make_message(fresh(), tax_code=person, visible_from="2099-01-01T00:00:00Z"))
    low, high = export_of(hub, person), export_of(hub, person, acr=SPID_3)
    assert secret not in json.dumps(low)
    assert low["left_out"] == {"higher_level": 1, "not_yet_visible": 1, "evidence": True}
    assert [one["item_id"] for one in high["items"]] == [secret]
    assert later not in json.dumps(high)


def test_of_somebody_unknown_nothing_is_held(hub):
    document = export_of(hub, new_person())
    assert document["identity"] is None
    assert (document["items"], document["accesses"]) == ([], [])


def test_the_export_itself_is_in_the_access_log(hub):
    person = new_person()
    published(hub, "messages", make_message(fresh(), tax_code=person))
    export_of(hub, person)
    assert hub.read("/access-log?limit=1", person).json()["items"][0]["operation"] == "export_everything"


def test_another_form_is_refused(hub):
    response = hub.client.get("/feed/v1/export", headers=hub.reader(new_person()) | {"Accept": "text/csv"})
    assert (response.status_code, response.json()["code"]) == (406, "media.not_acceptable")


def test_an_administrators_export_has_the_evidence_and_leaves_a_line(hub, raccordo, monkeypatch, tmp_path):
    person = new_person()
    citizen_id, document_id = fill(hub, person)
    published(hub, "messages", make_message(fresh(), tax_code=person, min_loa=3))
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{person.lower()}\n"))
    assert raccordo("export", "--out", tmp_path / "all.zip", "--json")["citizen_id"] == citizen_id
    assert (tmp_path / "all.zip").stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        document = json.loads(archive.read("export.json"))
        assert archive.read(f"files/{document_id}.pdf") == FILE
    Export.model_validate_json(json.dumps(document))
    proofs = rows(hub, evidence, citizen_id=citizen_id)
    assert len(document["evidence"]) == len(proofs) > 0
    assert all(contains(document["evidence"], told(evidence, row)) for row in proofs)
    assert any(one["body"] and person in one["body"] for one in document["evidence"])
    assert document["left_out"] == {"higher_level": 0, "not_yet_visible": 0, "evidence": False}
    [line] = [row for row in rows(hub, access_log, citizen_id=citizen_id) if row["portal_id"] == "cli"]
    assert line["operation"] == "export_citizen"


def test_an_administrators_export_overwrites_nothing(hub, raccordo, monkeypatch, tmp_path):
    person = new_person()
    published(hub, "messages", make_message(fresh(), tax_code=person))
    (tmp_path / "there.json").write_text("mine")
    monkeypatch.setattr("sys.stdin", io.StringIO(person))
    assert "already there" in raccordo("export", "--out", tmp_path / "there.json", code=2)
    assert (tmp_path / "there.json").read_text() == "mine"
    monkeypatch.setattr("sys.stdin", io.StringIO(new_person()))
    assert "nothing is held" in raccordo("export", "--out", tmp_path / "nobody.json", code=1)
