"""Connectors from draft to rollback, over HTTP, on a hub that goes on delivering meanwhile."""

import json

import pytest
from jsonschema import Draft202012Validator

from connectors.registry import simulate
from hub.admin.errors import none_such
from hub.home import Home
from hub.store.tables import access_log, connector_versions, connectors
from tests import stores
from tests.flows.administering import Admin, active, admin_of, check, draft, loopback
from tests.flows.making import code, described_hub, fresh, new_person, rows, to
from tests.harness import ENTE, eventually, make_message, served

KEY = "chiave-segretissima-0123456789"


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    with described_hub(tmp_path_factory.mktemp("connectors") / "home", internal_hosts="127.0.0.1") as running:
        yield running


@pytest.fixture
def name():
    return fresh("posta")


@pytest.fixture
def box(tmp_path):
    (tmp_path / "box").mkdir()
    return tmp_path / "box"


def test_types_tell_their_settings_and_which_of_them_are_secret(admin):
    types = {each["connector_type"]: each for each in admin.get("/connector-types").json()["items"]}
    assert {"app_io", "email", "loopback", "webhook"} <= types.keys()
    for each in types.values():
        Draft202012Validator.check_schema(each["settings_schema"])
    io = types["app_io"]
    assert io["channel"] == "io"
    assert "api_key" in io["secret_members"]
    assert "base_url" not in io["secret_members"]
    assert io["settings_schema"]["properties"]["api_key"]["writeOnly"] is True
    one = admin.get("/connector-types/app_io")
    assert one.json() == io
    assert admin.get("/connector-types/app_io", headers={"If-None-Match": one.headers["ETag"]}).status_code == 304
    assert code(admin.get("/connector-types/fax")) == (404, "connector_type.unknown")


def test_a_connector_goes_from_draft_to_tested_to_active_to_paused_and_delivers_only_when_active(hub, admin, name, box):
    made = draft(admin, name, box).json()
    assert (made["state"], made["version_in_force"], made["newest"]["author"]) == ("draft", None, "anna.verdi")
    assert code(admin.post(f"/connectors/{name}/activations")) == (409, "connector.untested")
    assert code(admin.post(f"/connectors/{name}/pauses", {"reason": "x"})) == (409, "connector.not_in_force")
    hub.publish("messages", make_message(fresh(), **to(new_person()), notify={"channels": ["email"]}))
    assert [*box.iterdir()] == [], "a draft delivers nothing"
    assert check(admin, name)["outcome"] == "passed"
    assert admin.get(f"/connectors/{name}").json()["state"] == "tested"
    assert admin.post(f"/connectors/{name}/activations").json()["state"] == "active"

    def publish():
        hub.publish("messages", make_message(fresh(), **to(new_person()), notify={"channels": ["email"]}))
        return [*box.glob("*.json")]

    eventually(publish, bool, within_s=20)
    paused = admin.post(f"/connectors/{name}/pauses", {"reason": "manutenzione"}).json()
    assert (paused["state"], paused["paused_reason"]) == ("paused", "manutenzione")
    assert admin.post(f"/connectors/{name}/activations").json()["state"] == "active"
    assert admin.post(f"/connectors/{name}/pauses", {"reason": "fine della prova"}).status_code == 200


def test_a_check_that_fails_says_what_to_do_and_the_version_cannot_be_activated(admin, name, tmp_path):
    draft(admin, name, tmp_path / "manca")
    found = check(admin, name)
    assert (found["outcome"], found["reason"]) == ("failed", "loopback.folder")
    assert found["it"] != found["en"]
    view = admin.get(f"/connectors/{name}").json()
    assert (view["state"], view["newest"]["check_outcome"], view["newest"]["check_reason"]) == (
        "draft",
        "failed",
        "loopback.folder",
    )
    assert code(admin.post(f"/connectors/{name}/activations")) == (409, "connector.untested")


