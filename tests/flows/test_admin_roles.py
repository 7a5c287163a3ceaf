"""Every operation of the administration, for every role, without a session, and from another ente."""

import re

import pytest

from hub.admin.roles import ALLOWED, ROLES
from hub.http.operations import ADMIN
from hub.registry import Ente, Vendor
from hub.store import directory
from hub.store.tables import access_log, deliveries
from tests.flows.administering import Admin, admin_of, make_account, sign_in
from tests.flows.making import code, described_hub, fresh, new_person, rows, to
from tests.harness import ALL_COLLECTIONS, eventually, make_message

OTHER = "c_f205"
BASE = "https://altro.comune.example.it"
NAMED = [each for each in ADMIN if not each.public and each.operation_id != "sign_in"]
REPORT = {"tried": "x", "passed": 1, "failed": 0, "skipped": 0, "cases": [{"outcome": "passed"}]}
TEXT = {"code": "manca", "it": {"title": "Avviso", "body": "Testo"}}
BODIES = {
    "pause_connector": {"reason": "x"},
    "add_vendor_keys": {"kind": "thumbprint", "material": "ab" * 32},
    "attach_conformance_report": {"report": REPORT},
    "replay_delivery": {"dry_run": True},
    "switch_simulation_faults": {"faults": []},
    "preview_mapping": {"connector_id": "posta", "sample": "[]"},
    "run_connector_operation": {"operation": "nessuna"},
    "import_attributes": {
        "register_id": "anpr",
        "people": [{"tax_code": "RSSMRA80A01H501U", "as_of": "2020-01-01T00:00:00Z", "attributes": {"x": None}}],
    },
    "preview_broadcast": TEXT,
    "start_broadcast": {"broadcast": TEXT, "expected_persons": 1},
    "draft_ranked_list": {"code": "manca", "title": "Elenco"},
    "publish_ranked_list": {"until": "2199-12-31"},
    "correct_ranked_list": {"reason": "Errore"},
    "add_rights_request": {"kind": "access", "tax_code": "RSSMRA80A01H501U"},
    "close_rights_request": {"outcome": "done"},
    "export_citizen": {"tax_code": "RSSMRA80A01H501U"},
    "preview_erasure": {"tax_code": "RSSMRA80A01H501U"},
    "order_erasure": {"confirmation": "0" * 64},
}


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("roles")
    (folder / "box").mkdir()
    connectors = {"posta": ("loopback", {"folder": str(folder / "box")})}

    def prepare(home, _vendor, _portal):
        with home.database.write() as tx:
            ente = Ente(OTHER, "Altro Comune", BASE, f"{BASE}/publish/v1", f"{BASE}/feed/v1", "https://s.example.it")
            directory.add_ente(tx, ente)
            theirs = Vendor(OTHER, "loro", "loro", "jwk", True, (), "loro", collections=ALL_COLLECTIONS)
            directory.add_vendor(tx, theirs, [])

    with described_hub(folder / "home", prepare=prepare, connectors=connectors) as hub:
        yield hub


def path_of(operation, **names):
    missing = dict.fromkeys(re.findall(r"{(\w+)}", operation.path), "manca")
    path = operation.path.format(**missing | {"version": "1"} | names)
    return f"{path}?from=1&to=1" if operation.operation_id == "show_connector_difference" else path


def call(admin, operation, **names):
    body = BODIES.get(operation.operation_id, {}) if operation.method in ("POST", "PATCH") else None
    return admin.call(operation.method, path_of(operation, **names), body)


def test_each_operation_has_its_roles_and_no_other_name_has_any():
    assert {each.operation_id for each in NAMED} == ALLOWED.keys()
    assert all(roles and roles <= set(ROLES) for roles in ALLOWED.values())


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_the_table_says_and_nothing_else(hub, role):
    name = make_account(hub, fresh(role), role)
    found = {}
    admin = Admin(hub, sign_in(hub, name).json()["session_token"])
    for operation in sorted(NAMED, key=lambda each: each.operation_id == "sign_out"):  # the session's end comes last
        found[operation.operation_id] = code(answer) if (answer := call(admin, operation)).content else (204, None)
    allowed = {name for name, answer in found.items() if answer != (403, "role.missing")}
    assert allowed == {name for name, roles in ALLOWED.items() if role in roles}


def test_without_a_session_there_is_nothing(hub):
    for token in ("-", "inventato", "x" * 43):
        answers = {call(Admin(hub, token), operation).status_code for operation in NAMED}
        assert answers == {401}


def test_an_account_without_a_role_may_only_be_refused(hub):
    admin = admin_of(hub, fresh("nessuno"))
    assert {code(call(admin, operation)) for operation in NAMED} == {(403, "role.missing")}


def test_another_ente_neither_sees_nor_changes_anything(hub):
    ours, theirs = admin_of(hub, fresh("noi"), *ROLES), fresh("loro")
    others = admin_of(hub, theirs, *ROLES, ente_id=OTHER)
    hub.publish("messages", make_message(fresh(), **to(new_person()), notify={"channels": ["email"]}))
    (delivery,) = eventually(lambda: rows(hub, deliveries, state="delivered"), bool)[:1]
    names = {
        "connector_id": "posta",
        "vendor_id": "acme",
        "service_id": "tari",
        "subscription_service": "nido-2026",
        "delivery_id": delivery["delivery_id"],
        "key_id": ours.get("/vendors/acme/vendor-keys").json()["items"][0]["key_id"],
    }
    ids = {*names.values()}
    shown = ["/connectors/posta", "/vendors/acme", "/services/tari", f"/deliveries/{delivery['delivery_id']}"]
    before = [ours.get(path).headers["ETag"] for path in shown]
    for operation in NAMED:
        if operation.operation_id == "sign_out":
            continue
        answer = call(others, operation, **names)
        if "{" in operation.path or operation.operation_id == "preview_mapping":
            if operation.operation_id == "show_connector_type":
                continue  # the types are the hub's
            assert answer.status_code == 404, (operation.operation_id, answer.text)
        elif operation.method == "GET":
            assert not [each for each in ids if f'"{each}"' in answer.text], operation.operation_id
    assert [ours.get(path).headers["ETag"] for path in shown] == before
    assert {row["ente_id"] for row in rows(hub, access_log, pseudonym=theirs)} == {OTHER}
    assert theirs not in ours.get("/audit-records?limit=100").text
    assert all(each["vendor_id"] == "loro" for each in others.get("/vendors").json()["items"])
