"""What an administrator does at a provider besides deliveries, against the simulated App IO."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors import registry
from contracts.connector import Simulation

from .conftest import SECRET, Raccordo, Trail

SERVICE = {
    "name": "Tassa rifiuti",
    "description": "Avvisi della TARI.",
    "organization": {"name": "Comune di Valdilago", "fiscal_code": "00301970190"},
    "metadata": {"topic_id": 3},
}


@pytest.fixture
def simulation(tmp_path: Path) -> Iterator[Simulation]:
    made = registry.simulate("app_io", tmp_path / "io", manage_keys={SECRET})
    yield made
    made.stop()


@pytest.fixture
def io(raccordo: Raccordo, secret: Path, simulation: Simulation) -> Raccordo:
    """The command line on a home with a connector `io` that may manage services."""
    url = simulation.start()["base_url"]
    answer = raccordo(
        *("connector", "set", "io", "--type", "app_io", "--set", f"base_url={url}"),
        *("--secret-file", f"api_key={secret}", "--secret-file", f"manage_key={secret}"),
    )
    assert answer.code == 0
    return raccordo


def test_a_service_is_made_and_its_key_renewed(io: Raccordo, tmp_path: Path) -> None:
    file = tmp_path / "service.json"
    file.write_text(json.dumps(SERVICE))
    made = io("connector", "run", "io", "create-service", "--arguments", str(file), "--json")
    assert made.code == 0
    file.write_text(json.dumps({"service_id": made.json["id"], "key": "secondary"}))
    keys = io("connector", "run", "io", "rotate-key", "--arguments", str(file))
    assert keys.code == 0
    assert "secondary key" in keys.out
    file.write_text(json.dumps({"service_id": made.json["id"]}))
    assert io("connector", "run", "io", "review-service", "--arguments", str(file), "--json").json == {"done": True}


def test_what_there_is_to_do_is_shown(io: Raccordo) -> None:
    shown = io("connector", "run", "io", "--json").json
    assert {"operation": "rotate-key", "what": shown[8]["what"], "arguments": "service_id, key"} in shown


def test_wrong_arguments_and_refusals_are_told(io: Raccordo, tmp_path: Path) -> None:
    file = tmp_path / "service.json"
    file.write_text(json.dumps(SERVICE | {"metadata": {}}))
    answer = io("connector", "run", "io", "create-service", "--arguments", str(file))
    assert answer.code == 2
    assert "metadata.topic_id: Manca: è obbligatorio / Field required" in answer.err
    assert io("connector", "run", "io", "destroy-all").code == 2
    file.write_text('{"service_id": "nobody"}')
    answer = io("connector", "run", "io", "show-service", "--arguments", str(file))
    assert answer.code == 1
    assert "manage.not_there" in answer.err


def test_a_nested_setting_with_secrets_comes_from_a_file_and_is_not_shown(io: Raccordo, tmp_path: Path) -> None:
    io("service", "add", "tari", "--name", "TARI")
    services = {"tari": {"api_key": SECRET + "-2", "advanced": True}}
    assert io("connector", "set", "io", "--set", f"services={json.dumps(services)}").code == 2
    file = tmp_path / "services.json"
    file.write_text(json.dumps(services))
    assert io("connector", "set", "io", "--secret-file", f"services={file}").code == 0
    shown = io("connector", "show", "io", "--json")
    assert SECRET not in shown.out
    assert "tari" in str(shown.json["settings"]["services"])


def test_what_is_done_at_the_provider_is_on_record_before_it_is_done_and_after(
    io: Raccordo, tmp_path: Path, trail: Trail
) -> None:
    file = tmp_path / "service.json"
    file.write_text(json.dumps(SERVICE))
    assert io("connector", "run", "io", "create-service", "--arguments", str(file)).code == 0
    file.write_text(json.dumps({"service_id": "ignoto"}))
    assert io("connector", "run", "io", "show-service", "--arguments", str(file)).code == 1
    runs = [each for each in trail() if each["operation"] == "run_connector_operation"]
    assert [each["outcome"] for each in runs] == ["begun", "ok", "begun", "failed"]
    assert {each["target"] for each in runs} == {"connectors/io"}
    assert runs[1]["after"] == {"outcome": "done", "operation": "create-service"}
    failed = runs[3]["after"]
    assert (failed["outcome"], failed["operation"]) == ("failed", "show-service")
    assert failed["reason"]
    assert SECRET not in json.dumps(runs), "neither keys nor what the provider answered"
