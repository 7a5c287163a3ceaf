"""What the units and the containers start does start, with the settings that stand beside it: an API, a worker, a
sweeper and a back-up, called as systemd and Docker would; they say that they are ready, deliver, and end in good order.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from hub.backup.manifest import NAME

from .. import stores
from ..harness import Caller, HubUnderTest, eventually, make_home, make_message
from ..real.redis import Redis
from ..real.server import free_port
from ..systemd import FOLDER, ROOT, service_of

PROGRAM = "/opt/raccordo/.venv/bin/raccordo"
COMMAND = [sys.executable, "-c", "from hub.cli import main; main()"]
SERVING = ("raccordo-api", "raccordo-worker@", "raccordo-sweep")


def started_by(unit: str) -> str:
    return service_of(FOLDER / f"{unit}.service")["ExecStart"]


@pytest.mark.parametrize("unit", sorted(path.name for path in FOLDER.glob("raccordo-*")))
def test_systemd_has_nothing_to_say_of_a_unit(unit: str, tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("NOT CHECKED by systemd: systemd-analyze is not installed")
    for path in FOLDER.glob("raccordo-*"):
        (tmp_path / path.name).write_text(path.read_text().replace(PROGRAM, sys.executable))
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / unit], capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stdout + told.stderr) == (0, "")


def test_what_is_deployed_starts_delivers_and_ends(tmp_path: Path, redis_server: Redis) -> None:
    vendor, portal = Caller("acme"), Caller("portale")
    box = tmp_path / "box"
    box.mkdir()
    with stores.in_use("postgresql"), ExitStack() as running:
        connectors = {"mail": ("loopback", {"folder": str(box)})}
        home = make_home(tmp_path / "home", vendors=(vendor,), portals=(portal,), connectors=connectors)
        home.database.close()
        ours = {
            "RACCORDO_HOME": str(home.folder),
            "RACCORDO_DATABASE_URL": home.settings.database_url,
            "RACCORDO_REDIS_URL": redis_server.url,
        }
        told = dict(line.split("=", 1) for line in _lines(FOLDER / "environment"))
        assert set(ours) <= set(told)
        environment = os.environ | told | ours
        port, metrics = free_port(), {unit: free_port() for unit in SERVING}
        processes = {}
        for unit in SERVING:
            words = shlex.split(started_by(unit).removeprefix(PROGRAM))
            words += ["--port", str(port)] if unit == "raccordo-api" else []
            own = {"RACCORDO_METRICS_LISTEN": f"127.0.0.1:{metrics[unit]}"}
            process = subprocess.Popen([*COMMAND, *words], cwd=ROOT, env=environment | own)
            running.callback(process.kill)
            processes[unit] = process
        for unit in SERVING:
            eventually(partial(_is_well, metrics[unit]), bool, within_s=60)
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, timeout=20) as client:
            hub = HubUnderTest(home, url, client, vendor, vendor, portal)
            message = make_message(recipient={"tax_code": "RSSMRA80A01H501U", "email": "mario@example.it"})
            assert hub.publish("messages", message | {"notify": {"channels": ["email"]}}).status_code == 201
            eventually(lambda: list(box.iterdir()), bool, within_s=60)
        _back_up(environment, tmp_path / "backups")
        for process in processes.values():
            process.send_signal(signal.SIGTERM)
        assert {unit: process.wait(60) for unit, process in processes.items()} == dict.fromkeys(SERVING, 0)


def _lines(file: Path) -> list[str]:
    return [line for line in file.read_text().splitlines() if line and not line.startswith("#")]


def _is_well(port: int) -> bool:
    """By the very command that asks a container."""
    services: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    (check,) = {json.dumps(services[name]["healthcheck"]["test"]) for name in ("api", "worker")}
    kind, _, *words = json.loads(check.replace(":9464/", f":{port}/"))
    assert kind == "CMD"
    return subprocess.run([sys.executable, *words], capture_output=True, check=False).returncode == 0


def _back_up(environment: dict[str, str], folder: Path) -> None:
    """As the unit has it, systemd's doubled signs undone."""
    folder.mkdir()
    command = started_by("raccordo-backup").replace("$$", "$").replace("%%", "%")
    command = command.replace(PROGRAM, shlex.join(COMMAND).replace("'", '"')).replace(
        "/var/backups/raccordo", str(folder)
    )
    made = subprocess.run(shlex.split(command), env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    (backup,) = folder.iterdir()
    assert (backup / NAME).is_file()
