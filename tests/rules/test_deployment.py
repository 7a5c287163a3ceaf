"""What the deployment files call exists: commands with their options, settings, files."""

import configparser
import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml

from hub.cli.application import application
from hub.settings import Settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "deployment"
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
UNITS = sorted(FOLDER.glob("*.service"))
SETTINGS = {f"RACCORDO_{name.upper()}" for name in Settings.model_fields}


def parse(words: list[str]) -> None:
    """Raises for a command or an option that there is not; runs nothing."""
    group = typer.main.get_command(application)
    name, *rest = words
    command = group.commands[name]  # type: ignore[attr-defined]  # a group: there are several commands
    command.make_context(name, rest)


def service_of(unit: Path) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as configparser's documentation has it
    parser.read(unit)
    return parser["Service"]


@pytest.mark.parametrize("name", ["api", "worker"])
def test_containers_run_commands_that_exist_with_settings_that_exist(name: str) -> None:
    service = COMPOSE["services"][name]
    program, *words = service["command"]
    assert program == "raccordo"
    parse(words)
    assert set(service["environment"]) <= SETTINGS
    assert (ROOT / service["build"]["dockerfile"]).is_file()
    assert service["deploy"]["replicas"] == 2


def test_containers_come_from_no_registry_of_somebody_s() -> None:
    for service in COMPOSE["services"].values():
        assert "." not in service["image"].split("/")[0].split(":")[0]


def test_units_run_commands_that_exist() -> None:
    assert {unit.name for unit in UNITS} == {
        "raccordo-api.service",
        "raccordo-worker@.service",
        "raccordo-sweep.service",
    }
    for unit in UNITS:
        program, *words = shlex.split(service_of(unit)["ExecStart"])
        assert program.endswith("/raccordo")
        parse(words)


def test_whoever_sends_is_told_alone_and_given_more_time_than_the_grace() -> None:
    for unit in UNITS:
        service = service_of(unit)
        assert service["KillMode"] == "mixed"
        assert int(service["TimeoutStopSec"]) > Settings.model_fields["stop_grace_s"].default


@pytest.mark.parametrize("page", [FOLDER / "environment", ROOT / "docs" / "deployment.md", ROOT / "compose.yaml"])
def test_every_setting_and_file_that_is_named_exists(page: Path) -> None:
    text = page.read_text()
    assert set(re.findall(r"RACCORDO_[A-Z_]+", text)) <= SETTINGS
    for path in re.findall(r"raccordo-[\w@]+\.service", text):
        assert (FOLDER / path).exists()


def test_commands_on_the_page_exist() -> None:
    text = (ROOT / "docs" / "deployment.md").read_text()
    found = set(re.findall(r"\braccordo ((?:serve|worker|init|migrate|sweep|delivery)\b[^`\n|]*)", text))
    assert len(found) >= 5
    for words in found:
        name, *rest = shlex.split(words)
        parse([name, *rest] if name in ("init", "migrate") else [name])


def test_the_checkout_s_worker_is_the_command() -> None:
    text = (ROOT / "worker.py").read_text()
    assert '"worker"' in text
    assert re.findall(r"^(?:from|import) (\S+)", text, re.MULTILINE) == ["sys", "hub.cli"]
    parse(["worker", "--burst", "--threads", "4", "--no-redis"])
