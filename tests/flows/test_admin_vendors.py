"""A vendor comes on board over HTTP: record, keys, sandbox, conformance, production; and the catalogue of services."""

import json
from datetime import datetime

import pytest

from contracts.base import ROME
from hub.store.tables import vendors
from tests.flows.administering import active, admin_of
from tests.flows.making import code, command_line, described_hub, fresh, new_person, rows, to
from tests.harness import Caller, eventually, make_message


@pytest.fixture(scope="module")
def boxes(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("boxes")
    for name in ("public", "trial"):
        (folder / name).mkdir()
    return folder


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory, boxes):
    connectors = {"mail": ("loopback", {"folder": str(boxes / "public")})}
    with described_hub(tmp_path_factory.mktemp("vendors"), connectors=connectors) as hub:
        yield hub


@pytest.fixture(scope="module")
def admin(hub):
    return admin_of(hub, "sergio.neri", "service-manager")


@pytest.fixture
def name():
    return fresh("fornitore")


def wish_of(name):
    return {"vendor_id": name, "display_name": "Fornitore di prova", "trust": "jwk", "collections": ["messages"]}


def record(admin, name, **fields):
    answer = admin.post("/vendors", wish_of(name) | fields)
    assert answer.status_code == 201, answer.text
    return answer


def register(admin, caller):
    material = {"keys": [caller.key.public_jwk()]}
    answer = admin.post(f"/vendors/{caller.name}/vendor-keys", {"kind": "jwk", "material": material})
    assert answer.status_code == 201, answer.text
    return answer.json()["items"][0]


def report(*outcomes):
    cases = [{"group": "g", "name": f"c{n}", "outcome": outcome} for n, outcome in enumerate(outcomes)]
    counts = {name: outcomes.count(name) for name in ("passed", "failed", "skipped")}
    return {"report": {"tried": "https://hub.comune.example.it/publish/v1", **counts, "cases": cases}}


def publish(hub, caller, **fields):
    item = make_message(fresh(), **to(new_person()), notify={"channels": ["email"]}, **fields)
    return hub.publish("messages", item, vendor=caller)


def test_a_vendor_comes_on_board_step_by_step(hub, admin, name, boxes):
    root = admin_of(hub, fresh("root"), "administrator")
    active(root, fresh("prova"), boxes / "trial", environment="test")
    eventually(hub.hub.connectors.test_outlets, bool)
    caller = Caller(name)
    made = record(admin, name).json()
    assert (made["stage"], made["usable_keys"], made["newest_report"]) == ("sandbox", 0, None)
    assert publish(hub, caller).status_code == 401
    assert register(admin, caller)["state"] == "current"
    eventually(lambda: publish(hub, caller).status_code, lambda found: found == 201)
    eventually(lambda: [*(boxes / "trial").glob("*.json")], bool)
    assert [*(boxes / "public").glob("*.json")] == [], "what is published in the sandbox reaches nobody"
    to_production = {"stage": "production"}
    assert code(admin.patch(f"/vendors/{name}", to_production)) == (409, "vendor.not_conformant")
    failed = admin.post(f"/vendors/{name}/conformance-reports", report("passed", "failed"))
    assert failed.json()["verdict"] == "failed"
    assert code(admin.patch(f"/vendors/{name}", to_production)) == (409, "vendor.not_conformant")
    passed = admin.post(f"/vendors/{name}/conformance-reports", report("passed", "skipped"))
    assert (passed.status_code, passed.json()["verdict"]) == (201, "passed")
    listed = admin.get(f"/vendors/{name}/conformance-reports").json()["items"]
    assert [each["verdict"] for each in listed] == ["passed", "failed"]
    assert admin.patch(f"/vendors/{name}", to_production).json()["stage"] == "production"

    def reached():
        assert publish(hub, caller).status_code == 201
        return [*(boxes / "public").glob("*.json")]

    eventually(reached, bool)


def test_the_command_line_says_at_which_stage_a_vendor_is(hub, admin, name, monkeypatch, capsys):
    record(admin, name)
    raccordo = command_line(hub, monkeypatch, capsys)
    assert raccordo("vendor", "show", name, "--json")["stage"] == "sandbox"
    stages = {each["vendor_id"]: each["stage"] for each in raccordo("vendor", "list", "--json")}
    assert (stages[name], stages["acme"]) == ("sandbox", "production")


