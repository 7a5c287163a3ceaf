"""An administrator switches faults of a simulated provider on, and the hub meets them."""

import json

import pytest

from connectors.registry import simulate
from hub.cli.simulating import addresses_of
from tests.flows.administering import admin_of
from tests.flows.making import code, described_hub, fresh, new_person, to
from tests.harness import eventually, make_message


@pytest.fixture
def hub(tmp_path):
    folder = tmp_path / "simulated" / "app_io"
    provider = simulate("app_io", folder)
    settings = dict(provider.start())
    try:
        connectors = {"app_io": ("app_io", settings | {"status_checks": 0})}
        with described_hub(tmp_path / "home", connectors=connectors, limits={"retry_base_s": 0.05}) as hub:
            (folder / "settings.json").write_text(json.dumps(settings))
            hub.hub.simulated = addresses_of({"app_io": folder})
            yield hub
    finally:
        provider.stop()


def test_faults_are_switched_on_used_up_and_switched_off(hub):
    admin = admin_of(hub, "root", "administrator")
    path = "/simulations/app_io/faults"
    faults = {"faults": [{"kind": "throttle", "retry_after": 0}]}
    assert admin.get(path).json() == {"faults": []}
    assert admin.post(path, faults).json() == faults
    hub.publish("messages", make_message(fresh(), **to(new_person()), notify={"channels": ["io"]}))
    eventually(lambda: admin.get(path).json()["faults"], lambda left: left == [])
    admin.post(path, faults)
    assert admin.call("DELETE", path).json() == {"faults": []}
    (act, *_) = admin.get("/audit-records?operation=switch_simulation_faults").json()["items"]
    assert (act["target"], act["after"]) == ("simulations/app_io", faults)


def test_a_fault_that_the_simulator_does_not_have_is_refused_with_those_that_there_are(hub):
    admin = admin_of(hub, "root", "administrator")
    path = "/simulations/app_io/faults"
    refused = admin.post(path, {"faults": [{"kind": "drop"}, {"kind": "boom"}]})
    assert (refused.status_code, refused.json()["errors"][0]["detail"]) == (
        422,
        "Il simulatore li rifiuta / kind is one of throttle, error, delay, drop, cut, hang",
    )
    assert admin.get(path).json() == {"faults": []}, "none of the list was taken"


def test_where_nothing_is_simulated_there_is_nothing_to_switch(hub):
    admin = admin_of(hub, "root", "administrator")
    unknown = admin.get("/simulations/email/faults")
    assert code(unknown) == (404, "simulation.unknown")
    assert unknown.json()["detail"] == (
        "Non c'è nessun sistema simulato corrispondente; c'è app_io / "
        "there is no such provider simulated in this process; there is app_io"
    )
    hub.hub.simulated = {}
    assert code(admin.post("/simulations/app_io/faults", {"faults": []})) == (404, "simulation.unknown")
