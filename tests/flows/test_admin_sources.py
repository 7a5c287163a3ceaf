"""Sources over HTTP: read now, files taken in, quarantine read anew, agreements, extracts of registers; operations."""

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from contracts.failures import Deferred
from hub.store.quarantine import Misfit, keep_misfits
from hub.store.tables import access_log, citizen_attributes
from tests.flows.administering import Admin, admin_of
from tests.flows.making import code, fresh, rows
from tests.flows.sources import Source, hub_with, record, titles_of
from tests.harness import ENTE, HubUnderTest, eventually


@pytest.fixture(scope="module")
def source() -> Source:
    return Source()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, kind: str, source: Source) -> Iterator[HubUnderTest]:
    # Once an hour: what is read sooner is read because somebody asked.
    with hub_with(tmp_path_factory.mktemp("admin-sources") / "home", source, poll_every_s=3600) as hub:
        yield hub


@pytest.fixture(scope="module")
def operator(hub):
    return admin_of(hub, "olga.bianchi", "operator")


@pytest.fixture(scope="module")
def manager(hub):
    return admin_of(hub, "sara.neri", "service-manager")


def uploaded(admin: Admin, content: object):
    return admin.hub.client.post(
        "/admin/v1/connectors/odd/uploads",
        content=json.dumps(content).encode(),
        headers={"Authorization": f"Bearer {admin.token}", "Content-Type": "application/octet-stream"},
    )


def acts(hub, operation):
    """(outcome, before, after) of each line, oldest first."""
    return [
        (row["outcome"], row["act"].get("before"), row["act"].get("after"))
        for row in sorted(rows(hub, access_log, operation=operation), key=lambda row: row["access_id"])
    ]


def test_a_source_is_read_when_somebody_asks_and_says_how_it_goes(hub, operator, source, person):
    def reading():
        (one,) = operator.get("/source-readings").json()["items"]
        return one

    eventually(lambda: reading()["read_at"], bool)
    source.records = [record(person, title="Chiesto ora")]
    answer = operator.post("/connectors/odd/polls")
    assert (answer.status_code, answer.json()["connector_id"]) == (202, "odd")
    eventually(lambda: titles_of(hub, person), lambda found: found == ["Chiesto ora"])
    source.fault = Deferred("odd.busy")
    operator.post("/connectors/odd/polls")
    failed = eventually(reading, lambda one: one["failures"])
    assert failed["reason"] == "odd.busy"
    source.fault = None
    operator.post("/connectors/odd/polls")
    eventually(reading, lambda one: one["failures"] == 0)


def test_a_paused_source_is_not_read(hub, operator):
    operator.post("/connectors/odd/pauses", {"reason": "prova"})
    assert code(operator.post("/connectors/odd/polls")) == (409, "source.not_read")
    assert admin_of(hub, fresh("root"), "administrator").post("/connectors/odd/activations").status_code == 200


def test_a_file_is_taken_in_and_what_does_not_fit_is_read_anew_by_its_name(hub, manager, operator, person):
    refused = record(person, title="Servizio ignoto", service_id="poi-noto")
    answer = uploaded(manager, [record(person, title="Va bene"), refused])
    assert (answer.json()["taken"], answer.json()["quarantined"]) == (1, 1)
    assert acts(hub, "upload_source_file")[-1][2]["taken"] == 1
    (entry,) = [
        each for each in operator.get("/quarantine").json()["items"] if each["record_name"] == refused["external_id"]
    ]
    path = f"/quarantine/{entry['quarantine_id']}"
    assert operator.post(f"{path}/retries").json()["decided"] is None
    assert manager.post("/services", {"service_id": "poi-noto", "display_name": "Ora noto"}).status_code == 201
    eventually(lambda: "poi-noto" in str(hub.hub.registry().services), bool)
    assert operator.post(f"{path}/retries").json()["decided"] == "taken"
    assert titles_of(hub, person) == ["Servizio ignoto", "Va bene"]
    assert operator.get(path).json()["decided"] == "taken"
    unknown = {"decided": None, "wrong": ["service.unknown"]}
    told = [each for each in acts(hub, "retry_quarantine") if each[1] == unknown]
    assert told[-1] == ("ok", unknown, unknown | {"decided": "taken"})
    assert code(operator.post(f"{path}/retries")) == (404, "quarantine.unknown")
    assert person not in json.dumps(rows(hub, access_log), default=str)


