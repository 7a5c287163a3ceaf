"""Connectors: versions, secrets that are never seen, checks."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.harness import ENTE

from .conftest import Raccordo

SECRET = "s3cret-value-of-the-key"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "api_key.txt"
    path.write_text(SECRET + "\n")
    return path


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
