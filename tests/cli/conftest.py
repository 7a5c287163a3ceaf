"""A home that `init` made, and the command line in this process."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.cli.application import run
from hub.cli.options import opened
from hub.store.handling import OPERATOR
from hub.store.tables import access_log
from tests.harness import BASE, ENTE


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Raccordo = Callable[..., Answer]
Trail = Callable[[], list[dict[str, Any]]]
SECRET = "s3cret-value-of-the-key"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RACCORDO_HOME", "RACCORDO_PUBLIC_URL", "RACCORDO_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Raccordo:
    """The command line, without a home of its own."""

    def run_(*arguments: object) -> Answer:
        capsys.readouterr()
        code = run([str(each) for each in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert len(err.splitlines()) <= 2, f"one sentence, not {err}"
        return Answer(code, out, err)

    return run_


@pytest.fixture(scope="session")
def made_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one ente, to copy from."""
    home = tmp_path_factory.mktemp("made") / "home"
    assert run(["init", "--home", str(home), "--ente", ENTE, "--name", "Comune di Prova", "--public-url", BASE]) == 0
    return home


@pytest.fixture
def home(made_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_home, tmp_path / "home"))


@pytest.fixture
def raccordo(home: Path, call: Raccordo) -> Raccordo:
    """The command line on a fresh home."""
    return lambda *arguments: call(*arguments, "--home", home)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file that holds `SECRET`."""
    path = tmp_path / "api_key.txt"
    path.write_text(SECRET + "\n")
    return path


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `keys new` made for the vendor `acme`, certificate and CA included."""
    folder = tmp_path_factory.mktemp("keys") / "acme"
    assert run(["keys", "new", "--kind", "es256", "--out", str(folder), "--subject", "acme", "--ca"]) == 0
    return folder


@pytest.fixture(scope="session")
def other_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys") / "other"
    assert run(["keys", "new", "--kind", "rs256", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def trail(home: Path) -> Trail:
    """The acts since the home was made: operation, outcome, target, before, after."""

    def read() -> list[dict[str, Any]]:
        with opened(home) as one, one.database.read() as connection:
            rows = connection.execute(select(access_log).order_by(access_log.c.access_id)).mappings().all()
        assert all(row["ente_id"] == ENTE and row["portal_id"] == OPERATOR for row in rows)
        told = [{"operation": row["operation"], "outcome": row["outcome"]} | (row["act"] or {}) for row in rows]
        return [each for each in told if each["operation"] != "add_ente"]

    return read
