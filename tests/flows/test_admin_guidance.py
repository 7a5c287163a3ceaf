"""An administrator who mistypes, or wants back what worked, is told what there is and gets it without a programmer."""

import pytest

from contracts.failures import Misconfigured
from hub.admin.guidance import advice_on
from hub.http.description import describe
from tests.flows.administering import check, draft
from tests.flows.making import code, described_hub, fresh
from tests.harness import BASE

ACTS = ("checks", "activations", "pauses")


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    with described_hub(tmp_path_factory.mktemp("guidance"), connectors={}) as hub:
        yield hub


@pytest.fixture
def name():
    return fresh("connettore")


@pytest.fixture
def box(tmp_path):
    return tmp_path / "box"


def test_a_member_that_is_none_is_told_with_those_that_there_are(admin):
    [fault] = admin.patch("/vendors/nessuno", {"services": ["tari"]}).json()["errors"]
    assert (fault["pointer"], fault["code"]) == ("/services", "field.unknown")
    assert "service_ids" in fault["detail"]


def test_a_type_and_a_setting_that_are_none_are_told_with_those_that_there_are(admin, name):
    own = {"connector_id": name, "connector_type": "fax", "settings": {}}
    [fault] = admin.post("/connectors", own).json()["errors"]
    assert "app_io" in fault["detail"]
    own = {
        "connector_id": name,
        "connector_type": "app_io",
        "settings": {"api_key": "0123456789abcdef", "base_ur": "x"},
    }
    [fault] = admin.post("/connectors", own).json()["errors"]
    assert (fault["pointer"], "base_url" in fault["detail"]) == ("/settings/base_ur", True)


def test_an_act_that_wishes_for_nothing_needs_no_body(hub, admin, name, box):
    box.mkdir()
    assert draft(admin, name, box).status_code == 201
    own = {"Authorization": f"Bearer {admin.token}"}
    answers = [hub.client.post(f"/admin/v1/connectors/{name}/{act}", headers=own) for act in ACTS]
    assert [answer.status_code for answer in answers] == [200, 200, 415]
    assert answers[1].json()["version_in_force"] == 1
    assert code(answers[2]) == (415, "media.unsupported"), "a pause says why"
    paths = describe("admin", BASE)["paths"]
    bodies = {act: paths[f"/connectors/{{connector_id}}/{act}"]["post"]["requestBody"] for act in ACTS}
    required = {act: body["required"] for act, body in bodies.items()}
    assert required == {"checks": False, "activations": False, "pauses": True}


def test_a_mail_server_without_encryption_is_told_as_such():
    """The advice was that of an address on the web: it must begin with https."""
    told = advice_on(Misconfigured("email.starttls_missing", ""))
    assert ("465" in told.it, "https" in told.it) == (True, False)


def test_the_first_override_is_one_difference(admin, name, box):
    """The empty object before it was told too, as removed."""
    box.mkdir()
    assert draft(admin, name, box).status_code == 201
    service = fresh("mensa")
    assert admin.post("/services", {"service_id": service, "display_name": "Mensa"}).status_code == 201
    for folder in (str(box), None):
        patch = {"service_overrides": {service: {"folder": folder} if folder else None}}
        assert admin.patch(f"/connectors/{name}", patch).status_code == 200

    def differences(before, after):
        found = admin.get(f"/connectors/{name}/differences?from={before}&to={after}").json()["differences"]
        return [(each["pointer"], each["change"]) for each in found]

    place = f"/service_overrides/{service}/folder"
    assert (differences(1, 2), differences(2, 3)) == ([(place, "added")], [(place, "removed")])


def test_one_goes_back_without_a_check_to_what_the_command_line_had_put_in_force(hub, admin, raccordo, name, box):
    for folder in (box, box.parent / fresh("altra")):
        folder.mkdir(exist_ok=True)
        raccordo("connector", "set", name, "--type", "loopback", "--set", f"folder={folder}")
    back = admin.post(f"/connectors/{name}/activations", {"version": 1})
    assert (back.status_code, back.json()["version_in_force"]) == (200, 1)
    missing = box.parent / fresh("manca")
    raccordo("connector", "set", name, "--set", f"folder={missing}")
    assert check(admin, name, 3)["outcome"] == "failed"
    assert admin.post(f"/connectors/{name}/activations", {"version": 2}).status_code == 200
    assert code(admin.post(f"/connectors/{name}/activations", {"version": 3})) == (409, "connector.untested")