def test_a_vendor_put_back_into_its_sandbox_needs_a_new_report(admin, name):
    record(admin, name)
    old = admin.post(f"/vendors/{name}/conformance-reports", report("passed")).json()
    assert admin.patch(f"/vendors/{name}", {"stage": "sandbox"}).json()["newest_report"]["verdict"] == "passed", "it is"
    assert admin.patch(f"/vendors/{name}", {"stage": "production"}).status_code == 200
    assert admin.patch(f"/vendors/{name}", {"daily_quota": 9}).json()["newest_report"]["verdict"] == "passed"
    back = admin.patch(f"/vendors/{name}", {"stage": "sandbox"})
    assert (back.status_code, back.json()["newest_report"]["verdict"]) == (200, "lapsed")
    assert code(admin.patch(f"/vendors/{name}", {"stage": "production"})) == (409, "vendor.not_conformant")
    kept = admin.get(f"/vendors/{name}/conformance-reports/{old['report_id']}").json()
    assert (kept["verdict"], kept["sha256"]) == ("lapsed", old["sha256"])
    admin.post(f"/vendors/{name}/conformance-reports", report("passed"))
    assert admin.patch(f"/vendors/{name}", {"stage": "production"}).json()["stage"] == "production"


def test_a_record_is_listed_changed_suspended_and_readmitted(hub, admin, name):
    caller = Caller(name)
    tag = record(admin, name, service_ids=["tari"]).headers["ETag"]
    register(admin, caller)
    shown = admin.get(f"/vendors/{name}")
    assert shown.json()["service_ids"] == ["tari"]
    assert name in {each["vendor_id"] for each in admin.get("/vendors?limit=100").json()["items"]}
    assert code(admin.patch(f"/vendors/{name}", {"active": False}, headers={"If-Match": tag})) == (
        412,
        "precondition.failed",
    ), "a key came meanwhile"
    changed = admin.patch(f"/vendors/{name}", {"daily_quota": 5, "service_ids": [], "aliases": [f"{name}-bis"]})
    assert (changed.json()["daily_quota"], changed.json()["service_ids"]) == (5, [])
    began = datetime.now(ROME).date()

    def counted():
        assert publish(hub, caller).status_code in (201, 401)
        return admin.get(f"/vendors/{name}/quota-days").json()["items"]

    (day,) = eventually(counted, lambda found: found != [])
    assert day["used"] == 1
    assert day["day"] in {each.isoformat() for each in (began, datetime.now(ROME).date())}
    assert code(admin.get(f"/vendors/{name}-bis/quota-days")) == (404, "vendor.unknown")
    assert admin.patch(f"/vendors/{name}", {"daily_quota": None}).json()["daily_quota"] is None
    eventually(lambda: publish(hub, caller).status_code, lambda found: found == 201)
    admin.patch(f"/vendors/{name}", {"active": False})
    eventually(lambda: code(publish(hub, caller)), lambda found: found == (403, "vendor.suspended"))
    admin.patch(f"/vendors/{name}", {"active": True})
    eventually(lambda: publish(hub, caller).status_code, lambda found: found == 201)


def test_a_service_outside_the_catalogue_is_refused_by_its_name_and_changes_nothing(admin, name):
    def refused(answer):
        assert answer.status_code == 422, answer.text
        return [(fault["pointer"], fault["code"], "'tarri'" in fault["detail"]) for fault in answer.json()["errors"]]

    wish = wish_of(name) | {"service_ids": ["tari", "tarri"]}
    assert refused(admin.post("/vendors", wish)) == [("/service_ids/1", "service.unknown", True)]
    assert admin.get(f"/vendors/{name}").status_code == 404
    record(admin, name, service_ids=["tari"])
    assert refused(admin.patch(f"/vendors/{name}", {"service_ids": ["tarri"], "daily_quota": 7})) == [
        ("/service_ids/0", "service.unknown", True)
    ]
    kept = admin.get(f"/vendors/{name}").json()
    assert (kept["service_ids"], kept["daily_quota"]) == (["tari"], None)


