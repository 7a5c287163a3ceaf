"""`init`, `ente`, `migrate`, and what every command does with a wrong home."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from hub.home import Home, HomeError
from hub.settings import Settings
from hub.store.database import Database

from .conftest import Raccordo


def test_init_makes_a_home_that_only_its_owner_reads(call: Raccordo, tmp_path: Path) -> None:
    answer = call("init", "--home", tmp_path / "h", "--ente", "c_h501", "--name", "Comune", "--json")
    assert answer.code == 0
    assert answer.json["publish_audience"] == "http://127.0.0.1:8000/publish/v1"
    assert answer.json["feed_audience"] == "http://127.0.0.1:8000/feed/v1"
    assert stat.S_IMODE((tmp_path / "h").stat().st_mode) == 0o700
    for name in ("hub-key.pem", "vault.json"):
        assert stat.S_IMODE((tmp_path / "h" / name).stat().st_mode) == 0o600


def test_init_closes_a_folder_that_was_there(call: Raccordo, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert call("init", "--home", tmp_path, "--ente", "c_h501", "--name", "Comune").code == 0
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_what_the_console_script_writes_is_for_its_owner(tmp_path: Path) -> None:
    code = "import os; os.umask(0o022); from hub.cli import main; main()"
    init = ["init", "--home", str(tmp_path / "h"), "--ente", "c_h501", "--name", "Comune"]
    subprocess.run([sys.executable, "-c", code, *init], check=True, capture_output=True)
    assert stat.S_IMODE((tmp_path / "h" / "raccordo.db").stat().st_mode) == 0o600


def test_init_takes_the_public_url_of_the_environment(
    call: Raccordo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RACCORDO_PUBLIC_URL", "https://hub.example.it/")
    monkeypatch.setenv("RACCORDO_HOME", str(tmp_path / "h"))
    answer = call(
        "init", "--ente", "c_h501", "--name", "Comune", "--portal-url", "https://sportello.example.it", "--json"
    )
    assert answer.json["publish_audience"] == "https://hub.example.it/publish/v1"
    assert answer.json["portal_url"] == "https://sportello.example.it"
    assert (tmp_path / "h" / "raccordo.db").exists()


def test_init_refuses_to_overwrite(raccordo: Raccordo, home: Path) -> None:
    before = (home / "vault.json").read_bytes()
    answer = raccordo("init", "--ente", "c_x", "--name", "Altro")
    assert answer.code == 2
    assert "--home" in answer.err
    assert (home / "vault.json").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "setting"),
    [
        (("--ente", "c h", "--name", "X"), "IPA"),
        (("--ente", "c_h501", "--name", ""), "--name"),
        (("--name", "X"), "--ente"),
        (("--ente", "c_h501", "--name", "X", "--public-url", "http://hub.example.it"), "--public-url"),
        (("--ente", "c_h501", "--name", "X", "--public-url", "https://hub.example.it/?a=1"), "--public-url"),
        (("--ente", "c_h501", "--name", "X", "--portal-url", "ftp://x"), "--portal-url"),
        (("--ente", "c_h501", "--name", "X", "--colour", "red"), "--colour"),
    ],
)
def test_init_names_the_wrong_setting_and_makes_nothing(
    call: Raccordo, tmp_path: Path, arguments: tuple[str, ...], setting: str
) -> None:
    answer = call("init", "--home", tmp_path / "h", *arguments)
    assert answer.code == 2
    assert setting in answer.err
    assert not (tmp_path / "h").exists()


def test_one_more_ente_has_audiences_of_its_own(raccordo: Raccordo) -> None:
    assert raccordo("ente", "add", "c_l219", "--name", "Torino", "--public-url", "https://to.example.it").code == 0
    rows = raccordo("ente", "list", "--json").json
    assert [row["ente_id"] for row in rows] == ["c_h501", "c_l219"]
    assert rows[1]["publish_audience"] == "https://to.example.it/publish/v1"
    again = raccordo("ente", "add", "c_other", "--name", "X", "--public-url", "https://to.example.it")
    assert again.code == 1


def test_name_and_portal_of_an_ente_are_changed_and_the_rest_stays(raccordo: Raccordo) -> None:
    """Without its portal the links of its notices led to a page of the hub that is not there, for ever."""
    told = raccordo("ente", "add", "c_l219", "--name", "Torino", "--public-url", "https://to.example.it").out
    assert "raccordo ente change c_l219 --portal-url" in told
    changed = raccordo("ente", "change", "c_l219", "--portal-url", "https://area.to.example.it/", "--json").json
    assert (changed["name"], changed["portal_url"]) == ("Torino", "https://area.to.example.it")
    renamed = raccordo("ente", "change", "c_l219", "--name", "Città di Torino", "--json").json
    assert renamed == changed | {"name": "Città di Torino"}
    assert renamed in raccordo("ente", "list", "--json").json


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        ((), 2, "--portal-url"),
        (("--portal-url", "http://area.example.it"), 2, "--portal-url"),
        (("--name", ""), 2, "--name"),
    ],
)
def test_a_change_of_an_ente_that_says_nothing_good_changes_nothing(
    raccordo: Raccordo, arguments: tuple[str, ...], code: int, named: str
) -> None:
    before = raccordo("ente", "list", "--json").json
    answer = raccordo("ente", "change", "c_h501", *arguments)
    assert answer.code == code
    assert named in answer.err
    assert raccordo("ente", "list", "--json").json == before
    assert raccordo("ente", "change", "c_none", "--name", "X").code == 1


def test_with_several_enti_the_ente_must_be_named(raccordo: Raccordo) -> None:
    raccordo("ente", "add", "c_l219", "--name", "Torino", "--public-url", "https://to.example.it")
    unnamed = raccordo("service", "add", "tari", "--name", "TARI")
    assert unnamed.code == 2
    assert "--ente" in unnamed.err
    assert raccordo("service", "add", "tari", "--name", "TARI", "--ente", "c_l219").code == 0
    assert raccordo("service", "add", "tari", "--name", "TARI", "--ente", "c_none").code == 1


def test_migrate_says_where_the_database_is(raccordo: Raccordo) -> None:
    found = raccordo("migrate", "--json").json
    assert found["before"] == found["after"]


def test_an_older_database_is_told_to_migrate(raccordo: Raccordo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Database, "newest_revision", lambda _: "9999")
    answer = raccordo("vendor", "list")
    assert answer.code == 2
    assert "raccordo migrate" in answer.err


@pytest.mark.parametrize("command", ["vendor list", "migrate"])
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            "update alembic_version set version_num = '9999'; "
            "update versions set value = 9999 where name = 'oldest_code'",
            "made by a newer raccordo (migration 9999)",
        ),
        ("delete from alembic_version", "has lost the row that names its migration"),
    ],
)
def test_a_database_that_this_code_does_not_know_is_told(
    raccordo: Raccordo, home: Path, command: str, change: str, sentence: str
) -> None:
    connection = sqlite3.connect(home / "raccordo.db", isolation_level=None)
    connection.executescript(change)
    connection.close()
    answer = raccordo(*command.split())
    assert (answer.code, sentence in answer.err, "restore the backup" in answer.err) == (2, True, True)


def test_a_newer_schema_that_only_added_is_served(raccordo: Raccordo, home: Path) -> None:
    connection = sqlite3.connect(home / "raccordo.db", isolation_level=None)
    connection.execute("update alembic_version set version_num = '9999'")
    connection.close()
    assert raccordo("vendor", "list").code == 0
    assert "made by a newer raccordo" in raccordo("migrate").err


def test_an_empty_database_is_migrated(raccordo: Raccordo, home: Path) -> None:
    for file in home.glob("raccordo.db*"):
        file.unlink()
    (home / "raccordo.db").touch()
    assert "raccordo migrate" in raccordo("vendor", "list").err
    assert raccordo("migrate", "--json").json["before"] is None


def test_a_database_error_has_the_name_that_sqlite_gives_it(raccordo: Raccordo, home: Path) -> None:
    (home / "raccordo.db").write_bytes(b"no database" * 1000)
    for command in ("vendor", "list"), ("migrate",):
        answer = raccordo(*command)
        assert (answer.code, "SQLITE_NOTADB" in answer.err, "backup" in answer.err) == (1, True, True)


def test_a_mistyped_setting_is_told(raccordo: Raccordo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACCORDO_DELIVERY_THREDS", "9")
    answer = raccordo("vendor", "list")
    assert (answer.code, "did you mean RACCORDO_DELIVERY_THREADS" in answer.err) == (0, True)


def test_root_does_not_write_into_the_home_of_another(
    raccordo: Raccordo, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it wrote there was root's alone, and the hub ended with a traceback at its anchors."""
    if os.geteuid() == 0:
        os.chown(home, 65534, -1)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    answer = raccordo("vendor", "list")
    assert (answer.code, "run this as that user" in answer.err) == (2, True)


