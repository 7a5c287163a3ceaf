"""CONTRIBUTING.md walks through the making of a connector: followed here, what comes of it keeps every promise."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^`albo/([\w./]+)`\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SUITES = ("TestDelivery", "TestPull", "TestCallback")


def the_text():
    return dict(_BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder `connectors` that holds what every connector has, and the one of the text."""
    root = tmp_path_factory.mktemp("hub")
    connectors = root / "connectors"
    shutil.copytree(
        ROOT / "connectors" / "base", connectors / "base", ignore=shutil.ignore_patterns("test_*", "__pycache__")
    )
    for name in ("__init__.py", "registry.py"):
        shutil.copy(ROOT / "connectors" / name, connectors / name)
    for name, content in the_text().items():
        path = connectors / "albo" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    shutil.copy(ROOT / "pyproject.toml", root / "pyproject.toml")
    (root / "contracts").symlink_to(ROOT / "contracts")
    return root


def run(root, *command):
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=root, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_text_has_every_file_of_a_connector():
    assert {
        "manifest.toml",
        "config.py",
        "mapping.py",
        "client.py",
        "__init__.py",
        "simulator.py",
        "test_albo.py",
    } <= set(the_text())


def test_the_hub_finds_the_connector_of_the_text(made):
    find = "from connectors.registry import Types; print({n: t.manifest.title for n, t in Types().items()})"
    assert run(made, "-c", find) == (0, "{'albo': 'Albo (an example)'}\n")


def test_the_connector_of_the_text_keeps_every_promise(made):
    status, told = run(made, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rA", "connectors/albo/test_albo.py")
    assert status == 0, told[-5000:]
    assert "::test_its_provider_takes_what_the_connector_sends_once" in told
    for suite in _SUITES:
        assert f"::{suite}::test_" in told


def test_the_connector_of_the_text_is_written_as_the_others_are(made):
    status, told = run(made, "-m", "ruff", "check", "--no-cache", "connectors/albo")
    assert status == 0, told
    status, told = run(made, "-m", "ruff", "format", "--no-cache", "--diff", "connectors/albo")
    assert status == 0, told
