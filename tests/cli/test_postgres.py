"""The command line over PostgreSQL: the home keeps keys and files, the database is where RACCORDO_DATABASE_URL says."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import stores

from .conftest import Raccordo

INIT = ("init", "--ente", "c_h501", "--name", "Comune")


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    made = stores.Store("postgresql", tmp_path)
    monkeypatch.setenv("RACCORDO_DATABASE_URL", made.url)
    yield made.url
    made.drop()


@pytest.fixture
def home(address: str, call: Raccordo, tmp_path: Path) -> Path:
    assert call(*INIT, "--home", tmp_path / "home").code == 0
    return tmp_path / "home"


def test_the_home_holds_keys_and_no_database(home: Path) -> None:
    assert sorted(path.name for path in home.iterdir()) == ["hub-key.pem", "vault.json"]


def test_commands_write_and_read_there(raccordo: Raccordo, keys: Path) -> None:
    assert raccordo("vendor", "add", "acme", "--name", "Acme", "--trust", "jwk", "--jwks", keys / "jwks.json").code == 0
    assert raccordo("vendor", "suspend", "acme").code == 0
    assert "acme" in raccordo("vendor", "list").out
    assert raccordo("connector", "add", "mail", "--type", "loopback").code in (0, 2)
    assert raccordo("delivery", "list").code == 0
    assert raccordo("audit", "verify").code == 0
    assert raccordo("ente", "add", "c_x", "--name", "Altro", "--public-url", "https://altro.example.it").code == 0
    assert raccordo("ente", "add", "c_x", "--name", "Altro", "--public-url", "https://altro.example.it").code == 1
    migrated = raccordo("migrate", "--json").json
    assert migrated["before"] == migrated["after"]


def test_a_second_home_is_not_made_over_the_database_of_the_first(home: Path, call: Raccordo, tmp_path: Path) -> None:
    answer = call(*INIT, "--home", tmp_path / "second")
    assert answer.code == 2
    assert "holds a hub already" in answer.err
    assert not (tmp_path / "second").exists()


def test_a_copy_of_the_keys_serves_the_same_database(home: Path, call: Raccordo, tmp_path: Path) -> None:
    second = shutil.copytree(home, tmp_path / "second")
    assert "c_h501" in call("ente", "list", "--home", second).out


def test_a_lost_key_file_is_named(home: Path, raccordo: Raccordo) -> None:
    (home / "vault.json").unlink()
    answer = raccordo("ente", "list")
    assert answer.code == 2
    assert "vault.json" in answer.err
    assert "backup" in answer.err


def test_an_empty_database_beside_keys_is_not_served(
    home: Path, raccordo: Raccordo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = stores.Store("postgresql", tmp_path)
    monkeypatch.setenv("RACCORDO_DATABASE_URL", other.url)
    answer = raccordo("ente", "list")
    other.drop()
    assert answer.code == 2
    assert "RACCORDO_DATABASE_URL" in answer.err


def test_a_database_that_is_away_is_one_sentence_without_the_password(
    home: Path, raccordo: Raccordo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RACCORDO_DATABASE_URL", "postgresql://raccordo:Zanzibar@127.0.0.1:9/raccordo")
    answer = raccordo("ente", "list")
    assert answer.code == 1
    assert "RACCORDO_DATABASE_URL does not answer" in answer.err
    assert "Zanzibar" not in answer.err


def test_an_address_of_another_kind_is_refused(raccordo: Raccordo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACCORDO_DATABASE_URL", "mysql://raccordo:Zanzibar@127.0.0.1/raccordo")
    answer = raccordo("ente", "list")
    assert answer.code == 2
    assert "RACCORDO_DATABASE_URL" in answer.err
    assert "Zanzibar" not in answer.err
