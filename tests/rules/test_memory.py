"""What a server that only serves does not load."""

import subprocess
import sys

import pytest

from tests.harness import make_home

_SERVED = """
import sys
from pathlib import Path
from hub.app import create_app
from hub.cli.commands import application
from hub.home import Home
from hub.http.description import describe
from hub.settings import Settings
application("serve")
create_app(Home(Settings(home=Path(sys.argv[1]))))
describe("callbacks")
print(*sys.modules)
"""


@pytest.fixture
def loaded(tmp_path):
    """The modules of a server whose ente has one connector, and whose documentation somebody has looked at."""
    folder = str(tmp_path / "box")
    make_home(tmp_path / "home", connectors={"io": ("loopback", {"folder": folder})}).database.close()
    told = subprocess.run(
        [sys.executable, "-c", _SERVED, str(tmp_path / "home")], capture_output=True, text=True, check=True
    )
    return set(told.stdout.split())


def test_a_server_loads_nothing_that_only_others_need(loaded):
    assert {"sqlalchemy", "hub.cli.serving"} <= loaded
    assert {"alembic", "mako", "obstore", "hub.cli.connectors", "hub.conformance.client"}.isdisjoint(loaded)


def test_a_server_loads_the_connectors_that_it_has(loaded):
    assert "connectors.loopback" in loaded
    assert {"connectors.app_io", "connectors.email", "connectors.pagopa", "connectors.send"}.isdisjoint(loaded)
