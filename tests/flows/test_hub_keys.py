"""The hub's own keys: one follows another on every process, and what the one before signed still verifies."""

import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from hub.cli.application import run
from hub.home import Home
from hub.security import jose, jwk
from hub.security.keys import new_key, private_pem
from hub.security.sign import SigningKey
from hub.settings import Settings
from hub.store.tables import hub_keys
from tests import stores
from tests.flows.making import described_hub, fresh, new_person, rows
from tests.harness import eventually, make_message, served


@pytest.fixture
def hub(kind, tmp_path):
    with stores.in_use(kind), described_hub(tmp_path / "home") as running:
        yield running


@pytest.fixture
def second(hub, tmp_path):
    """Another machine's process on the same PostgreSQL, with a home of its own."""
    folder = tmp_path / "other"
    folder.mkdir(mode=0o700)
    for name in ("vault.json", "hub-key.pem"):
        shutil.copy(hub.home.folder / name, folder / name)
    home = Home(Settings(home=folder, database_url=hub.home.settings.database_url))
    with served(home, *hub.callers) as second:
        yield second


def receipt(hub):
    """A receipt of a new message, parsed."""
    answer = hub.publish("messages", make_message(fresh(), tax_code=new_person()))
    assert answer.status_code == 201
    return jose.parse(answer.headers["Agid-JWT-Signature"])


def published(hub):
    keys = hub.client.get("/.well-known/jwks.json").json()["keys"]
    return {key["kid"]: jwk.jwk_key(json.dumps(key)) for key in keys}


def signs_with(hub, kid):
    return eventually(lambda: receipt(hub), lambda token: token.header["kid"] == kid)


def test_a_new_key_signs_at_once_and_the_old_one_stays_published(hub, raccordo, tmp_path):
    old = receipt(hub)
    raccordo("backup", "--to", tmp_path / "backup")
    hub.hub.anchors.write()
    made = raccordo("keys", "rotate-hub", "--kind", "rs256", "--json")
    new = signs_with(hub, made["kid"])
    for token in (old, new):
        jose.verify(token, published(hub)[token.header["kid"]])
    assert [(row["kid"], row["state"]) for row in raccordo("keys", "hub", "--json")] == [
        (old.header["kid"], "retiring"),
        (new.header["kid"], "current"),
    ]
    hub.hub.anchors.write()
    assert raccordo("audit", "verify", "--json")["anchors"] >= 2
    assert (hub.home.folder / "hub-key.pem").stat().st_mode & 0o777 == 0o600


def test_a_backup_from_before_a_rotation_restores_with_the_new_key_file(hub, raccordo, tmp_path, monkeypatch):
    raccordo("backup", "--to", tmp_path / "backup")
    made = raccordo("keys", "rotate-hub", "--json")
    monkeypatch.delenv("RACCORDO_DATABASE_URL", raising=False)
    fresh_home = tmp_path / "fresh"
    fresh_home.mkdir(mode=0o700)
    for name in ("vault.json", "hub-key.pem"):
        shutil.copy(hub.home.folder / name, fresh_home / name)
    raccordo("restore", "--from", tmp_path / "backup", "--no-later-erasures", home=fresh_home)
    (key,) = raccordo("keys", "hub", "--json", home=fresh_home)
    assert (key["kid"], key["state"]) == (made["kid"], "current")
    again = raccordo("keys", "rotate-hub", "--json", home=fresh_home)
    states = {row["kid"]: row["state"] for row in raccordo("keys", "hub", "--json", home=fresh_home)}
    assert states == {made["kid"]: "retiring", again["kid"]: "current"}


def test_a_key_may_be_published_before_it_signs(hub, raccordo):
    old = receipt(hub)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    made = raccordo("keys", "rotate-hub", "--from", tomorrow, "--json")
    eventually(lambda: published(hub), lambda keys: made["kid"] in keys)
    assert receipt(hub).header["kid"] == old.header["kid"]
    assert "is to come" in raccordo("keys", "rotate-hub", code=1)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    assert "in the past" in raccordo("keys", "rotate-hub", "--from", yesterday, code=1)
    assert {row["state"] for row in raccordo("keys", "hub", "--json")} == {"coming", "current"}


def test_a_key_without_overlap_is_published_no_more_and_signs_nothing(hub, raccordo):
    old = receipt(hub)
    first = raccordo("keys", "rotate-hub", "--overlap-hours", "0", "--json")
    signs_with(hub, first["kid"])
    assert list(published(hub)) == [first["kid"]]
    raccordo("keys", "rotate-hub", "--json")
    kept = {row["kid"]: row["private_sealed"] for row in rows(hub, hub_keys)}
    assert kept[old.header["kid"]] is None
    assert kept[first["kid"]] is not None
    assert b"PRIVATE" not in b"".join(sealed for sealed in kept.values() if sealed)
    assert raccordo("audit", "verify", "--json")["ok"]


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_another_machine_follows_while_it_runs_and_when_it_starts_again(hub, second, raccordo):
    old = receipt(second).header["kid"]
    made = raccordo("keys", "rotate-hub", "--json")
    for each in (hub, second):
        signs_with(each, made["kid"])
        assert set(published(each)) == {old, made["kid"]}
    assert SigningKey.load(second.home.folder / "hub-key.pem").kid == old
    raccordo("audit", "verify", home=second.home.folder)
    file = SigningKey.load(second.home.folder / "hub-key.pem")
    assert (file.kid, [one.signer for one in file.earlier]) == (made["kid"], [f"jwk:{old}"])


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_a_strangers_key_file_is_refused_after_a_rotation_too(hub, second, raccordo):
    raccordo("keys", "rotate-hub")
    path = second.home.folder / "hub-key.pem"
    path.write_bytes(private_pem(new_key("es256")))
    assert "is not the key of this database" in raccordo("keys", "hub", code=2, home=second.home.folder)


def test_the_key_may_come_from_the_environment_and_rotates_all_the_same(tmp_path, monkeypatch, capsys):
    given = private_pem(new_key("es256")).decode()
    monkeypatch.setenv("RACCORDO_HUB_KEY", given.replace("\n", "\\n"))
    folder = tmp_path / "home"
    base = ["--home", str(folder)]

    def call(*arguments):
        capsys.readouterr()
        assert run([*arguments, *base]) == 0
        return capsys.readouterr().out

    call("init", "--ente", "c_h501", "--name", "Comune", "--public-url", "https://hub.example.it")
    assert not (folder / "hub-key.pem").exists()
    first = SigningKey.read(given.encode()).kid
    made = json.loads(call("keys", "rotate-hub", "--json"))
    assert made["before"] == first
    states = {row["kid"]: row["state"] for row in json.loads(call("keys", "hub", "--json"))}
    assert states == {first: "retiring", made["kid"]: "current"}
    assert not (folder / "hub-key.pem").exists()
    monkeypatch.setenv("RACCORDO_HUB_KEY", "no key")
    assert run(["keys", "hub", *base]) == 2
    assert "RACCORDO_HUB_KEY is not a private key" in capsys.readouterr().err
