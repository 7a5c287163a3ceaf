"""Applications end to end: drafts, taking charge, integration, history, freshness, proposed cards (S15-S30)."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from hub.store.sources import Listen, listen, standing_sources
from hub.store.tables import access_log, agenda, findings, items, sources, timeline
from tests.flows.making import (
    code,
    described_hub,
    fresh,
    mail_folder,
    make_application,
    make_service,
    new_person,
    notice_number,
    published,
    rows,
    to,
)
from tests.harness import ENTE, eventually, make_message, make_payment, make_receipt


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("practices")
    with described_hub(folder / "home", connectors=mail_folder(folder), sweep_s=300) as running:
        yield running


def whole(hub, person, item_id):
    response = hub.read(f"/items/{item_id}", person)
    assert response.status_code == 200, response.text
    return response.json()


def in_days(count):
    return (datetime.now(UTC) + timedelta(days=count)).isoformat().replace("+00:00", "Z")


def known_soon(hub, holds):
    """An administrator's change holds in the running hub within two seconds."""
    eventually(hub.hub.registry, holds)


@pytest.mark.req("S8", "S17", "S18", "S19")
def test_a_draft_is_shown_with_its_end_and_resumed_as_the_same_item(hub):
    person = new_person()
    item = make_application(fresh(), **to(person), state="draft", last_edited_at=in_days(0))
    item_id = published(hub, "applications", item)
    shown = whole(hub, person, item_id)
    assert shown["turn"] == "citizen"
    assert shown["due_at"] > in_days(364)
    assert [(one["kind"], one["state"], one["url"]) for one in shown["actions"]] == [
        ("complete", "open", item["resume_url"])
    ]
    assert published(hub, "applications", item | {"version": 2, "state": "submitted"}) == item_id
    shown = whole(hub, person, item_id)
    assert [entry["state"] for entry in shown["history"]] == ["draft", "submitted"]
    assert [(one["kind"], one["state"]) for one in shown["actions"]] == [("complete", "done")]


@pytest.mark.req("S18")
def test_a_draft_that_its_source_would_end_too_soon_is_answered_clearly(hub):
    person = new_person()
    item = make_application(fresh(), **to(person), state="draft", last_edited_at=in_days(0))
    short = hub.publish("applications", item | {"draft_expires_at": in_days(300)})
    assert (short.status_code, short.json()["errors"][0]["code"]) == (422, "draft.too_short")
    item_id = published(hub, "applications", item)
    assert code(hub.withdraw(item_id)) == (409, "draft.guaranteed")
    assert code(hub.publish("applications", item | {"version": 2, "state": "expired"})) == (409, "draft.guaranteed")
    assert whole(hub, person, item_id)["state"] == "draft"


@pytest.mark.req("S18", "S27")
def test_the_end_of_a_draft_is_on_record_and_told(hub):
    person = new_person()
    item_id = published(hub, "applications", make_application(fresh(), **to(person), state="draft"))
    with hub.home.database.write() as tx:
        for table, column in ((items, items.c.due_at), (agenda, agenda.c.at)):
            past = tx.now - timedelta(seconds=1)
            tx.connection.execute(update(table).where(table.c.item_id == item_id).values({column: past}))
    hub.hub.after_sweep()
    shown = whole(hub, person, item_id)
    assert (shown["state"], [entry["state"] for entry in shown["history"]]) == ("expired", ["draft", "expired"])
    assert [(one["kind"], one["state"]) for one in shown["actions"]] == [("complete", "expired")]
    assert "Bozza scaduta" in " ".join(one["title"] for one in hub.read("/messages", person).json()["items"])
    (row,) = rows(hub, access_log, item_id=item_id, operation="expire_draft")
    assert (row["portal_id"], row["citizen_id"] is not None, row["row_hash"] != "") == ("hub", True, True)
    events = [one["event"] for one in hub.vendor_get(f"/items/{item_id}").json()["timeline"]]
    # That the citizen was told of it comes when the e-mail has left: before this look or after it.
    assert [one for one in events if one not in ("notification", "notified")][-1] == "expired"


@pytest.mark.req("S18")
def test_a_draft_goes_where_the_citizen_asks_for_it(hub):
    person = new_person()
    item_id = published(hub, "applications", make_application(fresh(), **to(person), state="draft"))
    body = b'{"reason": "richiesta", "requested_by": "citizen"}'
    answer = hub.client.post(f"/publish/v1/items/{item_id}/withdrawals", content=body, headers=hub.signed(body))
    assert answer.status_code == 201, answer.text
    assert hub.read("/applications", person).json()["items"] == []


