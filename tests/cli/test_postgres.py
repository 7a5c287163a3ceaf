"""The command line over PostgreSQL: the home keeps keys and files, the database is where RACCORDO_DATABASE_URL says."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, make_url

from hub.clock import SystemClock
from hub.home import Home, HomeError
from hub.settings import Settings
from hub.store.belonging import keys_of
from hub.store.database import Database
from hub.store.tables import versions
from tests import stores
from tests.harness import make_home

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


def test_a_home_may_be_made_on_a_database_that_has_its_schema_alone(address: str, tmp_path: Path) -> None:
    database = Database(address, SystemClock())
    database.migrate()
    database.close()
    home = make_home(tmp_path / "home", migrated=True, database_url=address)
    assert {path.name for path in home.folder.iterdir()} == {"hub-key.pem", "vault.json"}
    assert home.folder.stat().st_mode & 0o77 == 0
    names = {"vault.json": home.vault.fingerprint, "hub-key.pem": home.key.fingerprint}
    with home.open_database().read() as connection:
        assert keys_of(connection, names) == names
    home.database.close()


def test_a_database_that_holds_a_hub_is_not_taken_for_one_that_has_its_schema_alone(
    home: Path, address: str, tmp_path: Path
) -> None:
    def refused() -> None:
        second = Home(Settings(home=tmp_path / "second", database_url=address))
        with closing(second.database), pytest.raises(HomeError, match="holds a hub already"):
            second.create(migrated=True)
        assert not second.folder.exists()

    refused()
    with closing(Database(address, SystemClock())) as database, database.write() as tx:
        # as a version that noted no keys left it
        tx.connection.execute(delete(versions).where(versions.c.name.in_(["vault.json", "hub-key.pem"])))
    refused()


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


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"host": "nothing.invalid"}, "name of its host is not known"),
        ({"port": 9}, "nothing listens there"),
        ({"password": "Zanzibar"}, "refuses user or password"),
        ({"database": "nowhere"}, "no such database"),
    ],
)
def test_why_a_database_does_not_answer_is_said(
    home: Path, raccordo: Raccordo, address: str, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], why: str
) -> None:
    """A wrong password, a wrong host and a dead server were one sentence, which named none of them."""
    url = make_url(address).set(**change)
    monkeypatch.setenv("RACCORDO_DATABASE_URL", url.render_as_string(hide_password=False))
    answer = raccordo("ente", "list")
    assert (answer.code, why in answer.err) == (1, True), answer.err
    assert f"({url.host}:{url.port}/{url.database})" in answer.err
    assert str(url.password) not in answer.err


@pytest.mark.parametrize("rest", ["a:Zanzibar@b:port/c", "a:Zan@zibar@b/c", "a:Zan@zibar@b:5432/c"])
def test_an_address_that_cannot_be_read_is_told_with_what_is_to_be_encoded(
    raccordo: Raccordo, home: Path, monkeypatch: pytest.MonkeyPatch, rest: str
) -> None:
    monkeypatch.setenv("RACCORDO_DATABASE_URL", f"postgresql://{rest}")
    answer = raccordo("ente", "list")
    assert (answer.code, "RACCORDO_DATABASE_URL" in answer.err, "%40" in answer.err) == (2, True, True)
    assert "ibar" not in answer.err


def test_keys_without_their_database_s_address_ask_for_it(
    home: Path, raccordo: Raccordo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RACCORDO_DATABASE_URL")
    answer = raccordo("ente", "list")
    assert (answer.code, "is RACCORDO_DATABASE_URL set" in answer.err) == (2, True)


def test_an_address_of_another_kind_is_refused(raccordo: Raccordo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACCORDO_DATABASE_URL", "mysql://raccordo:Zanzibar@127.0.0.1/raccordo")
    answer = raccordo("ente", "list")
    assert answer.code == 2
    assert "RACCORDO_DATABASE_URL" in answer.err
    assert "Zanzibar" not in answer.err
