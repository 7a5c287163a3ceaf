"""What a server that only serves does not load."""

import subprocess
import sys

from tests.harness import make_home

_SERVED = """
import sys
from pathlib import Path
import hub.cli.application
from hub.app import create_app
from hub.home import Home
from hub.settings import Settings
create_app(Home(Settings(home=Path(sys.argv[1]))))
print(*{name.partition(".")[0] for name in sys.modules})
"""


def test_a_server_loads_nothing_that_only_migrations_need(tmp_path):
    make_home(tmp_path / "home").database.close()
    told = subprocess.run(
        [sys.executable, "-c", _SERVED, str(tmp_path / "home")], capture_output=True, text=True, check=True
    )
    assert {"sqlalchemy", "hub"} <= set(told.stdout.split())
    assert {"alembic", "mako"}.isdisjoint(told.stdout.split())
