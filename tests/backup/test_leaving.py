"""Who has left does not come back with a restore; a journal that lacks it keeps a back-up from being made."""

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.backup.erasures import End, Erasure, Journal
from hub.cli import ending
from hub.cli.application import run
from hub.cli.options import opened
from hub.store.tables import connectors, deliveries, enti, vendors
from tests.backup.test_ordered_erasures import passphrase
from tests.flows.making import mail_folder
from tests.harness import ENTE, ROSSI, make_message, running_hub

pytestmark = [pytest.mark.req("P12"), pytest.mark.req("L4")]


@pytest.fixture(scope="module")
def worked(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("leaving")
    with running_hub(folder / "home", connectors=mail_folder(folder)) as hub:
        recipient = {"tax_code": ROSSI, "email": "mario@example.it"}
        assert hub.publish("messages", make_message(recipient=recipient)).status_code == 201
        hub.settled()
    return folder / "home"


@pytest.fixture
def home(worked, tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(ending, "EVERYWHERE_S", 0)
    return Path(shutil.copytree(worked, tmp_path / "home"))


def rows(home: Path, table) -> list:
    with opened(home) as one, one.database.read() as connection:
        return connection.execute(select(table)).all()


def saved(home: Path, tmp_path: Path) -> tuple[str, ...]:
    """A back-up of now; the command that restores it, but for the journal."""
    kept = passphrase(tmp_path)
    assert run(["backup", "--home", str(home), "--to", str(tmp_path / "b"), "--with-keys", *kept]) == 0
    return ("restore", "--home", str(tmp_path / "new"), "--from", str(tmp_path / "b"), *kept)


def test_a_body_that_left_after_the_back_up_is_ended_again(home, tmp_path, capsys):
    restore = saved(home, tmp_path)
    assert run(["vendor", "end", "beta", "--yes", "--home", str(home)]) == 0
    assert run(["ente", "end", ENTE, "--yes", "--home", str(home)]) == 0
    assert run(["ente", "end", ENTE, "--yes", "--home", str(home)]) == 0, "again"
    with opened(home) as one:
        noted = Journal(one.erasures, one.key).read()
    assert [(each.ente_id, each.vendor_id) for each in noted if isinstance(each, End)] == [(ENTE, "beta"), (ENTE, None)]
    capsys.readouterr()
    assert run([*restore, "--erasures", str(home / "erasures.jsonl"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["ended"], told["erased"], told["faults"]) == (2, 0, [])
    new = tmp_path / "new"
    assert all(row.ended_at for row in (*rows(new, enti), *rows(new, vendors)))
    assert {row.status for row in rows(new, connectors)} == {"removed"}
    assert "delivered" in {row.state for row in rows(new, deliveries)}
    assert run(["audit", "verify", "--bodies", "--home", str(new)]) == 0


def test_without_the_journal_it_is_as_of_the_back_up(home, tmp_path):
    restore = saved(home, tmp_path)
    assert run(["ente", "end", ENTE, "--yes", "--home", str(home)]) == 0
    assert run([*restore, "--no-later-erasures"]) == 0
    assert [row.ended_at for row in rows(tmp_path / "new", enti)] == [None]


def test_a_journal_that_lacks_an_end_keeps_a_back_up_from_being_made(home, tmp_path, capsys):
    assert run(["vendor", "end", "acme", "--yes", "--home", str(home)]) == 0
    (home / "erasures.jsonl").unlink()
    capsys.readouterr()
    assert run(["backup", "--home", str(home), "--to", str(tmp_path / "b")]) == 1
    assert "lacks 1 ends that were made on another machine" in capsys.readouterr().err
    assert run(["ente", "end", ENTE, "--yes", "--home", str(home)]) == 1, "nor is another one made"
    assert [row.ended_at for row in rows(home, enti)] == [None]


def test_a_version_that_knows_no_ends_erases_nobody_for_them(home):
    with opened(home) as one:
        journal = Journal(one.erasures, one.key)
        journal.add_end(ENTE, "acme", ("tributi",), one.clock.now(), despite="contratto concluso")
        journal.add(ENTE, "someone", one.clock.now())
        first, second = journal.read()
    assert (first, second) == (
        End(ENTE, "acme", ("tributi",), first.at),
        Erasure(ENTE, "someone", second.at),
    )
    line = json.loads((home / "erasures.jsonl").read_text().splitlines()[0])
    assert (line["citizen_id"], line["despite"]) == (None, "contratto concluso")


def test_a_restore_takes_away_what_read_the_sources_of_a_vendor_when_its_end_was_tried_again(home, tmp_path, capsys):
    """The second try found one connector more, which the journal never named: a restore brought it back."""

    def source(name):
        return ("connector", "set", name, "--type", "loopback", "--set", f"folder={tmp_path}", "--home", str(home))

    for name in ("tributi", "atti"):
        assert run(source(name)) == 0
    restore = saved(home, tmp_path)
    with opened(home) as one:
        journal, now = Journal(one.erasures, one.key), one.clock.now()
        for names in (("tributi",), ("tributi", "atti"), ("atti",), ()):
            journal.add_end(ENTE, "acme", names, now)
        assert [each.connector_ids for each in journal.read()] == [("tributi",), ("atti", "tributi")]
    capsys.readouterr()
    assert run([*restore, "--erasures", str(home / "erasures.jsonl"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ended"] == 1, "one vendor, noted twice"
    by_name = {row.connector_id: row.status for row in rows(tmp_path / "new", connectors)}
    assert (by_name["tributi"], by_name["atti"], by_name["mail"]) == ("removed", "removed", "active")