def test_a_check_really_calls_the_provider_and_knows_a_wrong_key(admin, name, tmp_path):
    provider = simulate("app_io", tmp_path / "io")
    settings = dict(provider.start())
    try:
        own = {"connector_id": name, "connector_type": "app_io", "settings": settings}
        assert admin.post("/connectors", own).status_code == 201
        assert check(admin, name)["outcome"] == "passed"
        admin.patch(f"/connectors/{name}", {"settings": {"api_key": "sbagliata"}})
        found = check(admin, name)
        assert (found["outcome"], found["reason"]) == ("failed", "io.key_refused")
        assert "credenziali" in found["it"]
        assert "credentials" in found["en"]
    finally:
        provider.stop()
    found = check(admin, name, 1)
    assert found["outcome"] == "failed"
    assert "non risponde" in found["it"]


def test_secrets_go_in_and_never_come_out(hub, admin, name):
    settings = {"base_url": "http://127.0.0.1:9/api", "api_key": KEY}
    own = {"connector_id": name, "connector_type": "app_io", "settings": settings}
    made = admin.post("/connectors", own)
    assert made.json()["newest"]["secrets"] == [{"pointer": "/settings/api_key", "reference": None}]
    assert "api_key" not in made.json()["newest"]["settings"]
    admin.patch(f"/connectors/{name}", {"settings": {"api_key": KEY + "nuova", "status_checks": 3}})
    check(admin, name)
    difference = admin.get(f"/connectors/{name}/differences?from=1&to=2").json()["differences"]
    assert difference == [
        {"pointer": "/settings/api_key", "change": "changed", "secret": True},
        {"pointer": "/settings/status_checks", "change": "added", "secret": False, "before": None, "after": 3},
    ]
    told = [admin.get(f"/connectors/{name}"), admin.get(f"/connectors/{name}/versions"), admin.get("/audit-records")]
    assert all(KEY not in answer.text for answer in told)
    held = str(rows(hub, connector_versions)) + str(rows(hub, connectors)) + str(rows(hub, access_log))
    assert KEY not in held
    (act,) = admin.get(f"/audit-records?operation=change_connector&target=connectors/{name}").json()["items"]
    assert act["after"] == {"/settings/api_key": "(secret) changed", "/settings/status_checks": 3}


def test_a_patch_that_changes_nothing_makes_no_version_and_null_takes_away(admin, name, box):
    draft(admin, name, box, limits={"rate_per_s": 5})
    same = admin.patch(f"/connectors/{name}", {"settings": {"folder": str(box)}}).json()
    assert same["newest"]["version"] == 1
    changed = admin.patch(f"/connectors/{name}", {"limits": {"rate_per_s": None, "burst": 3}}).json()["newest"]
    assert (changed["version"], changed["limits"]) == (2, {"burst": 3})
    refused = admin.patch(f"/connectors/{name}", {"settings": {"folder": None}})
    assert code(refused) == (422, "contract.violation")
    assert refused.json()["errors"][0]["pointer"] == "/settings/folder"
    assert admin.get(f"/connectors/{name}").json()["newest"]["version"] == 2


def test_each_fault_of_a_mapping_has_its_own_place(admin, name):
    rules = [{"collection": "messagges", "fields": {"title": {"as": "txt"}, "summary": {}}}]
    mapping = {"version": 1, "title": "T", "source": "s", "reads": {"format": "json"}, "items": rules}
    wrong = {"connector_id": name, "connector_type": "mapped", "settings": {"origin": "file", "mapping": mapping}}
    faults = admin.post("/connectors", wrong).json()["errors"]
    places = [fault["pointer"].removeprefix("/settings/mapping/items/0") for fault in faults]
    assert set(places) == {"/settings/vendor_id", "/collection", "/fields/title", "/fields/summary"}
    assert all(" / " in fault["detail"] for fault in faults)


