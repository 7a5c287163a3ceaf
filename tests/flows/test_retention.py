"""What is kept no longer goes, what is restricted is hidden, and nothing else: on both databases (P5, P9; S61)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from hub.store.files import Files
from hub.store.retention import Expire, expire_items, months_before, over_now
from hub.store.tables import (
    access_log,
    agenda,
    attempts,
    deliveries,
    item_identities,
    item_links,
    item_versions,
    items,
    referenced_files,
    timeline,
    user_states,
)
from tests.flows.making import (
    described_hub,
    fresh,
    mail_folder,
    make_application,
    make_document,
    new_person,
    notice_number,
    published,
    rows,
    to,
)
from tests.harness import ENTE, eventually, make_message, make_payment

pytestmark = pytest.mark.req("S61")
FILE = b"%PDF-1.7 dati"


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("retention")
    with described_hub(folder / "home", connectors=mail_folder(folder)) as running:
        yield running


@pytest.fixture
def expire(hub):
    """Let the time pass, and the hub remove what is over; how many items went."""

    def call(months):
        now = datetime.now(UTC) + timedelta(days=31 * months)

        def later(tx, wishes):
            return expire_items(replace(tx, now=now), wishes)

        count, after = 0, ""
        while True:
            done = hub.hub.committer.write(later, Expire(after))
            Files(hub.home.folder / "files", hub.home.vault).remove(done.files)
            count, after = count + done.count, done.after
            if not after:
                return count

    return call


def test_a_message_goes_after_24_months_with_all_that_hangs_on_it(hub, expire):
    person = new_person()
    item_id = published(hub, "messages", make_message(fresh(), **to(person)))
    hub.mark(item_id, {"read": True}, person)
    [delivery] = [d for d in hub.settled() if d["message_id"] == item_id and d["connector_id"] == "mail"]
    assert rows(hub, attempts, delivery_id=delivery["delivery_id"])
    expire(22)
    assert rows(hub, items, item_id=item_id)
    assert expire(25) >= 1
    for table in (items, item_versions, timeline, user_states, item_identities, agenda):
        assert rows(hub, table, item_id=item_id) == [], table.name
    assert rows(hub, deliveries, message_id=item_id) == []
    assert rows(hub, attempts, delivery_id=delivery["delivery_id"]) == []
    assert hub.read(f"/items/{item_id}", person).status_code == 404
    [line] = [row for row in rows(hub, access_log, item_id=item_id) if row["operation"] == "retention"]
    assert line["portal_id"] == "hub"
    told = [e for e in hub.read("/access-log", person).json()["items"] if e["operation"] == "retention"]
    assert [(e["actor"], e["actor_id"]) for e in told] == [("hub", None)]


def test_what_is_still_to_come_is_not_over(hub, expire):
    person, later = new_person(), (datetime.now(UTC) + timedelta(days=31 * 12)).isoformat()
    item_id = published(hub, "messages", make_message(fresh(), **to(person), due_at=later))
    hub.settled()
    expire(30)
    assert rows(hub, items, item_id=item_id)
    expire(38)
    assert rows(hub, items, item_id=item_id) == []


def test_documents_stay_until_a_period_is_set_and_go_with_their_file(hub, expire, raccordo):
    person = new_person()
    item_id = published(hub, "documents", make_document(fresh(), FILE, **to(person)))
    assert hub.upload(item_id, FILE).status_code == 201
    [row] = rows(hub, items, item_id=item_id)
    file = hub.home.folder / "files" / row["content_key"]
    expire(200)
    assert rows(hub, items, item_id=item_id)
    assert file.exists()
    raccordo("retention", "set", "documents", "6")
    try:
        expire(7)
        assert rows(hub, items, item_id=item_id) == []
        assert not file.exists()
    finally:
        raccordo("retention", "set", "documents", "none")


def test_what_is_open_stays_whatever_its_age(hub, expire, raccordo):
    person = new_person()
    draft = published(hub, "applications", make_application(fresh(), **to(person), state="registered"))
    due = published(hub, "payments", make_payment(fresh(), **to(person), notice_number=notice_number()))
    done = published(hub, "applications", make_application(fresh(), **to(person), state="completed"))
    for collection in ("applications", "payments"):
        raccordo("retention", "set", collection, "1")
    try:
        expire(60)
    finally:
        for collection in ("applications", "payments"):
            raccordo("retention", "set", collection, "none")
    assert rows(hub, items, item_id=draft)
    assert rows(hub, items, item_id=due)
    assert rows(hub, items, item_id=done) == []


def test_what_is_restricted_is_kept(hub, expire, raccordo):
    item_id = published(hub, "messages", make_message(fresh(), **to(new_person())))
    raccordo("restrict", item_id)
    expire(60)
    assert rows(hub, items, item_id=item_id)


def test_the_periods_are_listed_and_wrong_ones_refused(hub, raccordo):
    found = {row["collection"]: row["months"] for row in raccordo("retention", "list", "--json")}
    assert found["messages"] == 24
    assert found["documents"] is None
    for wrong in (("documents", "0"), ("documents", "1201"), ("services", "3"), ("documents", "x")):
        raccordo("retention", "set", *wrong, code=2)
    assert {row["collection"]: row["months"] for row in raccordo("retention", "list", "--json")} == found


@pytest.mark.parametrize(
    ("moment", "months", "expected"),
    [
        (datetime(2026, 11, 26, tzinfo=UTC), 24, datetime(2024, 11, 26, tzinfo=UTC)),
        (datetime(2026, 3, 31, tzinfo=UTC), 1, datetime(2026, 2, 28, tzinfo=UTC)),
        (datetime(2024, 2, 29, tzinfo=UTC), 12, datetime(2023, 2, 28, tzinfo=UTC)),
        (datetime(2026, 1, 15, tzinfo=UTC), 1, datetime(2025, 12, 15, tzinfo=UTC)),
    ],
)
def test_months_are_those_of_the_calendar(moment, months, expected):
    assert months_before(moment, months) == expected


def test_what_a_document_is_tied_to_and_where_its_file_was_go_with_it(hub, expire, raccordo):
    tied = {"links": [{"rel": "application", "external_id": fresh()}]}
    item_id = published(hub, "documents", make_document(fresh(), FILE, **to(new_person()), **tied))
    assert hub.upload(item_id, FILE).status_code == 201
    [item] = rows(hub, items, item_id=item_id)
    with hub.home.database.write() as tx:
        found = {"host": "archivio.example", "state": "dead", "failures": 4, "failed_since": tx.now}
        key = {name: item[name] for name in ("ente_id", "citizen_id", "item_id")}
        tx.connection.execute(insert(referenced_files), key | found)
    assert len(rows(hub, item_links, from_item_id=item_id)) == 1
    raccordo("retention", "set", "documents", "6")
    try:
        expire(7)
    finally:
        raccordo("retention", "set", "documents", "none")
    assert rows(hub, items, item_id=item_id) == []
    assert rows(hub, item_links, from_item_id=item_id) == []
    assert rows(hub, referenced_files, item_id=item_id) == []


# --- restriction


def test_what_is_restricted_is_seen_by_nobody_until_it_is_undone(hub, raccordo):
    person, external_id = new_person(), fresh()
    item = make_message(external_id, **to(person))
    item_id = published(hub, "messages", item)
    hub.settled()
    before = hub.read("/changes", person).json()["next_cursor"]
    assert raccordo("restrict", item_id, "--json") == {"item_id": item_id, "lifecycle": "restricted"}
    assert hub.read("/items", person).json()["items"] == []
    assert hub.read(f"/items/{item_id}", person).status_code == 404
    assert hub.mark(item_id, {"read": True}, person).status_code == 404
    assert hub.vendor_get(f"/items/{item_id}").status_code == 404
    assert hub.vendor_get(f"/items?external_id={external_id}").json()["items"] == []
    assert hub.withdraw(item_id, "errore").status_code == 404
    [change] = hub.read(f"/changes?after={before}", person).json()["items"]
    assert (change["lifecycle"], change["item"]) == ("restricted", None)
    assert "is restricted, not active" in raccordo("restrict", item_id, code=1)
    assert raccordo("restrict", item_id, "--undo", "--json")["lifecycle"] == "active"
    assert hub.read(f"/items/{item_id}", person).status_code == 200
    assert hub.vendor_get(f"/items/{item_id}").status_code == 200
    operations = [row["operation"] for row in rows(hub, access_log, item_id=item_id) if row["portal_id"] == "cli"]
    assert sorted(operations) == ["release_item", "restrict_item"]


def test_what_was_to_be_sent_is_held_and_leaves_when_it_is_undone(hub, raccordo):
    person = new_person()
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    item_id = published(hub, "messages", make_message(fresh(), **to(person), visible_from=later))
    mail = {"message_id": item_id, "connector_id": "mail"}
    raccordo("restrict", item_id)
    [held] = rows(hub, deliveries, **mail)
    assert (held["state"], held["reason"]) == ("held", "item.restricted")
    raccordo("connector", "pause", "mail", "--reason", "prova")
    raccordo("connector", "activate", "mail")
    [held] = rows(hub, deliveries, **mail)
    assert held["state"] == "held"
    raccordo("restrict", item_id, "--undo")
    [free] = rows(hub, deliveries, **mail)
    assert free["state"] == "queued"
    assert free["reason"] in (None, "item.embargoed")  # whoever tried it meanwhile found that its time has not come


def test_a_new_version_of_what_is_restricted_tells_nobody(hub, raccordo):
    person = new_person()
    first = make_application(fresh(), **to(person), state="registered")
    item_id = published(hub, "applications", first)
    raccordo("restrict", item_id)
    told = len(rows(hub, items, about_item_id=item_id))
    published(hub, "applications", first | {"version": 2, "state": "completed"})
    assert len(rows(hub, items, about_item_id=item_id)) == told
    assert hub.read("/items", person).json()["items"] == []
    raccordo("restrict", item_id, "--undo")
    assert hub.read(f"/items/{item_id}", person).json()["state"] == "completed"


def test_what_is_not_there_is_not_restricted(hub, raccordo):
    item_id = published(hub, "applications", make_application(fresh(), **to(new_person())))
    assert "there is no item" in raccordo("restrict", "019b0000-0000-7000-8000-000000000000", code=1)
    assert rows(hub, items, item_id=item_id)[0]["lifecycle"] == "active"


def nothing_is_due(hub):
    """Other tests' deliveries may wait for another day."""

    def due():
        return [each for each in hub.deliveries() if each["state"] == "queued" and each["due_at"] <= datetime.now(UTC)]

    eventually(due, lambda found: not found)


