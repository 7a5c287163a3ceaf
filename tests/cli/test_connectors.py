"""Connectors: versions, secrets that are never seen, checks."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.harness import ENTE

from .conftest import SECRET, Raccordo


@pytest.fixture
def io(raccordo: Raccordo, secret: Path) -> Raccordo:
    """The command line on a home with a connector `io`."""
    answer = raccordo(
        "connector", "set", "io", "--type", "app_io", "--set", "base_url=http://127.0.0.1:9/api/v1",
        "--secret-file", f"api_key={secret}", "--limit", "retry_base_s=1", "--limit", "timeout_s=1",
    )  # fmt: skip
    assert answer.code == 0
    assert SECRET not in answer.out + answer.err
    return raccordo


def test_secrets_are_never_printed(io: Raccordo, home: Path) -> None:
    for arguments in (("list",), ("show", "io"), ("set", "io", "--set", "status_checks=3"), ("pause", "io")):
        for extra in ((), ("--json",)):
            answer = io("connector", *arguments, *extra)
            assert answer.code == 0
            assert SECRET not in answer.out + answer.err
    assert io("connector", "show", "io", "--json").json["settings"]["api_key"] == "**********"
    assert SECRET.encode() not in (home / "raccordo.db").read_bytes()


def test_an_open_breaker_shows_and_an_activation_closes_it(io: Raccordo, home: Path) -> None:
    """An operator asks why nothing goes out; once the provider is mended, he need not wait."""
    assert [row["breaker"] for row in io("connector", "list", "--json").json] == ["closed"]
    with closing(sqlite3.connect(home / "raccordo.db")) as database, database:
        row = (ENTE, "io", 5, 1, 4_000_000_000_000_000, 5)
        database.execute("INSERT INTO lanes VALUES (?, ?, ?, ?, ?, NULL, ?, NULL)", row)
    assert [row["breaker"] for row in io("connector", "list", "--json").json] == ["open"]
    assert io("connector", "activate", "io").code == 0
    assert [row["breaker"] for row in io("connector", "list", "--json").json] == ["closed"]


def test_what_is_not_named_stays(io: Raccordo) -> None:
    assert io("connector", "set", "io", "--set", "status_delay_s=0.5", "--limit", "max_attempts=3").code == 0
    shown = io("connector", "show", "io", "--json").json
    assert shown["version"] == 2
    assert shown["settings"]["base_url"] == "http://127.0.0.1:9/api/v1"
    assert shown["settings"]["status_delay_s"] == 0.5
    assert shown["limits"] == {"retry_base_s": 1, "timeout_s": 1, "max_attempts": 3}
    assert io("connector", "set", "io", "--unset", "status_delay_s").code == 0
    assert io("connector", "show", "io", "--json").json["settings"]["status_delay_s"] == 30.0


def test_a_connector_is_made_for_tests_and_stays_so(io: Raccordo, secret: Path) -> None:
    """Whatever becomes of it: what it has under way would reach citizens."""
    own = ("--type", "app_io", "--set", "base_url=http://127.0.0.1:9/api/v1", "--secret-file", f"api_key={secret}")
    assert io("connector", "set", "io-prova", *own, "--environment", "prova").code == 2
    assert io("connector", "set", "io-prova", *own, "--environment", "test").code == 0
    assert io("connector", "set", "io-prova", "--set", "status_checks=3").code == 0
    assert io("connector", "set", "io-prova", "--environment", "test").code == 0
    refused = io("connector", "set", "io-prova", "--environment", "production")
    assert (refused.code, "make another connector" in refused.err) == (2, True)
    folder = ("--type", "loopback", "--set", f"folder={secret.parent}")
    assert io("connector", "set", "io-prova", *folder).code == 0
    listed = {row["connector_id"]: row["environment"] for row in io("connector", "list", "--json").json}
    assert listed == {"io": "production", "io-prova": "test"}


def test_a_secret_in_the_arguments_is_refused(raccordo: Raccordo) -> None:
    answer = raccordo("connector", "set", "io", "--type", "app_io", "--set", f"api_key={SECRET}")
    assert answer.code == 2
    assert "--secret-file api_key" in answer.err
    assert SECRET not in answer.err


def test_a_text_that_looks_like_a_number_stays_a_text(io: Raccordo) -> None:
    assert io("connector", "set", "io", "--set", "organization_tax_code=80015010723").code == 0
    assert io("connector", "show", "io", "--json").json["settings"]["organization_tax_code"] == "80015010723"


@pytest.mark.parametrize(
    ("arguments", "setting"),
    [
        (("--set", "status_checks=many"), "status_checks"),
        (("--set", "colour=red"), "colour"),
        (("--set", "nonsense"), "--set"),
        (("--set", "base_url=http://io.example.it"), "base_url"),
        (("--limit", "timeout_s=0"), "timeout_s"),
        (("--limit", "speed=1"), "speed"),
        (("--limit", "timeout_s=x"), "timeout_s"),
        (("--secret-file", "api_key=/none"), "--secret-file api_key"),
        (("--type", "fax"), "--type"),
        (("--unset", "api_key"), "api_key"),
    ],
)
def test_wrong_settings_are_named_and_not_saved(io: Raccordo, arguments: tuple[str, ...], setting: str) -> None:
    answer = io("connector", "set", "io", *arguments)
    assert answer.code == 2
    assert setting in answer.err
    assert SECRET not in answer.err
    assert io("connector", "show", "io", "--json").json["version"] == 1


def test_the_first_time_a_type_is_needed(raccordo: Raccordo) -> None:
    answer = raccordo("connector", "set", "io", "--set", "status_checks=3")
    assert (answer.code, "--type" in answer.err) == (2, True)


def test_a_connector_is_paused_and_activated(io: Raccordo) -> None:
    assert io("connector", "pause", "io", "--reason", "key to be renewed").code == 0
    [row] = io("connector", "list", "--json").json
    assert (row["status"], row["paused_reason"]) == ("paused", "key to be renewed")
    assert io("connector", "activate", "io").code == 0
    [row] = io("connector", "list", "--json").json
    assert (row["status"], row["paused_reason"]) == ("active", None)


def test_a_new_version_of_a_paused_connector_stays_paused(io: Raccordo, home: Path) -> None:
    """`connector set` while the key was known to be wrong let everything out again, and forgot the reason."""
    io("connector", "pause", "io", "--reason", "key to be renewed")
    answer = io("connector", "set", "io", "--set", "status_checks=3")
    assert (answer.code, "stays paused (key to be renewed)" in answer.err) == (0, True)
    [row] = io("connector", "list", "--json").json
    assert (row["status"], row["paused_reason"], row["version"]) == ("paused", "key to be renewed", 2)


def test_a_removed_connector_is_gone_with_its_secrets_and_comes_back_as_a_newer_one(
    io: Raccordo, home: Path, secret: Path
) -> None:
    with closing(sqlite3.connect(home / "raccordo.db")) as database, database:
        row = (ENTE, "io", 5, 1, 4_000_000_000_000_000, 5)
        database.execute("INSERT INTO lanes VALUES (?, ?, ?, ?, ?, NULL, ?, NULL)", row)
    assert io("connector", "remove", "io").code == 0
    with closing(sqlite3.connect(home / "raccordo.db")) as database:
        assert database.execute("SELECT open_until FROM lanes").fetchall() == [(None,)], "no breaker of nobody's"
    assert io("connector", "list", "--json").json == []
    for command in ("show", "activate", "pause", "remove"):
        assert io("connector", command, "io").code == 1
    again = ("--type", "app_io", "--set", "base_url=http://127.0.0.1:9/api/v1", "--secret-file", f"api_key={secret}")
    assert io("connector", "set", "io", *again).code == 0
    [row] = io("connector", "list", "--json").json
    assert (row["status"], row["version"]) == ("active", 1)
    with closing(sqlite3.connect(home / "raccordo.db")) as database:
        ((kept,),) = database.execute("SELECT version FROM connectors").fetchall()
    assert kept > 2, "what a process holds of the one before is of an older version"


@pytest.mark.parametrize("state", ["queued", "waiting", "held"])
def test_a_connector_that_is_waited_for_is_not_removed(io: Raccordo, home: Path, state: str) -> None:
    with closing(sqlite3.connect(home / "raccordo.db")) as database, database:
        database.execute(
            "INSERT INTO deliveries (ente_id, delivery_id, citizen_id, message_id, connector_id, channel, state,"
            " due_at, expires_at, attempts, claims, maybe_sent, unsafe, memo, created_at, updated_at)"
            " VALUES (?, 'd', 'c', 'm', 'io', 'io', ?, 0, 0, 0, 0, 0, 0, '{}', 0, 0)",
            (ENTE, state),
        )
    answer = io("connector", "remove", "io")
    assert (answer.code, "1 deliveries" in answer.err) == (1, True)
    assert io("connector", "show", "io").code == 0


def test_a_pause_is_no_version_and_the_numbers_are_those_of_the_api(io: Raccordo) -> None:
    """The list counted pauses too: `version 14` of a connector that has two to go back to."""
    io("connector", "pause", "io", "--reason", "a test")
    io("connector", "activate", "io")
    assert "at version 2" in io("connector", "set", "io", "--set", "status_checks=3").out
    [row] = io("connector", "list", "--json").json
    shown = io("connector", "show", "io", "--json").json
    assert (row["version"], row["environment"]) == (2, "production")
    assert (shown["version"], shown["environment"], shown["service_overrides"]) == (2, "production", [])


def test_a_mistyped_name_is_not_unset(io: Raccordo) -> None:
    answer = io("connector", "set", "io", "--unset", "pippo")
    assert (answer.code, "--unset pippo" in answer.err) == (2, True)
    assert io("connector", "show", "io", "--json").json["version"] == 1


def test_pausing_says_what_becomes_of_pending_deliveries(call: Raccordo) -> None:
    told = " ".join(call("connector", "pause", "--help").out.split())
    assert "pending deliveries stay queued until it is activated" in told


@pytest.mark.parametrize("command", ["show", "check", "activate", "pause"])
def test_an_unknown_connector_is_told(raccordo: Raccordo, command: str) -> None:
    answer = raccordo("connector", command, "nothing")
    assert answer.code == 1
    assert "nothing" in answer.err


def test_a_check_really_calls(io: Raccordo, tmp_path: Path) -> None:
    unreachable = io("connector", "check", "io")
    assert unreachable.code == 1
    assert "deferred" in unreachable.err
    io("connector", "set", "box", "--type", "loopback", "--set", f"folder={tmp_path}")
    assert io("connector", "check", "box", "--json").json["ok"] is True


def test_a_secret_comes_from_standard_input(raccordo: Raccordo, monkeypatch: pytest.MonkeyPatch) -> None:
    import io as streams
    import types

    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=streams.BytesIO(SECRET.encode())))
    answer = raccordo("connector", "set", "io", "--type", "app_io", "--secret-file", "api_key=-", "--json")
    assert answer.code == 0
    assert json.loads(answer.out)["settings"]["api_key"] == "**********"


def test_a_list_is_set_and_shown_with_commas(raccordo: Raccordo, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"whsec_{'A' * 32}\n")
    answer = raccordo(
        "connector", "set", "gestionale", "--type", "webhook", "--set", "url=https://gestionale.example.it/x",
        "--set", "events=paid,withdrawn", "--secret-file", f"signing_secrets={tmp_path / 'secret'}",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    shown = raccordo("connector", "show", "gestionale", "--json").json["settings"]
    assert (shown["events"], shown["collections"], shown["signing_secrets"]) == ("paid,withdrawn", "", "**********")
    assert raccordo("connector", "set", "gestionale", "--set", "events=notification").code == 2
    assert raccordo("connector", "show", "gestionale", "--json").json["version"] == 1
