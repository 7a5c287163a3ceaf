"""Requests of data subjects over HTTP, and what speaks against an erasure; nobody's name on record."""

import json
from datetime import UTC, datetime

import pytest

from hub.store.database import Database
from hub.store.tables import access_log, rights_requests
from tests.flows.administering import admin_of
from tests.flows.making import code, fresh, new_person, published, rows
from tests.flows.test_accountability import citizen_of
from tests.harness import make_message, make_payment


@pytest.fixture(scope="module")
def officer(hub):
    return admin_of(hub, "dario.gialli", "data-protection")


def test_a_request_is_noted_with_its_date_and_closed_once(hub, officer):
    person = new_person()
    citizen_id = citizen_of(hub, published(hub, "messages", make_message(fresh(), tax_code=person)))
    wish = {"kind": "access", "tax_code": person, "received_on": "2026-01-31"}
    made = officer.post("/rights-requests", wish)
    assert made.status_code == 201
    assert (made.json()["due_on"], made.json()["late"]) == ("2026-02-28", True)
    assert made.json()["citizen_id"] == citizen_id
    path = f"/rights-requests/{made.json()['request_id']}/closures"
    closed = officer.post(path, {"outcome": "done"}).json()
    assert (closed["outcome"], closed["late"]) == ("done", False)
    assert code(officer.post(path, {"outcome": "refused"})) == (409, "rights_request.closed")
    listed = officer.get("/rights-requests").json()["items"]
    assert [each for each in listed if each["request_id"] == closed["request_id"]] == [closed]
    names = ("add_rights_request", "close_rights_request")
    noted = [row for name in names for row in rows(hub, access_log, operation=name, outcome="ok")]
    assert {row["citizen_id"] for row in noted} == {citizen_id}
    assert person not in json.dumps([*noted, *rows(hub, rights_requests)], default=str)


def test_who_is_unknown_may_ask_too_and_a_day_to_come_is_none(officer):
    nobody = officer.post("/rights-requests", {"kind": "erasure", "tax_code": new_person()})
    assert (nobody.status_code, nobody.json()["citizen_id"]) == (201, None)
    wrong = officer.post("/rights-requests", {"kind": "access", "tax_code": new_person(), "received_on": "2199-01-01"})
    assert (code(wrong), wrong.json()["errors"][0]["pointer"]) == ((422, "contract.violation"), "/received_on")


def test_a_day_begins_at_the_midnight_of_whoever_answers(officer, monkeypatch):
    monkeypatch.setattr(Database, "now", lambda *_: datetime(2026, 11, 25, 23, 30, tzinfo=UTC))
    wish = {"kind": "access", "tax_code": new_person()}
    assert officer.post("/rights-requests", wish | {"received_on": "2026-11-27"}).status_code == 422
    made = [officer.post("/rights-requests", wish | more) for more in ({"received_on": "2026-11-26"}, {})]
    assert [each.json()["received_on"] for each in made] == ["2026-11-26"] * 2


def test_what_speaks_against_an_erasure_is_told_and_nothing_is_erased(hub, officer):
    person = new_person()
    published(hub, "payments", make_payment(fresh(), tax_code=person))
    answer = officer.post("/erasures/previews", {"tax_code": person})
    assert answer.json() == {"concerns_somebody": True, "duties_to_keep": {"open payments": 1}}
    assert officer.post("/erasures/previews", {"tax_code": new_person()}).json()["concerns_somebody"] is False
    assert len(hub.read("/items", person).json()["items"]) >= 1


@pytest.mark.parametrize("path", ["/rights-requests", "/erasures/previews", "/exports"])
@pytest.mark.parametrize(
    ("wrong", "rule"),
    [("RSSMRA80A01H501X", "field.invalid"), ("00488410011", "field.invalid"), ("X", "field.too_short")],
)
def test_a_wrong_tax_code_is_one_fault_of_that_field(officer, path, wrong, rule):
    wish = {"tax_code": wrong} | ({"kind": "access"} if path == "/rights-requests" else {})
    refused = officer.post(path, wish)
    assert refused.status_code == 422, refused.text
    assert [(e["pointer"], e["code"]) for e in refused.json()["errors"]] == [("/tax_code", rule)]
    assert wrong not in refused.text or wrong == "X"