@pytest.mark.req("S18")
def test_an_administrator_lets_drafts_stay_longer_and_never_less_long(hub, raccordo):
    source = fresh("moduli")
    assert raccordo("source", "set", "acme", source, "--draft-days", 364, code=2)
    assert raccordo("source", "set", "acme", source, "--draft-days", 730, "--json")["draft_days"] == 730
    known_soon(hub, lambda registry: (ENTE, "acme", source) in registry.draft_days)
    person = new_person()
    item = make_application(fresh(), **to(person), source=source, state="draft", last_edited_at=in_days(0))
    refused = hub.publish("applications", item | {"draft_expires_at": in_days(500)})
    assert (refused.status_code, "730" in refused.text) == (422, True)
    assert whole(hub, person, published(hub, "applications", item))["due_at"] > in_days(729)


@pytest.mark.req("S22", "S23", "S24")
def test_taking_charge_is_told_with_protocol_and_dates_and_held_against_the_card(hub, raccordo):
    service = fresh("svc")
    raccordo("service", "add", service, "--name", "Nido", "--max-response-days", 30)
    known_soon(hub, lambda registry: registry.card(ENTE, service) is not None)
    person = new_person()
    taken = {
        "service_id": service,
        "state": "registered",
        "taken_charge_at": "2026-11-20T09:00:00Z",
        "protocol": {"number": "4711", "year": 2026, "registered_on": "2026-11-21"},
        "due_date": "2027-01-15",
    }
    item_id = published(hub, "applications", make_application(fresh(), **to(person), **taken))
    flags = [entry for entry in whole(hub, person, item_id)["timeline"] if entry["event"] == "flagged"]
    assert [entry["data"] for entry in flags] == [{"criterion": "C.SE.1.10", "code": "due_date.late", "days": 26}]
    (message,) = hub.read("/messages", person).json()["items"]
    body = whole(hub, person, message["item_id"])["content"]["body_markdown"]
    for told in ("20 novembre 2026", "4711/2026 del 21 novembre 2026", "15 gennaio 2027"):
        assert told in body
    found = {row["code"] for row in rows(hub, findings, item_id=item_id)}
    assert found == {"due_date.late", "milestones.missing"}
    report = {row["criterion"]: row for row in raccordo("compliance", "--json") if row["service_id"] == service}
    assert (report["C.SE.1.10"]["failing"], report["C.SE.1.10"]["why"]) == (1, {"due_date.late": 1})
    assert report["C.SE.1.9"]["why"] == {"milestones.missing": 1}
    assert report["C.SE.1.2"]["fails"] is False


@pytest.mark.req("S24")
def test_the_report_names_the_card_without_a_term_and_the_citizen_told_by_one_way_only(hub, raccordo):
    service = fresh("svc")
    raccordo("service", "add", service, "--name", "Occupazione suolo")
    known_soon(hub, lambda registry: registry.card(ENTE, service) is not None)
    item = make_application(fresh(), tax_code=new_person(), service_id=service, notify={"channels": []})
    published(hub, "applications", item)
    report = {
        row["criterion"]: row for row in raccordo("compliance", "--failing", "--json") if row["service_id"] == service
    }
    assert report["C.SE.1.10"]["why"] == {"card.max_response_days.missing": 1}
    assert report["C.SE.1.2"]["why"] == {"second_channel.missing": 1}


@pytest.mark.req("S2")
def test_items_of_a_service_are_shown_at_its_level(hub, raccordo):
    service = fresh("svc")
    raccordo("service", "add", service, "--name", "Sociale", "--min-loa", 3)
    known_soon(hub, lambda registry: registry.card(ENTE, service) is not None)
    person = new_person()
    soon = {"integration": {"requested_at": in_days(0), "due_at": in_days(30), "reason": "ISEE"}}
    item = make_application(fresh(), **to(person), service_id=service, state="integration_requested", **soon)
    item_id = published(hub, "applications", item)
    assert hub.read(f"/items/{item_id}", person).status_code == 404
    assert hub.read("/items", person).json()["items"] == []
    high = hub.reader(person, acr="https://www.spid.gov.it/SpidL3")
    shown = hub.client.get("/feed/v1/items", headers=high).json()["items"]
    assert sorted(one["collection"] for one in shown) == ["applications", "deadlines", "messages"]


@pytest.mark.req("S13", "S29")
def test_an_integration_has_an_action_and_a_deadline_that_close_together(hub):
    person = new_person()
    asked = {"requested_at": in_days(0), "due_at": in_days(10), "reason": "ISEE"}
    item = make_application(fresh(), **to(person), state="integration_requested", integration=asked)
    item_id = published(hub, "applications", item)
    (message,) = hub.read("/messages", person).json()["items"]
    (deadline,) = hub.read("/deadlines", person).json()["items"]

    def doors():
        found = [whole(hub, person, one)["actions"] for one in (item_id, message["item_id"], deadline["item_id"])]
        return [[(one["kind"], one["state"]) for one in actions] for actions in found]

    assert doors() == [[("integrate", "open")]] * 3
    published(hub, "applications", item | {"version": 2, "state": "integration_submitted"})
    assert doors() == [[("integrate", "done")]] * 3
    assert [one["state"] for one in hub.read("/deadlines", person).json()["items"]] == ["met"]