def test_a_revoked_key_is_refused_within_seconds_and_stays_on_record(hub, admin, name):
    caller = Caller(name)
    record(admin, name)
    key_id = register(admin, caller)["key_id"]
    eventually(lambda: publish(hub, caller).status_code, lambda found: found == 201)
    assert admin.call("DELETE", f"/vendors/{name}/vendor-keys/{key_id}").status_code == 204
    eventually(lambda: publish(hub, caller).status_code, lambda found: found == 401)
    (key,) = admin.get(f"/vendors/{name}/vendor-keys").json()["items"]
    assert (key["state"], key["label"]) == ("revoked", caller.key.kid)
    assert code(admin.call("DELETE", f"/vendors/{name}/vendor-keys/{key_id}")) == (409, "vendor_key.revoked")
    assert code(admin.call("DELETE", f"/vendors/{name}/vendor-keys/manca")) == (404, "vendor_key.unknown")


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({"kind": "jwk", "material": {"kty": "oct", "k": "c2VncmV0bw"}}, "/material"),
        ({"kind": "jwk", "material": "non è JSON"}, "/material"),
        ({"kind": "jwk", "material": "[" * 100_000}, "/material"),
        ({"kind": "jwk", "material": {"keys": []}}, "/material"),
        ({"kind": "thumbprint", "material": "zz"}, "/material"),
        ({"kind": "anchor", "material": "-----BEGIN NOTHING-----"}, "/material"),
        ({"kind": "certificate", "material": 7}, "/material"),
        ({"kind": "thumbprint", "material": "ab" * 32}, "/kind"),
        ({"kind": "inventato", "material": ""}, "/kind"),
    ],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value)[:40],
)
def test_material_that_cannot_be_trusted_is_refused_and_nothing_is_registered(admin, name, wish, pointer):
    record(admin, name)
    answer = admin.post(f"/vendors/{name}/vendor-keys", wish)
    assert code(answer) == (422, "contract.violation")
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert admin.get(f"/vendors/{name}/vendor-keys").json()["items"] == []


def test_what_holds_already_is_not_registered_twice_and_comes_back_once_revoked(admin, name):
    """A CA that stood there twice still held after one of the two was revoked."""
    record(admin, name, trust="x509")
    wish = {"kind": "thumbprint", "material": "ab" * 32}
    (first,) = admin.post(f"/vendors/{name}/vendor-keys", wish).json()["items"]
    again = admin.post(f"/vendors/{name}/vendor-keys", wish | {"material": ":".join(["AB"] * 32)})
    assert code(again) == (422, "contract.violation")
    assert again.json()["errors"][0]["code"] == "key.known"
    assert first["key_id"] in again.json()["errors"][0]["detail"]
    assert admin.call("DELETE", f"/vendors/{name}/vendor-keys/{first['key_id']}").status_code == 204
    assert admin.post(f"/vendors/{name}/vendor-keys", wish).status_code == 201


def test_a_private_key_is_nobodys_to_register(hub, admin, name):
    record(admin, name)
    private = Caller(name).key.public_jwk() | {"d": "c2VncmV0bw"}
    answer = admin.post(f"/vendors/{name}/vendor-keys", {"kind": "jwk", "material": private})
    assert code(answer) == (422, "contract.violation")
    assert "c2VncmV0bw" not in answer.text + str(rows(hub, vendors))


@pytest.mark.parametrize(
    "given",
    [
        {"report": 7},
        {"report": {}},
        {"report": {"tried": "x", "cases": {}}},
        {"report": {"tried": "x", "passed": 2, "failed": 0, "skipped": 0, "cases": [{"outcome": "passed"}]}},
        {"report": {"tried": "x", "passed": 1, "failed": 0, "skipped": 0, "cases": [{"outcome": "forse"}]}},
        {"report": {"tried": "x", "passed": 1, "failed": 0, "skipped": 0, "cases": [7]}},
    ],
    ids=lambda given: json.dumps(given)[:40],
)
def test_a_report_that_is_none_is_not_attached(admin, name, given):
    record(admin, name)
    assert code(admin.post(f"/vendors/{name}/conformance-reports", given)) == (422, "contract.violation")
    assert admin.get(f"/vendors/{name}").json()["newest_report"] is None


def test_a_report_without_a_case_that_passed_has_not_passed(admin, name):
    record(admin, name)
    assert admin.post(f"/vendors/{name}/conformance-reports", report("skipped")).json()["verdict"] == "failed"


def test_names_that_are_taken_are_refused(admin, name):
    record(admin, name, aliases=[f"{name}-alias"])
    own = {"display_name": "Altro", "trust": "jwk", "collections": ["messages"]}
    for taken in (name, f"{name}-alias", "raccordo"):
        assert code(admin.post("/vendors", own | {"vendor_id": taken})) == (409, "vendor.exists")
    record(admin, f"{name}-2")
    for taken in (name, "raccordo"):
        assert code(admin.patch(f"/vendors/{name}-2", {"aliases": [taken]})) == (409, "vendor.exists")
    assert code(admin.patch(f"/vendors/{name}", {"display_name": None})) == (422, "contract.violation")
    assert code(admin.get(f"/vendors/{name}-alias")) == (404, "vendor.unknown")


