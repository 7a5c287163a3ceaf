"""An administrator who mistypes, or wants back what worked, is told what there is and gets it without a programmer."""

import pytest

from tests.flows.administering import admin_of, check
from tests.flows.making import code, described_hub, fresh


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    with described_hub(tmp_path_factory.mktemp("guidance"), connectors={}) as hub:
        yield hub


@pytest.fixture(scope="module")
def admin(hub):
    return admin_of(hub, "anna.verdi", "administrator")


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
