"""Broadcasts on the command line (S41): looked at first, begun, followed, stopped and gone on with."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hub.ingest.broadcasting import count_audience
from tests.flows.making import new_person

from .conftest import Raccordo
from .subscribing import subscribe

pytestmark = pytest.mark.req("S41")


@pytest.fixture
def people(raccordo: Raccordo, home: Path) -> list[str]:
    """Three who are subscribed to `nido-2026`."""
    assert raccordo("subscription-service", "add", "nido-2026", "--name", "Nido").code == 0
    found = [new_person() for _ in range(3)]
    subscribe(home, found)
    return found


@pytest.fixture
def text(tmp_path: Path) -> tuple[object, ...]:
    body = tmp_path / "body.md"
    body.write_text("Chiuso **lunedì** ({title}).")
    return ("--title", "Chiusura: {service}", "--body", body)


def operations(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "raccordo.db")) as database:
        done = database.execute("SELECT operation FROM access_log WHERE outcome = 'ok' ORDER BY access_id")
        return [row[0] for row in done][2:]  # without the ente and its subscription service


def test_a_preview_counts_and_shows_and_writes_to_nobody(
    raccordo: Raccordo, home: Path, people: list[str], text: tuple[object, ...]
) -> None:
    answer = raccordo("broadcast", "preview", "nido-2026", *text, "--json")
    assert answer.json["persons"] == 3
    assert answer.json["sample"] == {"it": {"title": "Chiusura: Nido", "body": "Chiuso **lunedì** (Nido)."}}
    assert not any(person in answer.out for person in people)
    assert raccordo("broadcast", "list", "--json").json == []
    assert operations(home) == ["preview_broadcast"]


def test_begun_stopped_and_gone_on_with(
    raccordo: Raccordo, home: Path, people: list[str], text: tuple[object, ...]
) -> None:
    began = raccordo("broadcast", "start", "nido-2026", *text, "--yes", "--json").json
    assert began["expected"] == len(people)
    broadcast_id = began["broadcast_id"]
    assert raccordo("broadcast", "stop", broadcast_id).code == 0
    again = raccordo("broadcast", "stop", broadcast_id)
    assert (again.code, "stopped" in again.err) == (1, True)
    assert raccordo("broadcast", "resume", broadcast_id).code == 0
    (row,) = raccordo("broadcast", "list", "--json").json
    assert (row["state"], row["written"], row["expected"]) == ("running", 0, 3)
    shown = raccordo("broadcast", "show", broadcast_id, "--json").json
    assert (shown["state"], "deliveries" in shown) == ("running", False)
    assert raccordo("broadcast", "show", broadcast_id, "--deliveries", "--json").json == shown | {"deliveries": []}
    assert "no delivery yet" in raccordo("broadcast", "show", broadcast_id, "--deliveries").out
    assert raccordo("broadcast", "show", broadcast_id, "--recipients", "--json").out == ""
    assert operations(home) == ["start_broadcast", "stop_broadcast", "resume_broadcast", "show_broadcast_recipients"]


def test_whom_it_reaches_is_counted_once(
    raccordo: Raccordo, people: list[str], text: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []

    def count(*arguments: Any) -> int:
        counted.append(count_audience(*arguments))
        return counted[-1]

    monkeypatch.setattr("hub.admin.broadcasts.count_audience", count)
    began = raccordo("broadcast", "start", "nido-2026", *text, "--yes", "--json").json
    assert (began["expected"], counted) == (len(people), [len(people)])


@pytest.mark.parametrize(
    ("title", "body", "more", "told"),
    [
        ("Ciao {nome}", "x", (), "--title"),
        ("Ciao", "RSSMRA80A01H501U", (), "--body"),
        ("Ciao", "", (), "--body"),
        ("Ciao\nmondo", "x", (), "--title"),
        ("Ciao", "x", ("--title-en", "Hello"), "--body-en"),
        ("Ciao", "x", ("--per-second", 0), "--per-second"),
        ("Ciao", "x" * 10_001, (), "--body"),
        ("Ciao", "\N{RIGHT-TO-LEFT OVERRIDE}x", (), "--body"),
    ],
)
def test_a_text_that_cannot_be_sent_is_refused_with_its_option(
    raccordo: Raccordo, tmp_path: Path, people: list[str], title: str, body: str, more: tuple[object, ...], told: str
) -> None:
    path = tmp_path / "text.md"
    path.write_text(body)
    answer = raccordo("broadcast", "start", "nido-2026", "--title", title, "--body", path, *more, "--yes")
    assert (answer.code, told in answer.err) == (2, True), answer.err
    assert raccordo("broadcast", "list", "--json").json == []


def test_to_nobody_nothing_begins(raccordo: Raccordo, text: tuple[object, ...]) -> None:
    unknown = raccordo("broadcast", "start", "nessuno", *text, "--yes")
    assert (unknown.code, "nessuno" in unknown.err) == (1, True)
    raccordo("subscription-service", "add", "nido-2026", "--name", "Nido")
    empty = raccordo("broadcast", "start", "nido-2026", *text, "--yes")
    assert (empty.code, "nobody" in empty.err) == (1, True)
    missing = raccordo("broadcast", "show", "0191b0b0-0000-7000-8000-000000000000")
    assert (missing.code, "no broadcast" in missing.err) == (1, True)
