"""Requests of data subjects over HTTP, and erasures up to their order; nobody's name on record."""

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
    told = answer.json()
    assert (told["concerns_somebody"], told["duties_to_keep"]) == (True, {"open payments": 1})
    assert told["goes"]["payments"] == 1
    assert "evidence" in told["kept"]
    nobody = officer.post("/erasures/previews", {"tax_code": new_person()}).json()
    assert (nobody["concerns_somebody"], nobody["confirmation"]) == (False, None)
    assert len(hub.read("/items", person).json()["items"]) >= 1


def noted(officer, kind, person):
    made = officer.post("/rights-requests", {"kind": kind, "tax_code": person}).json()["request_id"]
    return f"/rights-requests/{made}"


@pytest.mark.req("P6")
def test_an_erasure_is_ordered_once_it_was_seen_by_the_privacy_officer_alone(hub, officer):
    person = new_person()
    published(hub, "messages", make_message(fresh(), tax_code=person))
    hub.settled()
    path = noted(officer, "erasure", person)
    seen = officer.post("/erasures/previews", {"tax_code": person}).json()["confirmation"]
    administrator = admin_of(hub, "anna.grande", "administrator")
    assert administrator.post(f"{path}/erasure-orders", {"confirmation": seen}).status_code == 403
    assert code(officer.post(f"{path}/erasure-orders", {"confirmation": "0" * 64})) == (409, "erasure.changed")
    published(hub, "messages", make_message(fresh(), tax_code=person))
    hub.settled()
    assert code(officer.post(f"{path}/erasure-orders", {"confirmation": seen})) == (409, "erasure.changed")
    seen = officer.post("/erasures/previews", {"tax_code": person}).json()["confirmation"]
    ordered = officer.post(f"{path}/erasure-orders", {"confirmation": seen})
    assert ordered.status_code == 200, ordered.text
    assert (ordered.json()["erasure_ordered_at"] is None, ordered.json()["erased_at"]) == (False, None)
    assert len(hub.read("/items", person).json()["items"]) == 2, "nothing is erased yet"
    done = officer.post(f"{path}/closures", {"outcome": "done"})
    assert (code(done), done.json()["errors"][0]["pointer"]) == ((422, "contract.violation"), "/outcome")
    assert officer.post(f"{path}/closures", {"outcome": "refused"}).status_code == 200
    assert code(officer.post(f"{path}/erasure-orders", {"confirmation": seen})) == (409, "rights_request.closed")
    done = rows(hub, access_log, operation="order_erasure", outcome="ok")
    [act] = [row for row in done if row["act"]["target"] == path.removeprefix("/")]
    assert act["citizen_id"] is not None
    assert person not in json.dumps([act, *rows(hub, rights_requests)], default=str)


@pytest.mark.req("P6")
def test_a_duty_to_keep_wants_a_reason_and_who_is_not_there_is_not_erased(hub, officer):
    person = new_person()
    published(hub, "payments", make_payment(fresh(), tax_code=person))
    hub.settled()
    seen = {"confirmation": officer.post("/erasures/previews", {"tax_code": person}).json()["confirmation"]}
    path = noted(officer, "erasure", person)
    refused = officer.post(f"{path}/erasure-orders", seen)
    assert (code(refused), refused.json()["errors"][0]["pointer"]) == ((422, "contract.violation"), "/despite")
    for wrong in ("", f"lo chiede {person}", "x" * 301):
        assert officer.post(f"{path}/erasure-orders", seen | {"despite": wrong}).status_code == 422
    assert officer.post(f"{path}/erasure-orders", seen | {"despite": "sentenza 12/2026"}).status_code == 200
    for other in (noted(officer, "access", person), noted(officer, "erasure", new_person())):
        answer = officer.post(f"{other}/erasure-orders", seen)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "erasure.not_asked_for")
    unknown = officer.post(f"/rights-requests/{fresh()}/erasure-orders", seen)
    assert code(unknown) == (404, "rights_request.unknown")


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
