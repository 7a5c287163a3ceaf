"""What the deployment files call exists: commands with their options, settings, files."""

import re
import runpy
import shlex
import tomllib
from pathlib import Path

import pytest
import typer
import yaml

from hub.cli.commands import application
from hub.settings import Settings
from tests.systemd import FOLDER, ROOT, service_of

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
UNITS = sorted(FOLDER.glob("*.service"))
BACKUP = FOLDER / "raccordo-backup.service"
SENDING = [unit for unit in UNITS if unit != BACKUP]
SETTINGS = {f"RACCORDO_{name.upper()}" for name in Settings.model_fields}


def parse(words: list[str]) -> None:
    """Raises for a command or an option that there is not; runs nothing."""
    group = typer.main.get_command(application(words[0]))
    name, *rest = words
    command = group.commands[name]  # type: ignore[attr-defined]  # a group: there are several commands
    command.make_context(name, rest)


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
        "raccordo-backup.service",
    }
    for unit in SENDING:
        program, *words = shlex.split(service_of(unit)["ExecStart"])
        assert program.endswith("/raccordo")
        parse(words)


def test_whoever_sends_is_told_alone_and_given_more_time_than_the_grace() -> None:
    for unit in SENDING:
        service = service_of(unit)
        assert service["KillMode"] == "mixed"
        assert int(service["TimeoutStopSec"]) > Settings.model_fields["stop_grace_s"].default


@pytest.mark.parametrize("page", [FOLDER / "environment", ROOT / "docs" / "deployment.md", ROOT / "compose.yaml"])
def test_every_setting_and_file_that_is_named_exists(page: Path) -> None:
    text = page.read_text()
    assert set(re.findall(r"RACCORDO_[A-Z_]+", text)) <= SETTINGS
    for path in re.findall(r"raccordo-[a-z]+@?\.(?:service|timer)", text):
        assert (FOLDER / path).exists()


def test_commands_on_the_page_exist() -> None:
    text = (ROOT / "docs" / "deployment.md").read_text()
    found = set(re.findall(r"\braccordo ((?:serve|worker|init|migrate|sweep|delivery)\b[^`\n|]*)", text))
    assert len(found) >= 5
    for words in found:
        name, *rest = shlex.split(words)
        parse([name, *rest] if name in ("init", "migrate") else [name])


def test_the_back_up_that_an_alert_waits_for_is_called_each_night() -> None:
    shell = shlex.split(service_of(BACKUP)["ExecStart"])[-1].replace("$$", "$").replace("%%", "%")
    program, *words = shlex.split(shell.removeprefix("exec ").replace("$(date +%Y-%m-%dT%H%M)", "today"))
    assert program.endswith("/raccordo")
    parse(words)
    assert "OnCalendar=*-*-*" in BACKUP.with_suffix(".timer").read_text()


def test_an_image_takes_from_the_checkout_only_what_it_names() -> None:
    """`COPY . .` put .env and the keys of a home that stood in the checkout into the image."""
    copied = re.findall(r"^COPY (.+) \S+$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    assert names == {
        *("requirements.txt", "docs/deployment/runtime.py", "pyproject.toml", "README.md", "LICENSE"),
        *("contracts", "connectors", "hub"),
    }
    assert all((ROOT / name).exists() for name in names)


def test_an_image_made_later_still_owns_the_volumes() -> None:
    """What a build gives out by itself is the next number that is free in the base image of the day."""
    text = (FOLDER / "Dockerfile").read_text()
    assert "groupadd --system --gid 999 raccordo" in text
    assert "useradd --system --uid 999 --gid 999" in text
    assert text.index("useradd") < text.index("\nUSER raccordo\n")


def test_secrets_and_settings_of_a_machine_are_no_part_of_the_checkout() -> None:
    assert {".env", "compose.override.yaml"} <= set((ROOT / ".gitignore").read_text().split())


def test_lines_for_a_crontab_are_whole_there() -> None:
    """cron ends a command at a bare `%`."""
    text = (ROOT / "docs" / "deployment.md").read_text()
    lines = re.findall(r"^\d+ \d+ \* \* \* (.+)$", text, re.MULTILINE)
    assert len(lines) == 2
    assert not any(re.search(r"(?<!\\)%", line) for line in lines)
    words = [shlex.split(line.replace("\\%", "%")) for line in lines]
    assert all(line[:3] == ["cd", "/opt/raccordo", "&&"] for line in words)
    parse(words[0][words[0].index("raccordo") + 1 :])


def test_what_runs_is_a_part_of_the_lock_without_what_only_tests_need() -> None:
    lock = (ROOT / "requirements.txt").read_text()
    found = runpy.run_path(str(FOLDER / "runtime.py"))["runtime"](lock)
    names = set(re.findall(r"^([A-Za-z0-9._-]+)==", found, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {re.split(r"[\[<>=]", each)[0] for each in project["project"]["dependencies"]}
    only_tests = {re.split(r"[\[<>=]", each)[0] for each in project["dependency-groups"]["dev"]}
    assert wanted | {"hatchling", "psycopg-binary", "uvloop"} <= names
    assert not names & only_tests
    for entry in re.split(r"\n(?=[A-Za-z0-9])", found.strip()):
        assert entry in lock
        assert "--hash=sha256:" in entry


def test_containers_can_be_scraped_and_say_whether_they_are_well() -> None:
    for name in ("api", "worker"):
        service = COMPOSE["services"][name]
        own = {key.removeprefix("RACCORDO_").lower(): value for key, value in service["environment"].items()}
        listen = {key: own[key] for key in ("metrics_listen", "metrics_everywhere", "trusted_proxies")}
        host, port = Settings(**listen).metrics_address or ("", 0)
        assert host == "0.0.0.0"
        assert f":{port}/ready" in service["healthcheck"]["test"][-1]
        assert str(port) not in str(service.get("ports"))


def test_the_home_is_open_to_its_user_alone() -> None:
    """systemd sets the mode anew at each start, and to 0755 where none is named."""
    for unit in UNITS:
        assert (service_of(unit)["StateDirectory"], service_of(unit)["StateDirectoryMode"]) == ("raccordo", "0700")


def test_a_database_that_is_still_being_made_is_waited_for() -> None:
    """Not asked by TCP, it was ready before it was; without a period, three looks were enough to give it up."""
    check = COMPOSE["services"]["postgres"]["healthcheck"]
    assert check["test"][:2] == ["CMD", "pg_isready"]
    assert "--host" in check["test"]
    assert check["start_period"] == "2m"


def test_processes_of_one_machine_may_have_settings_of_their_own() -> None:
    for unit in SENDING:
        assert "EnvironmentFile=-/etc/raccordo/%N.environment" in unit.read_text()


@pytest.mark.parametrize("step", ["useradd", "daemon-reload", "systemd-run", "venv", "X-Forwarded-For", "migrate"])
def test_the_page_says_how_a_machine_is_made_ready(step: str) -> None:
    assert step in (ROOT / "docs" / "deployment.md").read_text()


def test_the_checkout_s_worker_is_the_command() -> None:
    text = (ROOT / "worker.py").read_text()
    assert '"worker"' in text
    assert re.findall(r"^(?:from|import) (\S+)", text, re.MULTILINE) == ["sys", "hub.cli"]
    parse(["worker", "--burst", "--threads", "4", "--no-redis"])