def test_settings_and_limits_that_do_not_fit_are_told_at_once(admin, name):
    wrong = {"connector_id": name, "connector_type": "loopback", "settings": {}, "limits": {"timeout_s": -1}}
    told = {fault["pointer"]: fault["detail"] for fault in admin.post("/connectors", wrong).json()["errors"]}
    assert told == {
        "/settings/folder": "Manca: è obbligatorio / Field required",
        "/limits/timeout_s": "Deve essere maggiore di 0 / Input should be greater than 0",
    }


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"settings": {"folder": "relativo"}}, "/settings/folder"),
        ({"settings": {"folder": "/tmp", "altro": 1}}, "/settings/altro"),
        ({"settings": []}, "/settings"),
        ({"settings": {"folder": 2**70}}, "/settings"),
        ({"limits": {"rate_per_s": 0}}, "/limits/rate_per_s"),
        ({"limits": 7}, "/limits"),
        ({"connector_type": "fax"}, "/connector_type"),
        ({"connector_id": "con spazi"}, "/connector_id"),
        ({"environment": "prova"}, "/environment"),
        ({"service_overrides": {"ignoto": {}}}, "/service_overrides/ignoto"),
        ({"service_overrides": {"tari": 3}}, "/service_overrides/tari"),
        ({"service_overrides": {"tari": {"folder": 3}}}, "/service_overrides/tari/folder"),
        ({"inventato": 1}, "/inventato"),
    ],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value)[:30],
)
def test_what_does_not_fit_is_refused_with_its_place_and_nothing_is_made(admin, name, box, fields, pointer):
    answer = admin.post("/connectors", loopback(name, box) | fields)
    assert code(answer) == (422, "contract.violation")
    fault = answer.json()["errors"][0]
    assert fault["pointer"] == pointer
    italian, _, english = fault["detail"].partition(" / ")
    assert italian
    assert english
    assert code(admin.get(f"/connectors/{name}")) == (404, "connector.unknown")


def test_going_back_to_an_earlier_version_is_activating_it(admin, name, box, tmp_path):
    active(admin, name, box)
    (tmp_path / "altra").mkdir()
    admin.patch(f"/connectors/{name}", {"settings": {"folder": str(tmp_path / "altra")}})
    check(admin, name)
    assert admin.post(f"/connectors/{name}/activations").json()["version_in_force"] == 2
    back = admin.post(f"/connectors/{name}/activations", {"version": 1}).json()
    assert (back["version_in_force"], back["state"]) == (1, "active")
    states = {each["version"]: each["state"] for each in admin.get(f"/connectors/{name}/versions").json()["items"]}
    assert states == {2: "superseded", 1: "active"}
    shown = admin.get(f"/connectors/{name}/versions/1").json()
    assert shown["settings"] == {"folder": str(box)}
    for number in ("9", "0", "x"):
        assert code(admin.get(f"/connectors/{name}/versions/{number}")) == (404, "connector_version.unknown")
    assert code(admin.post(f"/connectors/{name}/activations", {"version": 9})) == (404, "connector_version.unknown")
    admin.post(f"/connectors/{name}/pauses", {"reason": "fine"})


def test_whoever_saw_an_older_state_changes_nothing(admin, name, box):
    seen = draft(admin, name, box).headers["ETag"]
    assert admin.get(f"/connectors/{name}").headers["ETag"] == seen
    changed = admin.patch(f"/connectors/{name}", {"limits": {"burst": 3}}, headers={"If-Match": seen})
    assert changed.status_code == 200
    calls = [
        lambda headers: admin.patch(f"/connectors/{name}", {"limits": {"burst": 4}}, headers=headers),
        lambda headers: admin.post(f"/connectors/{name}/activations", headers=headers),
        lambda headers: admin.post(f"/connectors/{name}/pauses", {"reason": "x"}, headers=headers),
        lambda headers: admin.call("DELETE", f"/connectors/{name}", headers=headers),
    ]
    for call in calls:
        assert code(call({"If-Match": seen})) == (412, "precondition.failed")
    assert admin.get(f"/connectors/{name}").headers["ETag"] == changed.headers["ETag"]


def test_a_connector_is_removed_with_its_versions_and_its_name_is_free_again(hub, admin, name, box):
    active(admin, name, box)
    assert admin.post("/connectors", loopback(name, box, settings={})).status_code == 422
    assert code(admin.post("/connectors", loopback(name, box))) == (409, "connector.exists")
    assert admin.call("DELETE", f"/connectors/{name}").status_code == 204
    assert code(admin.get(f"/connectors/{name}")) == (404, "connector.unknown")
    assert rows(hub, connector_versions, connector_id=name) == []
    assert draft(admin, name, box).json()["newest"]["version"] == 1


def test_a_connector_for_tests_never_serves_the_public(hub, admin, name, box):
    active(admin, name, box, environment="test")
    eventually(hub.hub.connectors.test_outlets, lambda found: (ENTE, "email") in found)
    answer = hub.publish("messages", make_message(fresh(), **to(new_person()), notify={"channels": ["email"]}))
    assert answer.status_code == 201
    assert hub.deliveries()[0]["connector_id"] != name
    assert [*box.iterdir()] == []