@pytest.mark.req("S13")
@pytest.mark.parametrize("door", ["receipt", "elsewhere"])
def test_a_payment_that_was_paid_by_any_door_is_done_in_all(hub, door):
    person, number = new_person(), notice_number()
    payment = make_payment(fresh(), **to(person), notice_number=number, due_date="2099-01-31")
    payment["pay_url"] = "https://paga.comune.example.it/1"
    item_id = published(hub, "payments", payment)
    (message,) = hub.read("/messages", person).json()["items"]
    if door == "receipt":
        paid = {"creditor_tax_code": payment["creditor_tax_code"], "notice_number": number}
        published(hub, "receipts", make_receipt(fresh(), **to(person), payment=paid))
    else:
        published(hub, "payments", payment | {"version": 2, "state": "paid_elsewhere"})
    for one in (item_id, message["item_id"]):
        assert [(each["kind"], each["state"]) for each in whole(hub, person, one)["actions"]] == [("pay", "done")]


@pytest.mark.req("S25")
@pytest.mark.parametrize("state", ["in_progress", "submitted"])
def test_the_outcome_is_not_shown_while_the_application_is_not_completed(hub, state):
    item = make_application(fresh(), **to(new_person()), state=state, outcome="accepted")
    assert code(hub.publish("applications", item)) == (422, "contract.violation")


@pytest.mark.req("S16", "S20", "S21", "S26")
def test_steps_and_history_are_whole_and_in_one_line(hub):
    person = new_person()
    steps = [
        {"order": 1, "title": "Presentazione", "state": "done", "done_at": "2026-11-01T09:00:00Z"},
        {"order": 2, "title": "Istruttoria", "state": "current"},
        {"order": 3, "title": "Esito", "state": "to_do", "planned_on": "2026-12-20"},
    ]
    past = [{"at": "2026-11-01T09:00:00Z", "state": "submitted", "label": "Inviata"}]
    own = {"procedure_steps": steps, "history": past, "submitted_at": "2026-11-01T09:00:00Z"}
    item = make_application(fresh(), **to(person), state="in_progress", **own)
    item_id = published(hub, "applications", item)
    published(hub, "applications", item | {"version": 2, "state": "completed", "outcome": "accepted", "history": []})
    published(hub, "applications", item | {"version": 3, "state": "in_progress", "history": []})
    shown = whole(hub, person, item_id)
    assert [step["state"] for step in shown["content"]["procedure_steps"]] == ["done", "current", "to_do"]
    assert [(entry["state"], entry["origin"]) for entry in shown["history"]] == [
        ("submitted", "source"),
        ("in_progress", "hub"),
        ("completed", "hub"),
        ("in_progress", "hub"),
    ]
    assert "reopened" in [entry["event"] for entry in shown["timeline"]]


# --- freshness


def back_date(hub, source, **time):
    with hub.home.database.write() as tx:
        tx.connection.execute(
            update(sources).where(sources.c.source == source).values(heard_at=tx.now - timedelta(**time))
        )


def standing(hub, source):
    with hub.home.database.read() as connection:
        now = hub.home.database.now(connection)
        (found,) = [one for one in standing_sources(connection, now) if one.source == source]
    return found


@pytest.mark.req("S25", "S30")
def test_a_source_that_is_silent_for_longer_than_agreed_is_shown_stale_until_it_speaks(hub, raccordo):
    person, source = new_person(), fresh("src")
    item = make_message(fresh(), **to(person), source=source, as_of="2026-11-20T08:00:00Z")
    published(hub, "messages", item)
    raccordo("source", "set", "acme", source, "--every", "24h")

    def shown():
        (one,) = [one for one in hub.read("/summary", person).json()["sources"] if one["source"] == source]
        return one

    assert (shown()["stale"], shown()["silent_since"], shown()["as_of"]) == (False, None, "2026-11-20T08:00:00Z")
    hub.hub.after_sweep()  # what it has said so far is heard
    back_date(hub, source, hours=25)
    assert shown()["stale"] is True
    assert shown()["silent_since"] is not None
    (row,) = [row for row in raccordo("source", "list", "--json") if row["source"] == source]
    assert row["stale"] is True
    # Another source of the same vendor is no sign of life of this one.
    published(hub, "messages", make_message(fresh(), source=fresh("other")))
    hub.hub.after_sweep()
    assert standing(hub, source).stale is True
    published(hub, "messages", item | {"version": 2})
    hub.hub.after_sweep()
    assert shown()["stale"] is False


