"""The report on services and the export of a citizen's data over HTTP: who may, what is on record, what is in it."""

import io
import json
import zipfile

import pytest

from contracts.compliance_administration import ComplianceReport
from contracts.export import Export
from hub.store.tables import access_log
from tests.flows.administering import admin_of
from tests.flows.making import code, fresh, make_application, new_person, published, rows
from tests.flows.test_accountability import citizen_of
from tests.harness import make_message, running_hub


@pytest.fixture(scope="module")
def officer(hub):
    return admin_of(hub, fresh("dpo"), "data-protection")


def exports_of(hub, citizen_id):
    return rows(hub, access_log, operation="export_citizen", citizen_id=citizen_id)


def test_all_of_one_citizen_is_exported_and_on_record_without_the_tax_code(hub, officer):
    person, other = new_person(), new_person()
    title = fresh("Titolo di prova ")
    citizen_id = citizen_of(hub, published(hub, "messages", make_message(fresh(), tax_code=person, title=title)))
    published(hub, "messages", make_message(fresh(), tax_code=other, title="Di un altro"))
    answer = officer.post("/exports", {"tax_code": person})
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == 'attachment; filename="export.json"'
    assert answer.headers["Cache-Control"] == "no-store"
    found = Export.model_validate_json(answer.content)
    assert found.identity is not None
    assert found.identity.tax_code == person
    assert title in answer.text
    assert found.evidence
    assert other not in answer.text
    [line] = exports_of(hub, citizen_id)
    assert (line["outcome"], line["act"]) == ("ok", {"target": "exports"})
    assert person not in json.dumps(line, default=str)
    seen = hub.read("/access-log", person).json()["items"]
    assert [each["actor"] for each in seen if each["operation"] == "export_citizen"] == ["administrator"]


def test_as_a_zip_the_same_is_in_it(hub, officer):
    person = new_person()
    published(hub, "messages", make_message(fresh(), tax_code=person))
    answer = officer.call("POST", "/exports", {"tax_code": person}, headers={"Accept": "application/zip"})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert Export.model_validate_json(archive.read("export.json")).identity is not None


def test_of_whom_nothing_is_held_nothing_is_said(officer):
    found = officer.post("/exports", {"tax_code": new_person()}).json()
    assert (found["identity"], found["items"], found["evidence"]) == (None, [], [])


@pytest.mark.parametrize("role", ["operator", "service-manager"])
def test_who_may_not_gets_nothing_and_it_is_on_record(hub, role):
    person = new_person()
    published(hub, "messages", make_message(fresh(), tax_code=person))
    name = fresh(role)
    assert code(admin_of(hub, name, role).post("/exports", {"tax_code": person})) == (403, "role.missing")
    assert [each["outcome"] for each in rows(hub, access_log, pseudonym=name, operation="export_citizen")] == [
        "role.missing"
    ]


def test_another_form_is_refused_before_anything_is_on_record(hub, officer):
    person = new_person()
    citizen_id = citizen_of(hub, published(hub, "messages", make_message(fresh(), tax_code=person)))
    refused = officer.call("POST", "/exports", {"tax_code": person}, headers={"Accept": "text/html"})
    assert refused.status_code == 406
    assert code(officer.post("/exports", {"tax_code": "RSSMRA"})) == (422, "contract.violation")
    assert exports_of(hub, citizen_id) == []


def test_the_report_tells_which_services_fall_short(hub, officer):
    name = fresh("senza-termine")
    made = admin_of(hub, fresh("root"), "administrator").post("/services", {"service_id": name, "display_name": "X"})
    assert made.status_code == 201
    hub.hub.registry.poll()
    assert name not in {row["service_id"] for row in _rows(officer, "C.SE.1.10")}
    published(hub, "applications", make_application(fresh(), tax_code=new_person(), service_id=name))
    [row] = [each for each in _rows(officer, "C.SE.1.10") if each["service_id"] == name]
    assert (row["fails"], row["applications"]) == (True, 1)
    assert {"code": "card.max_response_days.missing", "applications": 1} in row["why"]


def _rows(admin, criterion):
    answer = admin.get("/compliance-report")
    ComplianceReport.model_validate_json(answer.content)
    return [row for row in answer.json()["rows"] if row["criterion"] == criterion]


@pytest.mark.parametrize("at_once", [0, 1])
def test_exports_are_so_many_at_once_and_then_told_to_come_again(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr("hub.app._EXPORTS_AT_ONCE", at_once)
    with running_hub(tmp_path / "home") as hub:
        person = new_person()
        citizen_id = citizen_of(hub, published(hub, "messages", make_message(fresh(), tax_code=person)))
        officer = admin_of(hub, fresh("dpo"), "data-protection")
        answers = [each() for each in (lambda: hub.read("/export", person), lambda: _exported(officer, person)) * 2]
        assert {answer.status_code for answer in answers} == {200 if at_once else 429}
        if not at_once:
            assert {code(answer)[1] for answer in answers} == {"quota.exceeded"}
            assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
        assert len(exports_of(hub, citizen_id)) == 2 * at_once


def _exported(officer, person):
    return officer.post("/exports", {"tax_code": person})
