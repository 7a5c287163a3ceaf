"""The access log tells what a connector's change replaced, which need not be the version before."""

import pytest

from tests.flows.administering import active, check
from tests.flows.making import described_hub, fresh


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    with described_hub(tmp_path_factory.mktemp("audit") / "home", internal_hosts="127.0.0.1") as running:
        yield running


@pytest.fixture
def name(admin, tmp_path):
    """A connector whose version 1 is in force, and of which there is a draft, version 2."""
    (tmp_path / "box").mkdir()
    made = fresh("posta")
    active(admin, made, tmp_path / "box", limits={"burst": 2})
    assert admin.patch(f"/connectors/{made}", {"limits": {"burst": 3, "concurrency": 2}}).status_code == 200
    return made


def last_act(admin, name):
    act = admin.get(f"/audit-records?target=connectors/{name}&limit=1").json()["items"][0]
    return act["operation"], act["before"], act["after"]


def test_the_command_line_tells_what_it_changed_of_what_was_in_force(admin, name, raccordo):
    raccordo("connector", "set", name, "--limit", "burst=4")
    assert last_act(admin, name) == ("change_connector", {"/limits/burst": 2}, {"/limits/burst": 4})
    assert admin.get(f"/connectors/{name}").json()["version_in_force"] == 3


def test_a_connector_of_which_there_are_drafts_alone_is_made_and_told_whole(admin, raccordo, tmp_path):
    drafted = fresh("posta")
    wish = {"connector_id": drafted, "connector_type": "loopback", "settings": {"folder": str(tmp_path)}}
    assert admin.post("/connectors", wish | {"limits": {"burst": 2}}).status_code == 201
    raccordo("connector", "set", drafted, "--type", "loopback", "--set", f"folder={tmp_path}")
    operation, before, after = last_act(admin, drafted)
    assert (operation, before) == ("add_connector", None)
    assert (after["settings"], after["limits"]) == ({"folder": str(tmp_path)}, {})


def test_another_type_in_its_place_is_told(admin, name, raccordo):
    given = ("--set", "url=https://crm.example.org/", "--set", "proof=modi", "--set", "proof_audience=crm")
    raccordo("connector", "set", name, "--type", "webhook", *given)
    operation, before, after = last_act(admin, name)
    assert operation == "change_connector"
    assert (before["/connector_type"], after["/connector_type"]) == ("loopback", "webhook")


def test_an_activation_tells_what_it_changed_of_what_was_in_force(admin, name):
    assert admin.patch(f"/connectors/{name}", {"limits": {"burst": 4}}).status_code == 200
    assert check(admin, name)["outcome"] == "passed"
    assert admin.post(f"/connectors/{name}/activations").status_code == 200
    stands = {"state": "active", "paused_reason": None}
    was = stands | {"version_in_force": 1, "/limits/burst": 2}
    now = stands | {"version_in_force": 3, "/limits/burst": 4, "/limits/concurrency": 2}
    assert last_act(admin, name) == ("activate_connector", was, now)
    assert admin.post(f"/connectors/{name}/activations", {"version": 1}).status_code == 200
    assert last_act(admin, name) == ("activate_connector", now, was)