@pytest.mark.req("S30")
def test_a_source_with_nothing_new_to_say_is_not_silent(hub, raccordo):
    source = fresh("src")
    item = make_message(fresh(), source=source)
    published(hub, "messages", item)
    raccordo("source", "set", "acme", source, "--every", "24h")
    back_date(hub, source, hours=25)
    assert code(hub.publish("messages", item)) == (200, "unchanged")
    assert standing(hub, source).stale is False


@pytest.mark.req("S30")
def test_how_many_open_applications_are_fresh_is_counted(hub, raccordo):
    source = fresh("src")
    raccordo("source", "set", "acme", source, "--every", "24h")
    for as_of in (in_days(-2), in_days(0)):
        published(hub, "applications", make_application(fresh(), source=source, state="in_progress", as_of=as_of))
    published(hub, "applications", make_application(fresh(), source=source, state="completed", as_of=in_days(0)))
    (row,) = [row for row in raccordo("source", "list", "--json") if row["source"] == source]
    assert (row["open_applications"], row["fresh"]) == (2, 1)


def test_an_agreement_with_a_source_ends(hub, raccordo):
    source = fresh("src")
    raccordo("source", "set", "acme", source, "--every", "30m")
    back_date(hub, source, hours=25)
    assert standing(hub, source).stale is True
    raccordo("source", "set", "acme", source, "--every", "never")
    assert standing(hub, source).stale is False
    hub.hub.committer.write(listen, Listen())
    for wrong in ("", "5", "0h", "-1d", "1y", "999999d"):
        raccordo("source", "set", "acme", source, "--every", wrong, code=2)
    raccordo("source", "set", "nobody", source, "--every", "1h", code=1)


# --- what vendors propose


@pytest.mark.req("S9")
def test_a_proposal_changes_nothing_until_it_is_accepted(hub, raccordo):
    service = fresh("svc")
    raccordo("service", "add", service, "--name", "Mensa", "--max-response-days", 30, "--owner-office", "Scuola")
    item = make_service(fresh(), service_id=service, name="Mensa scolastica", category="Educazione")
    item_id = published(hub, "services", item)
    (row,) = [row for row in raccordo("service", "proposals", "--json") if row["item_id"] == item_id]
    assert (row["service_id"], row["vendor_id"], row["card"]["name"]) == (service, "acme", "Mensa scolastica")
    assert raccordo("service", "show", service, "--json")["name"] == "Mensa"
    raccordo("service", "accept", item_id)
    card = raccordo("service", "show", service, "--json")
    kept = {name: card[name] for name in ("name", "category", "owner_office", "max_response_days")}
    assert kept == {
        "name": "Mensa scolastica",
        "category": "Educazione",
        "owner_office": None,
        "max_response_days": 30,
    }
    assert "already" in raccordo("service", "accept", item_id, code=1)
    assert [row for row in raccordo("service", "proposals", "--json") if row["item_id"] == item_id] == []


@pytest.mark.req("S9")
def test_a_refused_proposal_tells_its_vendor_why_and_a_new_version_is_a_new_one(hub, raccordo):
    service = fresh("svc")
    item = make_service(fresh(), service_id=service)
    item_id = published(hub, "services", item)
    raccordo("service", "refuse", item_id, "--reason", "RSSMRA80A01H501U", code=2)
    raccordo("service", "refuse", item_id, "--reason", "Manca la categoria")
    shown = hub.vendor_get(f"/items/{item_id}").json()["timeline"]
    assert shown[-1]["event"] == "proposal_refused"
    assert shown[-1]["data"] == {"version": 1, "reason": "Manca la categoria"}
    assert raccordo("service", "show", service, code=1)
    published(hub, "services", item | {"version": 2, "category": "Scuola"})
    raccordo("service", "accept", item_id)
    assert raccordo("service", "show", service, "--json")["category"] == "Scuola"
    events = [row["event"] for row in rows(hub, timeline, item_id=item_id)]
    assert sorted(events) == ["accepted", "proposal_accepted", "proposal_refused", "updated"]


def test_a_proposal_that_was_withdrawn_or_never_was_is_none(hub, raccordo):
    item_id = published(hub, "services", make_service(fresh(), service_id=fresh("svc")))
    assert hub.withdraw(item_id).status_code == 201
    raccordo("service", "accept", item_id, code=1)
    raccordo("service", "refuse", "no-such-item", "--reason", "x", code=1)
    message_id = published(hub, "messages", make_message(fresh()))
    raccordo("service", "accept", message_id, code=1)
