"""Taking in, storing, notifying and reading are parts that run without each other (S66)."""

import subprocess
import sys

import pytest

PARTS = {"hub.ingest", "hub.store", "hub.dispatch", "hub.feed", "hub.http", "hub.cli", "hub.admin"}


@pytest.mark.req("S66")
@pytest.mark.parametrize(
    ("module", "needs"),
    [
        ("hub.store.intake", {"hub.store"}),
        ("hub.ingest.pipeline", {"hub.store", "hub.ingest"}),
        ("hub.dispatch.runner", {"hub.store", "hub.dispatch"}),
        ("hub.feed.query", {"hub.store", "hub.feed"}),
        # What a worker runs: it delivers, and serves nothing.
        ("hub.bootstrap", PARTS - {"hub.http", "hub.cli", "hub.admin"}),
    ],
)
def test_a_part_loads_those_it_stands_on_and_no_other(module, needs):
    program = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert PARTS.intersection(loaded) == needs
    assert "starlette" not in loaded
