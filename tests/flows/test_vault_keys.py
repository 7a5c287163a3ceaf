"""The vault key rotates under a running hub: everything still opens, and the former key can go in the end."""

import shutil

import pytest
from sqlalchemy import func, select

from hub.cli.application import run
from hub.home import Home
from hub.store.rewrapping import rewrap, sealed_by
from hub.store.tables import citizens
from tests import stores
from tests.flows.making import described_hub, fresh, mail_folder, new_person, published, rows, titles
from tests.harness import make_message


@pytest.fixture
def hub(kind, tmp_path):
    with stores.in_use(kind), described_hub(tmp_path / "home", connectors=mail_folder(tmp_path)) as running:
        yield running


def rotated(hub, raccordo):
    """The answer of a rotation; where several machines share the database, the first run only prepares."""
    told = raccordo("keys", "rotate-vault", "--json")
    if hub.home.database.is_shared:
        assert (told["sealed_anew"], told["prepared"] in told["keys"]) == (0, True)
        told = raccordo("keys", "rotate-vault", "--json")
    return told


def count(hub, key_id):
    with hub.home.database.read() as connection:
        return sealed_by(connection, key_id)


def test_everything_opens_after_a_rotation_also_in_the_process_that_runs(hub, raccordo):
    old, person = hub.home.vault.current, new_person()
    message = make_message(fresh(), tax_code=person)
    published(hub, "messages", message)
    raccordo("keys", "rotate-hub")
    told = rotated(hub, raccordo)
    with hub.home.database.read() as connection:
        people = connection.execute(select(func.count()).select_from(citizens)).scalar_one()
    assert told["sealed_anew"] == people + 2 + 2  # and the connector with its version, and two keys of the hub
    assert (count(hub, old), count(hub, told["current"])) == (0, people + 4)
    assert hub.home.vault.current == old  # this process was started before
    hub.hub.feed._citizens._cache.clear()
    assert titles(hub.read("/items", person)) == [message["title"]]
    other = Home(hub.home.settings)
    with other.open_database().read() as connection:
        assert other.configuration.load(connection)
        assert other.load_keyring(connection).signing(other.clock.now()).kid == other.key.kid
    other.database.close()
    assert (hub.home.folder / "vault.json").stat().st_mode & 0o777 == 0o600


def test_a_former_key_goes_only_when_nobody_needs_it(hub, raccordo):
    old = hub.home.vault.current
    published(hub, "messages", make_message(fresh(), tax_code=new_person()))
    told = rotated(hub, raccordo)
    assert "no former key" in raccordo("keys", "rotate-vault", "--remove", told["current"], code=1)
    assert "stop" in raccordo("keys", "rotate-vault", "--remove", old, code=1)


def test_a_former_key_that_seals_something_stays(kind, tmp_path, monkeypatch, capsys):
    with stores.in_use(kind):
        with described_hub(tmp_path / "home") as hub:
            settings, old = hub.home.settings, hub.home.vault.current
            published(hub, "messages", make_message(fresh(), tax_code=new_person()))
            if hub.home.database.is_shared:
                monkeypatch.setenv("RACCORDO_DATABASE_URL", settings.database_url)
        home = Home(settings)
        home.open_database()
        home.replace_vault(home.vault.with_new_key().advanced())  # a rotation that broke off here
        home.database.close()
        command = ["keys", "rotate-vault", "--home", str(settings.home)]
        assert run([*command, "--remove", old]) == 1
        assert "values are sealed under" in capsys.readouterr().err
        assert run(command) == 0
        assert run([*command, "--remove", old]) == 0
        last = Home(settings)
        last.open_database()
        assert list(last.vault.keys) == [last.vault.current]
        assert rewrap(last.database, last.vault) == 0
        last.database.close()


def test_a_backup_says_which_vault_key_it_needs(hub, raccordo, tmp_path, monkeypatch):
    published(hub, "messages", make_message(fresh(), tax_code=new_person()))
    new_home = tmp_path / "new"
    new_home.mkdir(mode=0o700)
    for name in ("vault.json", "hub-key.pem"):
        shutil.copy(hub.home.folder / name, new_home / name)
    rotated(hub, raccordo)
    raccordo("backup", "--to", tmp_path / "backup")
    monkeypatch.delenv("RACCORDO_DATABASE_URL", raising=False)
    restore = ["restore", "--from", str(tmp_path / "backup"), "--no-later-erasures", "--home", str(new_home)]
    assert run(restore) == 1
    shutil.copy(hub.home.folder / "vault.json", new_home / "vault.json")
    assert run(restore) == 0


def test_batches_reach_everybody_and_nobody_twice(hub):
    for _ in range(5):
        published(hub, "messages", make_message(fresh(), tax_code=new_person()))
    home = Home(hub.home.settings)
    home.open_database()
    people = len(rows(hub, citizens))
    home.replace_vault(home.vault.with_new_key().advanced())
    assert rewrap(home.database, home.vault, batch=2) == people + 2
    assert rewrap(home.database, home.vault, batch=2) == 0
    home.database.close()