def test_a_dry_run_counts_what_would_go_and_leaves_it(hub, raccordo):
    person, silent = new_person(), {"notify": {"channels": []}}
    published(hub, "payments", make_payment(fresh(), **to(person), notice_number=notice_number()))
    later = datetime.now(UTC) + timedelta(days=31 * 25)
    nothing_is_due(hub)  # what is just being delivered is not counted
    before = over_now(hub.home.database, later)
    item_id = published(hub, "messages", make_message(fresh(), **to(person), **silent))
    nothing_is_due(hub)
    assert over_now(hub.home.database, later) - before == {(ENTE, "messages"): 1}
    assert before[(ENTE, "payments")] == 0
    assert over_now(hub.home.database, later - timedelta(days=31 * 3)) == {}
    assert raccordo("retention", "apply", "--dry-run", "--json") == []
    assert rows(hub, items, item_id=item_id)


def test_what_is_just_being_delivered_stays_and_is_not_counted_either(hub, expire):
    nothing_is_due(hub)  # what the tests before have left stays while it is being delivered
    expire(25)
    item_id = published(hub, "messages", make_message(fresh(), **to(new_person())))
    nothing_is_due(hub)

    def claimed(claim_id):
        with hub.home.database.write() as tx:
            its = deliveries.update().where(deliveries.c.message_id == item_id)
            assert tx.connection.execute(its.values(claim_id=claim_id)).rowcount

    later = datetime.now(UTC) + timedelta(days=31 * 25)
    assert over_now(hub.home.database, later)[(ENTE, "messages")] == 1
    claimed("altrove")
    assert over_now(hub.home.database, later)[(ENTE, "messages")] == 0
    assert expire(25) == 0
    claimed(None)
    assert expire(25) == 1


def test_who_changed_a_period_is_on_record(hub, raccordo):
    before = len(rows(hub, access_log, operation="set_retention"))
    raccordo("retention", "set", "receipts", "120")
    raccordo("retention", "set", "receipts", "none")
    assert len(rows(hub, access_log, operation="set_retention")) == before + 2