def test_a_failed_init_can_be_tried_again(call: Raccordo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It left keys behind, which kept every later one from making a home there."""
    init = ("init", "--home", tmp_path / "h", "--ente", "c_h501", "--name", "Comune")
    monkeypatch.setattr(Database, "migrate", lambda *_: 1 / 0)
    assert call(*init).code == 1
    monkeypatch.undo()
    assert call(*init).code == 0


def test_a_file_that_holds_a_hub_is_not_taken_for_one_that_has_its_schema_alone(home: Path, tmp_path: Path) -> None:
    second = Home(Settings(home=tmp_path / "second"))
    second.folder.mkdir()
    shutil.copy(home / "raccordo.db", second.folder)
    before = (second.folder / "raccordo.db").read_bytes()
    with closing(second.database), pytest.raises(HomeError, match="already holds a hub"):
        second.create(migrated=True)
    assert (second.folder / "raccordo.db").read_bytes() == before
    assert not (second.folder / "vault.json").exists()


def test_an_init_that_comes_second_takes_nothing_from_the_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Home(Settings(home=home))
    monkeypatch.setattr(Path, "exists", lambda _: False)  # it looked before the first had begun
    with pytest.raises(FileExistsError):
        other.create()
    monkeypatch.undo()
    assert {"vault.json", "hub-key.pem", "raccordo.db"} <= {path.name for path in home.iterdir()}


@pytest.mark.parametrize("raw", [b"garbage", b"{}", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_garbled_key_of_the_hub_is_told(raccordo: Raccordo, home: Path, raw: bytes) -> None:
    (home / "hub-key.pem").write_bytes(raw)
    answer = raccordo("audit", "verify")
    assert (answer.code, "hub-key.pem" in answer.err, "backup" in answer.err) == (2, True, True)


@pytest.mark.parametrize("name", ["vault.json", "hub-key.pem", "raccordo.db"])
def test_a_lost_file_of_a_home_is_restored_and_never_made_anew(raccordo: Raccordo, home: Path, name: str) -> None:
    (home / name).unlink()
    answer = raccordo("serve", "--port", "0")
    assert answer.code == 2
    assert name in answer.err
    assert "restore it from your backup" in answer.err
    assert "init" not in answer.err


@pytest.mark.parametrize(
    "command", ["vendor list", "ente list", "connector list", "delivery list", "audit verify", "migrate", "serve"]
)
def test_a_missing_home_is_named(call: Raccordo, tmp_path: Path, command: str) -> None:
    answer = call(*command.split(), "--home", tmp_path / "none")
    assert answer.code == 2
    assert "--home" in answer.err
    assert not (tmp_path / "none").exists()


def test_a_wrong_environment_setting_is_named(raccordo: Raccordo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACCORDO_BODY_LIMIT", "much")
    answer = raccordo("vendor", "list")
    assert answer.code == 2
    assert "RACCORDO_BODY_LIMIT" in answer.err


def test_the_console_script_ends_with_the_exit_code(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", "from hub.cli import main; main()", "vendor"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=os.environ)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == "raccordo: Missing command (see `raccordo vendor --help`)\n"


def test_help_is_had_without_a_home(call: Raccordo) -> None:
    for arguments in ((), ("--help",), ("vendor", "add", "--help")):
        answer = call(*arguments)
        assert (answer.code, answer.err) == (0, "")
        assert "Usage: raccordo" in answer.out


def test_openapi_is_written_and_compared(call: Raccordo, tmp_path: Path) -> None:
    assert call("openapi", "--check", "--out", tmp_path).code == 1
    assert call("openapi", "--out", tmp_path).code == 0
    assert call("openapi", "--check", "--out", tmp_path).code == 0
    (tmp_path / "openapi" / "feed.yaml").write_text("openapi: 3.0.3\n")
    drifted = call("openapi", "--check", "--out", tmp_path)
    assert drifted.code == 1
    assert "feed.yaml" in drifted.err
    assert call("openapi", "--out", tmp_path / "none").code == 2