def test_services_are_put_into_the_catalogue_and_changed(admin, hub):
    name = fresh("servizio")
    made = admin.post("/services", {"service_id": name, "display_name": "Mensa", "life_events": ["figli"]})
    assert (made.status_code, made.headers["Location"]) == (201, f"/admin/v1/services/{name}")
    assert code(admin.post("/services", {"service_id": name, "display_name": "X"})) == (409, "catalogue.exists")
    tag = admin.get(f"/services/{name}").headers["ETag"]
    changed = admin.patch(f"/services/{name}", {"max_response_days": 30, "life_events": []}, headers={"If-Match": tag})
    assert (changed.json()["max_response_days"], changed.json()["life_events"]) == (30, [])
    assert code(admin.patch(f"/services/{name}", {"state": "retired"}, headers={"If-Match": tag})) == (
        412,
        "precondition.failed",
    )
    assert admin.patch(f"/services/{name}", {"max_response_days": None}).json()["max_response_days"] is None
    assert code(admin.patch(f"/services/{name}", {"display_name": None})) == (422, "contract.violation")
    assert code(admin.get("/services/manca")) == (404, "catalogue.unknown")
    assert name in {each["service_id"] for each in admin.get("/services").json()["items"]}


def test_each_act_is_on_record_with_what_was_and_what_is(hub, admin, name):
    record(admin, name)
    admin.patch(f"/vendors/{name}", {"daily_quota": 7})
    dpo = admin_of(hub, fresh("dpo"), "data-protection")
    found = dpo.get(f"/audit-records?target=vendors/{name}").json()["items"]
    assert [each["operation"] for each in found] == ["change_vendor", "add_vendor"]
    assert (found[0]["before"], found[0]["after"]) == ({"daily_quota": None}, {"daily_quota": 7})


def test_what_nobody_served_in_the_sandbox_is_not_sent_again_to_the_public(hub, admin, name, boxes, raccordo):
    caller = Caller(name)
    record(admin, name)
    register(admin, caller)
    person = new_person()
    # Another channel than the one that tests have a connector for.
    item = make_message(fresh(), **to(person), notify={"channels": ["io"]})
    eventually(lambda: hub.publish("messages", item, vendor=caller).status_code, lambda found: found in (200, 201))
    (row,) = [each for each in hub.deliveries() if each["channel"] == "io"]
    assert (row["state"], row["connector_id"]) == ("skipped", "-")
    root = admin_of(hub, fresh("root"), "administrator")
    active(root, fresh("io"), boxes / "public", settings={"folder": str(boxes / "public"), "channel": "io"})
    answer = root.post(f"/deliveries/{row['delivery_id']}/replays")
    assert code(answer) == (409, "delivery.not_replayable")
    assert "test" in raccordo("delivery", "replay", row["delivery_id"], code=1)


PDND = {"trust": "pdnd", "pdnd_clients": ["2a70768a-a59e-5470-a0dd-0d4a46870d58"], "pdnd_purposes": ["scopo-1"]}


def test_a_vendor_of_pdnd_is_registered_with_its_clients_and_purposes(hub, admin, name):
    own = {"vendor_id": name, "display_name": "Fornitore", "collections": ["messages"], "trust": "pdnd"}
    refused = admin.post("/vendors", own)
    assert code(refused) == (422, "contract.violation")
    assert {fault["pointer"] for fault in refused.json()["errors"]} == {"/pdnd_clients", "/pdnd_purposes"}
    client = fresh("client")
    view = record(admin, name, **PDND | {"pdnd_clients": [client]}).json()
    assert (view["pdnd_clients"], view["pdnd_purposes"]) == ([client], ["scopo-1"])
    changed = admin.patch(f"/vendors/{name}", {"pdnd_purposes": ["scopo-2", "scopo-3"]})
    assert (changed.status_code, changed.json()["pdnd_purposes"]) == (200, ["scopo-2", "scopo-3"])
    [row] = rows(hub, vendors, vendor_id=name)
    assert (row["profile"]["clients"], row["profile"]["authentication"]) == ([client], "voucher")
    assert sorted(row["profile"]["purposes"]) == ["scopo-2", "scopo-3"]
    emptied = admin.patch(f"/vendors/{name}", {"pdnd_clients": []})
    assert [fault["pointer"] for fault in emptied.json()["errors"]] == ["/pdnd_clients"]
    other = fresh("altro")
    assert code(admin.post("/vendors", own | PDND | {"vendor_id": other, "pdnd_clients": [client]})) == (
        409,
        "vendor.exists",
    ), "a client names one vendor"
    assert admin.get(f"/vendors/{name}").json() == changed.json()


def test_clients_of_pdnd_are_of_vendors_that_are_there(admin, name):
    record(admin, name)
    refused = admin.patch(f"/vendors/{name}", {"pdnd_clients": ["uno"]})
    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/pdnd_clients"]
    assert admin.get(f"/vendors/{name}").json()["pdnd_clients"] == []
