"""A migration runs while the version before serves: code of an earlier commit, from this repository's own history."""

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.home import Home
from hub.settings import Settings
from hub.store.chain import verify_chain

ROOT = Path(__file__).parents[2]
EARLIER = "3eaf37223fe9ac35568f9478077221070713007a"
"""The last commit whose schema is migration 0001. Move it on when that version is out of service everywhere."""

# What the earlier code runs: a hub of its own harness, that does one thing for each line it is told.
_SCRIPT = """
import sys, json, pathlib
from tests.harness import make_message, running_hub
folder = pathlib.Path(sys.argv[1])
(folder / "notices").mkdir()
posta = {"posta": ("loopback", {"folder": str(folder / "notices")})}
with running_hub(folder / "home", connectors=posta) as hub:
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        wish, *names = line.split()
        if wish == "publish":
            recipient = {"tax_code": "RSSMRA80A01H501U", "email": "rossi@example.org"}
            items = [make_message(name, recipient=recipient, notify={"channels": ["email"]}) for name in names]
            told = [hub.publish("messages", item).status_code for item in items]
        elif wish == "settle":
            told = sorted(row["state"] for row in hub.settled())
        else:
            told = len(hub.read("/items?limit=100").json()["items"])
        print(json.dumps(told), flush=True)
"""


class Earlier:
    """The process of the earlier code."""

    def __init__(self, code: Path, folder: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(code)}
        command = [sys.executable, "-W", "ignore", "-c", _SCRIPT, str(folder)]
        self._errors = (folder / "errors").open("w+")
        self._process = subprocess.Popen(
            command,
            cwd=code,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        assert self._answer() == "ready"

    def tell(self, *words: str) -> Any:
        assert self._process.stdin is not None
        print(*words, file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            pytest.fail(f"the earlier code ended: {self._errors.read()[-3000:]}")
        return json.loads(line)

    def stop(self) -> None:
        self._process.communicate(timeout=20)
        self._errors.close()


@pytest.fixture
def earlier(tmp_path: Path) -> Iterator[Earlier]:
    found = subprocess.run(["git", "archive", EARLIER], cwd=ROOT, capture_output=True, check=False)
    if found.returncode:
        pytest.skip(f"NOT CHECKED against earlier code, which git does not give: {found.stderr.decode().strip()}")
    code = tmp_path / "earlier"
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
        archive.extractall(code, filter="data")
    process = Earlier(code, tmp_path)
    try:
        yield process
    finally:
        process.stop()


def test_the_version_before_goes_on_serving_on_the_new_schema(earlier: Earlier, tmp_path: Path) -> None:
    assert earlier.tell("publish", "a", "b") == [201, 201]
    home = Home(Settings(home=tmp_path / "home"))
    before, after = home.migrate()
    assert (before, after) == ("0001", home.database.newest_revision())

    assert earlier.tell("publish", "b", "c", "d") == [200, 201, 201]
    assert earlier.tell("read") == 4
    assert set(earlier.tell("settle")) == {"delivered"}
    earlier.stop()

    with home.open_database().read() as connection:
        assert list(verify_chain(connection, {})) == []
    assert len(list((tmp_path / "notices").iterdir())) == 4
    home.database.close()