def test_a_service_may_have_settings_of_its_own(hub, admin, name, box, tmp_path):
    (tmp_path / "tari").mkdir()
    active(admin, name, box, service_overrides={"tari": {"folder": str(tmp_path / "tari")}})

    def publish():
        for service in ({}, {"service_id": "tari"}):
            hub.publish(
                "messages", make_message(fresh(), **to(new_person()), notify={"channels": ["email"]}, **service)
            )
        return [*box.glob("*.json")], [*(tmp_path / "tari").glob("*.json")]

    eventually(publish, all, within_s=20)
    told = [json.loads(path.read_text())["service_id"] for path in (tmp_path / "tari").glob("*.json")]
    assert set(told) == {"tari"}
    assert {json.loads(path.read_text())["service_id"] for path in box.glob("*.json")} == {None}
    admin.post(f"/connectors/{name}/pauses", {"reason": "fine"})


def test_a_secret_may_be_named_only_and_is_read_where_it_is(admin, name, tmp_path, monkeypatch, hub):
    provider = simulate("app_io", tmp_path / "io")
    settings = dict(provider.start())
    key = settings.pop("api_key")
    try:
        monkeypatch.setenv("RACCORDO_SECRET_C_H501__IO", key)
        own = {"connector_id": name, "connector_type": "app_io"}
        made = admin.post("/connectors", own | {"settings": settings | {"api_key": "env:RACCORDO_SECRET_C_H501__IO"}})
        told = [{"pointer": "/settings/api_key", "reference": "env:RACCORDO_SECRET_C_H501__IO"}]
        assert made.json()["newest"]["secrets"] == told
        assert check(admin, name)["outcome"] == "passed"
        (hub.home.folder / "secrets" / ENTE).mkdir(parents=True, exist_ok=True)
        (hub.home.folder / "secrets" / ENTE / "io-key").write_text(key + "\n")
        admin.patch(f"/connectors/{name}", {"settings": {"api_key": "file:io-key"}})
        assert check(admin, name)["outcome"] == "passed"
    finally:
        provider.stop()


@pytest.mark.parametrize(
    "reference",
    [
        "env:RACCORDO_HUB_KEY",
        "env:PATH",
        "env:RACCORDO_SECRET_C_A944__IO",
        "env:RACCORDO_SECRET_DI_TUTTI",
        "env:RACCORDO_SECRET_C_H501__MANCA",
        "file:../vault.json",
        "file:/etc/passwd",
        "file:no",
    ],
)
def test_a_reference_reaches_nothing_but_what_was_put_there_for_connectors(admin, name, reference, monkeypatch):
    for own in ("RACCORDO_HUB_KEY", "RACCORDO_SECRET_C_A944__IO", "RACCORDO_SECRET_DI_TUTTI"):
        monkeypatch.setenv(own, "la chiave di altri")
    settings = {"base_url": "http://127.0.0.1:9/api", "api_key": reference}
    answer = admin.post("/connectors", {"connector_id": name, "connector_type": "app_io", "settings": settings})
    assert code(answer) == (422, "contract.violation")
    assert answer.json()["errors"][0]["pointer"] == "/settings/api_key"
    assert "la chiave" not in answer.text


def test_what_the_command_line_sets_is_a_version_and_shows_there_and_here(hub, admin, name, box, raccordo):
    raccordo("connector", "set", name, "--type", "loopback", "--set", f"folder={box}")
    view = admin.get(f"/connectors/{name}").json()
    assert (view["state"], view["version_in_force"], view["newest"]["state"]) == ("active", 1, "active")
    raccordo("connector", "set", name, "--limit", "burst=2")
    assert admin.get(f"/connectors/{name}").json()["version_in_force"] == 2
    raccordo("connector", "pause", name, "--reason", "notte")
    assert admin.get(f"/connectors/{name}").json()["paused_reason"] == "notte"
    acts = admin.get(f"/audit-records?target=connectors/{name}").json()["items"]
    assert [(each["operation"], each["over"]) for each in acts] == [
        ("pause_connector", "command_line"),
        ("change_connector", "command_line"),
        ("add_connector", "command_line"),
    ]
    assert acts[1]["after"] == {"/limits/burst": 2}
    raccordo("connector", "remove", name)
    assert code(admin.get(f"/connectors/{name}")) == (404, "connector.unknown")