def test_what_somebody_has_to_decide_about_is_taken_by_its_name_alone(hub, operator, person, raccordo):
    names = [fresh("odd") for _ in range(2)]
    wrong = ({"pointer": "", "code": "pagopa.paid_twice", "detail": "a second receipt"},)
    other = ({"pointer": "", "code": "service.unknown", "detail": "-"},)
    with hub.home.database.write() as tx:
        for name, fault in zip(names, (wrong, other), strict=True):
            raw = json.dumps(record(person, title=name) | {"external_id": name}).encode()
            keep_misfits(tx, hub.home.vault, [Misfit(ENTE, "odd", name, "messages", fault, raw)])
    answer = raccordo("quarantine", "retry", "--connector", "odd", "--json", code=1)
    results = {each["quarantine_id"]: each["result"] for each in answer["entries"]}
    assert sorted(results.values()) == ["needs_decision", "taken"]
    assert titles_of(hub, person) == [names[1]]
    (named,) = [key for key, result in results.items() if result == "needs_decision"]
    assert operator.post(f"/quarantine/{named}/retries").json()["decided"] == "taken"
    assert titles_of(hub, person) == sorted(names)


def test_what_is_agreed_with_a_system_is_shown_and_put_on_record(hub, manager):
    path = "/vendors/acme/sources/tributi"
    assert manager.patch(path, {"every_s": 86_400}).json()["every_s"] == 86_400
    changed = manager.patch(path, {"every_s": 3600, "draft_days": 400})
    assert (changed.json()["every_s"], changed.json()["draft_days"]) == (3600, 400)
    assert acts(hub, "change_source")[-1][1:] == (
        {"every_s": 86_400, "draft_days": 365, "heard_at": acts(hub, "change_source")[-1][1]["heard_at"]},
        {"every_s": 3600, "draft_days": 400, "heard_at": changed.json()["heard_at"]},
    )
    stale = manager.patch(path, {"every_s": 60}, headers={"If-Match": '"vecchio"'})
    assert code(stale) == (412, "precondition.failed")
    (shown,) = [each for each in manager.get("/sources").json()["items"] if each["source"] == "tributi"]
    assert shown["every_s"] == 3600
    assert code(manager.patch(path, {"draft_days": 30})) == (422, "contract.violation")
    assert code(manager.patch("/vendors/manca/sources/x", {"every_s": 60})) == (404, "vendor.unknown")


@pytest.mark.parametrize("name", ["x" * 65, "con spazio", "Anagrafe di Rossi è", "-"])
def test_a_system_has_a_name_as_its_items_say_it(manager, name):
    """Whatever stands there is kept, listed and put on record in clear."""
    answer = manager.patch(f"/vendors/acme/sources/{quote(name)}", {"every_s": 60})
    assert code(answer) == (400, "request.invalid")
    assert name not in [each["source"] for each in manager.get("/sources").json()["items"]]


def test_an_extract_of_a_register_reaches_the_profile_and_is_on_record_without_names(hub, person):
    root = admin_of(hub, fresh("root"), "administrator")
    one = {"tax_code": person, "as_of": "2026-01-01T00:00:00Z", "attributes": {"residence": "Via Segreta 1"}}
    answer = root.post("/attribute-imports", {"register_id": "anpr", "people": [one]})
    assert answer.json() == {"register_id": "anpr", "people": 1, "changed": 1}
    assert "Via Segreta 1" in hub.read("/profile", person).text
    assert root.post("/attribute-imports", {"register_id": "anpr", "people": [one]}).json()["changed"] == 0
    told = json.dumps(acts(hub, "import_attributes"))
    assert person not in told
    assert "Via Segreta" not in told + json.dumps(rows(hub, citizen_attributes), default=str)


def test_what_a_connector_can_do_at_its_provider_is_done_and_only_its_answer_holds_the_key(hub, operator, source):
    root = admin_of(hub, fresh("root"), "administrator")
    (listed,) = operator.get("/connectors/odd/operations").json()["items"]
    assert (listed["operation"], listed["arguments_schema"]["required"]) == ("make-key", ["name"])
    run = "/connectors/odd/operation-runs"
    done = root.post(run, {"operation": "make-key", "arguments": {"name": "nuova"}})
    assert (done.json()["outcome"], done.json()["answer"]) == ("done", {"key": "k-nuova"})
    begun, ended = acts(hub, "run_connector_operation")[-2:]
    assert begun[0] == "begun"
    assert ended == ("ok", None, {"operation": "make-key", "outcome": "done", "reason": None})
    assert "k-nuova" not in json.dumps(rows(hub, access_log), default=str)
    source.fault = Deferred("odd.busy", "status 503")
    failed = root.post(run, {"operation": "make-key", "arguments": {"name": "x"}}).json()
    source.fault = None
    assert (failed["outcome"], failed["reason"], failed["answer"]) == ("failed", "odd.busy", None)
    wrong = root.post(run, {"operation": "make-key", "arguments": {}})
    assert (code(wrong), wrong.json()["errors"][0]["pointer"]) == ((422, "contract.violation"), "/arguments/name")
    assert code(root.post(run, {"operation": "altro"})) == (404, "operation.unknown")