def test_what_is_activated_at_one_process_holds_at_the_other_within_seconds(tmp_path):
    (tmp_path / "box").mkdir()
    with (
        stores.in_use("postgresql"),
        described_hub(tmp_path / "home") as first,
        served(Home(first.home.settings), *first.callers) as second,
    ):
        admin = admin_of(first, "anna.verdi", "administrator")
        active(admin, "posta", tmp_path / "box")
        found = second.hub.connectors
        eventually(lambda: found.get(ENTE, "posta"), lambda one: one is not None)
        elsewhere = Admin(second, admin.token)
        assert elsewhere.get("/connectors/posta").json()["state"] == "active"
        assert elsewhere.call("DELETE", "/sessions/current").status_code == 204
        assert code(admin.get("/connectors/posta")) == (401, "session.refused")


@pytest.mark.parametrize(
    ("connector_type", "settings", "pointer"),
    [
        ("app_io", {"base_url": "http://localhost:5432/api", "api_key": "x"}, "/settings/base_url"),
        ("app_io", {"base_url": "https://[::ffff:10.0.0.1]/api", "api_key": "x"}, "/settings/base_url"),
        ("app_io", {"base_url": "https://169.254.169.254/api", "api_key": "x"}, "/settings/base_url"),
        ("webhook", {"url": "https://x.example.it", "private_hosts": ["x.example.it"]}, "/settings/private_hosts/0"),
        ("webhook", {"url": "https://x.example.it", "private_hosts": "x.example.it:8"}, "/settings/private_hosts/0"),
        ("loopback", {"folder": "/etc"}, "/settings/folder"),
        ("loopback", {"folder": "/tmp/../etc"}, "/settings/folder"),
    ],
)
def test_nothing_inside_is_named_over_http_but_what_the_operator_lists(admin, name, connector_type, settings, pointer):
    own = {"connector_id": name, "connector_type": connector_type, "settings": settings}
    answer = admin.post("/connectors", own)
    assert code(answer) == (422, "contract.violation")
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert answer.json()["errors"][0]["code"] in ("host.not_allowed", "folder.not_allowed")
    assert admin.get(f"/connectors/{name}").status_code == 404


def test_what_the_command_line_set_inside_may_stay_and_nothing_be_added(admin, name, raccordo, tmp_path):
    (tmp_path / "secret").write_text("whsec_" + "A" * 44)
    inside = ("--set", "url=http://localhost:9/a", "--set", "private_hosts=localhost")
    secret = ("--secret-file", f"signing_secrets={tmp_path / 'secret'}")
    raccordo("connector", "set", name, "--type", "webhook", *inside, *secret)
    assert admin.patch(f"/connectors/{name}", {"limits": {"burst": 2}}).status_code == 200
    moved = admin.patch(f"/connectors/{name}", {"settings": {"url": "http://localhost:8/a"}})
    assert moved.json()["errors"][0]["code"] == "host.not_allowed"
    raccordo("connector", "remove", name)


def test_what_is_not_there_is_answered_with_what_is(admin, name, box):
    draft(admin, name, box)
    told = {
        path: admin.get(path).json()["detail"]
        for path in ("/connectors/fax", f"/connectors/{name}/versions/7", "/connector-types/fax", "/vendors/fax")
    }
    assert name in told["/connectors/fax"]
    version = told[f"/connectors/{name}/versions/7"]
    assert version == "Non c'è nessuna versione corrispondente; c'è 1 / there is no such version; there is 1"
    assert "loopback" in told["/connector-types/fax"]
    assert "acme" in told["/vendors/fax"]
    assert not [path for path, detail in told.items() if "fax" in detail], "what was asked for may be anything"
    assert none_such("nessun connettore", "connector", []) == "Non c'è nessun connettore / there is no connector"
    italian, english = none_such("nessuna chiave", "key", range(25)).split(" / ")
    assert italian.endswith("18, 19 e altri 5")
    assert english.endswith("18, 19 and 5 more")
