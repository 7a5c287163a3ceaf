"""A back-up made while the hub serves, and the way back: what is kept, what is held, what stays erased."""

import errno
import gzip
import io
import json
import os
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select, update

from hub.backup import keys, making, restoring
from hub.backup.erasures import BadJournal, Journal
from hub.backup.keys import WrongPassphrase, open_keys, seal_keys
from hub.backup.making import make_backup
from hub.cli.application import run
from hub.home import Home
from hub.security.signed_lines import signed_line
from hub.settings import Settings
from hub.store.configuration import set_status
from hub.store.copying import SEQUENCE_GAP
from hub.store.directory import NotThere
from hub.store.erasing import erase_citizen
from hub.store.tables import access_log, citizens, deliveries, enti, event_sequences, items, metadata, sequences
from tests import stores
from tests.flows.making import make_document
from tests.harness import BIANCHI, ENTE, ROSSI, HubUnderTest, make_message, make_payment, running_hub, served

PDF = b"%PDF-1.7 prova"
TITLE = "Titolo riservato"
PASSPHRASE = "cavallo batteria graffetta"


@dataclass(frozen=True)
class Worked:
    folder: Path
    hub: HubUnderTest
    """It has ended; its callers still have their keys."""


@pytest.fixture(scope="module")
def worked(tmp_path_factory):
    """A home with two citizens, a file, and deliveries; and the numbers it ended with."""
    folder = tmp_path_factory.mktemp("worked")
    (folder / "box").mkdir()
    connectors = {"box": ("loopback", {"folder": str(folder / "box"), "channel": "email"})}
    with running_hub(folder / "home", connectors=connectors) as hub:
        for tax_code in (ROSSI, BIANCHI):
            recipient = {"tax_code": tax_code, "email": "mario@example.it"}
            answer = hub.publish("messages", make_message(external_id=tax_code[:6], title=TITLE, recipient=recipient))
            assert answer.status_code == 201
        document = hub.publish("documents", make_document("doc", PDF)).json()
        assert hub.upload(document["item_id"], PDF).status_code == 201
        hub.settled()
        hub.read("/items")
    return Worked(folder, hub)


@pytest.fixture(autouse=True)
def _cheap_guesses(monkeypatch):
    """The passphrase's cost is for attackers, not for tests."""
    monkeypatch.setitem(keys._COST, "n", 2**10)


@pytest.fixture
def home(worked, tmp_path):
    return Path(shutil.copytree(worked.folder / "home", tmp_path / "home"))


@pytest.fixture
def phrase(tmp_path):
    path = tmp_path / "phrase"
    path.write_text(PASSPHRASE + "\n")
    return path


@pytest.fixture
def erase(monkeypatch):
    """The command, as one who types Rossi's tax code runs it; its exit code."""

    def call(home, despite="prova") -> int:
        monkeypatch.setattr("sys.stdin", io.StringIO(ROSSI + "\n"))
        return run(["erase", "--home", str(home), *(["--despite", despite] if despite else [])])

    return call


def opened(folder) -> Home:
    return Home(Settings(home=folder))


def rows(home: Home, table, *what):
    with home.database.read() as connection:
        return connection.execute(select(*(what or (table,))).order_by(*table.primary_key)).all()


RECORDS = ("access_log", "chain_roots")
"""Which the acts themselves lengthen."""


def everything(folder) -> dict:
    home = opened(folder)
    try:
        return {name: [tuple(row) for row in rows(home, table)] for name, table in metadata.tables.items()}
    finally:
        home.database.close()


def backup(home, to, *more) -> int:
    return run(["backup", "--home", str(home), "--to", str(to), *map(str, more)])


def restore(source, home, *more, later=("--no-later-erasures",)) -> int:
    return run(["restore", "--home", str(home), "--from", str(source), *map(str, later), *map(str, more)])


def test_everything_comes_back_but_what_is_to_be_sent(home, tmp_path, phrase):
    one = opened(home)
    with one.database.write() as tx:
        tx.connection.execute(update(deliveries).where(deliveries.c.connector_id == "box").values(state="queued"))
    one.database.close()
    before = everything(home)
    assert backup(home, tmp_path / "b", "--with-keys", "--passphrase-file", phrase) == 0
    assert restore(tmp_path / "b", tmp_path / "new", "--passphrase-file", phrase) == 0
    after = everything(tmp_path / "new")
    different = {name for name in before if before[name] != after[name]}
    assert different == {"deliveries", "event_sequences", "sequences", *RECORDS}
    assert all(row in after[name] for name in RECORDS for row in before[name]), "backing up and restoring are told of"
    assert run(["audit", "verify", "--home", str(tmp_path / "new")]) == 0
    assert (tmp_path / "new" / "hub-key.pem").read_bytes() == (home / "hub-key.pem").read_bytes()
    assert (tmp_path / "new" / "hub-key.pem").stat().st_mode & 0o077 == 0
    files = {p.relative_to(home): p.read_bytes() for p in (home / "files").rglob("*") if p.is_file()}
    assert len(files) == 1
    assert all((tmp_path / "new" / path).read_bytes() == content for path, content in files.items())


def test_what_was_to_be_sent_is_held_until_a_person_decides(home, tmp_path, phrase, capsys):
    one = opened(home)
    with one.database.write() as tx:
        its = deliveries.c
        tx.connection.execute(
            update(deliveries)
            .where(its.connector_id == "box")
            .values(state="queued", claim_id="x", lease_until=tx.now, about_to_send_at=tx.now)
        )
    one.database.close()
    backup(home, tmp_path / "b")
    shutil.copy(home / "vault.json", _folder(tmp_path / "new"))
    shutil.copy(home / "hub-key.pem", tmp_path / "new")
    assert restore(tmp_path / "b", tmp_path / "new") == 0
    new = opened(tmp_path / "new")
    held = [row for row in rows(new, deliveries) if row.connector_id == "box"]
    assert {(row.state, row.reason, row.claim_id, row.maybe_sent) for row in held} == {("held", "restored", None, True)}
    with new.database.write() as tx:  # a pause that ends releases what it held, and nothing else
        set_status(tx, ENTE, "box", status="active")
    assert {row.state for row in rows(new, deliveries) if row.connector_id == "box"} == {"held"}
    new.database.close()
    capsys.readouterr()
    for row in held:
        assert run(["delivery", "replay", row.delivery_id, "--home", str(tmp_path / "new")]) == 0


@pytest.mark.parametrize("counter", [sequences, event_sequences], ids=["items", "events"])
def test_a_reader_s_cursor_beyond_the_back_up_still_sees_what_comes_after(home, tmp_path, phrase, counter):
    was = {row.ente_id: row.value for row in _all(home, counter)}
    assert was
    assert backup(home, tmp_path / "b", "--with-keys", "--passphrase-file", phrase) == 0
    assert restore(tmp_path / "b", tmp_path / "new", "--passphrase-file", phrase) == 0
    assert {row.ente_id: row.value for row in _all(tmp_path / "new", counter)} == {
        ente: value + SEQUENCE_GAP for ente, value in was.items()
    }


def test_a_back_up_is_one_picture_while_the_hub_serves(tmp_path, phrase):
    with running_hub(tmp_path / "home") as hub:
        done = threading.Event()
        accepted: list[str] = []

        def publish() -> None:
            while not done.is_set():
                answer = hub.publish("messages", make_message(external_id=f"m-{len(accepted)}"))
                accepted.append(answer.json()["item_id"])

        thread = threading.Thread(target=publish)
        thread.start()
        try:
            while len(accepted) < 5:
                done.wait(0.01)
            known = list(accepted)
            made = make_backup(hub.home, tmp_path / "b", passphrase=PASSPHRASE)
        finally:
            done.set()
            thread.join()
    assert made.rows["items"] == made.rows["item_versions"] == made.rows["item_identities"]
    assert restore(tmp_path / "b", tmp_path / "new", "--passphrase-file", phrase) == 0
    there = {row.item_id for row in _all(tmp_path / "new", items)}
    assert set(known) <= there <= set(accepted) | {"-"}


def test_whoever_was_erased_after_the_back_up_stays_erased(home, tmp_path, phrase, erase):
    assert backup(home, tmp_path / "b", "--with-keys", "--passphrase-file", phrase) == 0
    assert erase(home) == 0
    _is_erased(home)
    assert (
        restore(
            tmp_path / "b", tmp_path / "new", "--passphrase-file", phrase, later=("--erasures", home / "erasures.jsonl")
        )
        == 0
    )
    _is_erased(tmp_path / "new")
    assert Journal(tmp_path / "new" / "erasures.jsonl", opened(home).key).read()
    assert erase(tmp_path / "new") == 1, "there is nobody any more"


def _is_erased(folder) -> None:
    home = opened(folder)
    gone = [row for row in rows(home, citizens) if row.subject_hash.startswith("erased:")]
    assert [(row.data_key_sealed, row.tax_code_sealed) for row in gone] == [(b"", b"")]
    [citizen_id] = [row.citizen_id for row in gone]
    theirs = [row for row in rows(home, items) if row.citizen_id == citizen_id]
    assert len(theirs) >= 2
    assert {(row.lifecycle, row.content_key) for row in theirs} == {("erased", None)}
    assert [row for row in rows(home, items) if row.lifecycle == "active"], "the other citizen is still there"
    assert not [path for path in (folder / "files").rglob("*") if path.is_file()]
    home.database.close()
    assert run(["audit", "verify", "--home", str(folder)]) == 0


def test_an_erased_citizen_is_nobody_for_the_portal_and_can_begin_anew(home, worked, erase):
    assert erase(home) == 0
    with served(opened(home), *worked.hub.callers) as hub:
        assert hub.read("/items").json()["items"] == []
        repeated = hub.publish("messages", make_message(external_id=ROSSI[:6], title=TITLE, version=2))
        assert repeated.status_code == 422, "what was erased does not come back by itself"
        assert hub.publish("messages", make_message(external_id="new")).status_code == 201
        assert len(hub.read("/items").json()["items"]) == 1


def test_erasing_ends_what_is_under_way_and_does_not_call_it_unsent(home):
    one = opened(home)
    [citizen_id] = {row.citizen_id for row in rows(one, items) if row.content_key}
    theirs = [row for row in rows(one, deliveries) if row.citizen_id == citizen_id]
    mine = [row.delivery_id for row in sorted(theirs, key=lambda row: row.connector_id != "box")]
    other = [row for row in rows(one, deliveries) if row.citizen_id != citizen_id]
    assert len(mine) >= 2
    with one.database.write() as tx:
        for delivery_id, state in zip(mine, ("queued", "waiting"), strict=False):
            where = deliveries.c.delivery_id == delivery_id
            tx.connection.execute(update(deliveries).where(where).values(state=state))
    for _ in range(2):
        with one.database.write() as tx:
            erase_citizen(tx, ENTE, citizen_id)
        states = {row.delivery_id: (row.state, row.reason) for row in rows(one, deliveries)}
        assert states[mine[0]] == ("skipped", "citizen.erased")
        assert states[mine[1]] == ("closed", "citizen.erased")
    assert [row for row in rows(one, deliveries) if row.citizen_id != citizen_id] == other
    with pytest.raises(NotThere), one.database.write() as tx:
        erase_citizen(tx, ENTE, "nobody")
    one.database.close()
    assert run(["delivery", "replay", mine[0], "--dry-run", "--home", str(home)]) == 0


def test_nobody_is_erased_while_the_hub_serves(home, worked, erase):
    with served(opened(home), *worked.hub.callers):
        assert erase(home) == 2


def test_a_journal_older_than_the_back_up_is_refused(home, tmp_path, phrase, erase):
    assert erase(home) == 0
    assert backup(home, tmp_path / "b", "--with-keys", "--passphrase-file", phrase) == 0
    (tmp_path / "empty").write_bytes(b"")
    assert (
        restore(tmp_path / "b", tmp_path / "n", "--passphrase-file", phrase, later=("--erasures", tmp_path / "empty"))
        == 1
    )
    assert not (tmp_path / "n" / "raccordo.db").exists()
    (tmp_path / "b" / "erasures.jsonl").unlink()
    assert restore(tmp_path / "b", tmp_path / "n", "--passphrase-file", phrase) == 1


def test_a_journal_that_lacks_whom_another_machine_erased_is_refused(home, tmp_path, phrase, erase, capsys):
    """Each machine has a journal of its own: a restore with this one's would have brought the citizen back."""
    one = opened(home)
    citizen_id = next(row.citizen_id for row in rows(one, citizens) if row.subject_kind == "person")
    with one.database.write() as tx:
        erase_citizen(tx, ENTE, citizen_id)
    assert backup(home, tmp_path / "b") == erase(home) == 1
    assert "on another machine" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()
    Journal(home / "erasures.jsonl", one.key).add(ENTE, citizen_id, one.clock.now())
    one.database.close()
    assert backup(home, tmp_path / "b") == 0


def test_an_erasure_while_the_journal_is_copied_leaves_a_back_up_that_restores(home, tmp_path, phrase, monkeypatch):
    """The lines were counted before the copy was made: one more in it, and the restore refused it."""
    one, copy = opened(home), shutil.copyfile

    def meanwhile(source, target):
        if source.name == "erasures.jsonl":
            Journal(source, one.key).add(ENTE, "another", one.clock.now())
        return copy(source, target)

    Journal(home / "erasures.jsonl", one.key).add(ENTE, "one", one.clock.now())
    with monkeypatch.context() as patch:
        patch.setattr("hub.backup.making.shutil.copyfile", meanwhile)
        assert backup(home, tmp_path / "b", "--with-keys", "--passphrase-file", phrase) == 0
    assert restore(tmp_path / "b", tmp_path / "new", "--passphrase-file", phrase) == 0


def test_a_back_up_without_its_journal_is_refused_by_name(home, tmp_path, phrase, erase, capsys):
    """It said "None: it is older than the back-up"."""
    assert erase(home) == 0
    assert backup(home, tmp_path / "b", "--with-keys", "--passphrase-file", phrase) == 0
    (tmp_path / "b" / "erasures.jsonl").write_bytes(b"")
    manifest = json.loads((tmp_path / "b" / "manifest.json").read_text())
    parts = [part for part in manifest["parts"] if part["path"] != "erasures.jsonl"]
    content = {name: value for name, value in (manifest | {"parts": parts}).items() if name != "signature"}
    (tmp_path / "b" / "manifest.json").write_bytes(signed_line(content, opened(home).key))
    capsys.readouterr()
    assert restore(tmp_path / "b", tmp_path / "new", "--passphrase-file", phrase) == 1
    said = capsys.readouterr().err
    assert "None" not in said
    assert str(tmp_path / "b" / "erasures.jsonl") in said


def test_names_of_what_was_made_are_on_the_disk_before_it_counts(home, tmp_path, phrase, monkeypatch):
    """A power cut after `restore` had said that it was done could lose files of citizens; after `backup`, all of it."""
    made, unfinished = tmp_path / "b", tmp_path / "new" / "restore-unfinished"
    seen = []
    monkeypatch.setattr(making, "sync", lambda path: seen.append((path, made.exists())))
    assert backup(home, made, "--with-keys", "--passphrase-file", phrase) == 0
    assert seen == [(tmp_path, True)]
    monkeypatch.setattr(restoring, "sync_all", lambda path: seen.append((path, unfinished.exists())))
    assert restore(made, tmp_path / "new", "--passphrase-file", phrase) == 0
    assert seen[1:] == [(tmp_path / "new", True)]


def test_a_line_for_which_there_is_no_room_is_not_begun(home, monkeypatch):
    """Half of it stayed, and the journal could never be read again."""
    one = opened(home)
    journal, write = Journal(home / "erasures.jsonl", one.key), os.write
    journal.add(ENTE, "c1", one.clock.now())

    def full(file, content):
        if len(content) < 100:
            raise OSError(errno.ENOSPC, "no space left")
        return write(file, content[:100])

    monkeypatch.setattr("hub.security.signed_lines.os.write", full)
    with pytest.raises(OSError, match="no space"):
        journal.add(ENTE, "c2", one.clock.now())
    monkeypatch.undo()
    journal.add(ENTE, "c3", one.clock.now())
    assert [each.citizen_id for each in journal.read()] == ["c1", "c3"]


def test_a_newer_journal_in_the_home_is_not_forgotten(home, tmp_path, phrase, erase):
    """`--no-later-erasures` said by mistake brought an erased citizen back."""
    assert backup(home, tmp_path / "b", "--with-keys", "--passphrase-file", phrase) == 0
    assert erase(home) == 0
    new = _folder(tmp_path / "new")
    shutil.copy(home / "erasures.jsonl", new)
    for name in ("vault.json", "hub-key.pem"):
        shutil.copy(home / name, new)
    assert restore(tmp_path / "b", new) == 0
    _is_erased(new)
    assert (new / "erasures.jsonl").read_bytes() == (home / "erasures.jsonl").read_bytes()


def test_the_longer_of_two_journals_counts_and_a_third_story_is_refused(home, tmp_path, phrase, erase):
    assert backup(home, tmp_path / "b", "--with-keys", "--passphrase-file", phrase) == 0
    assert erase(home) == 0
    new, empty = _folder(tmp_path / "new"), tmp_path / "empty"
    shutil.copy(home / "erasures.jsonl", new)
    empty.write_bytes(b"")
    assert restore(tmp_path / "b", new, "--passphrase-file", phrase, later=("--erasures", empty)) == 0
    _is_erased(new)
    one = opened(home)
    Journal(_folder(tmp_path / "third") / "erasures.jsonl", one.key).add(ENTE, "another", one.clock.now())
    later = ("--erasures", home / "erasures.jsonl")
    assert restore(tmp_path / "b", tmp_path / "third", "--passphrase-file", phrase, later=later) == 1
    assert not (tmp_path / "third" / "raccordo.db").exists()


def test_nobody_has_to_decide_about_an_erased_citizen_s_deliveries(home, tmp_path, phrase, erase, capsys):
    """They came back `unconfirmed`, which no command could end, and were counted among the held ones."""
    one = opened(home)
    with one.database.write() as tx:
        tx.connection.execute(update(deliveries).where(deliveries.c.connector_id == "box").values(state="queued"))
    one.database.close()
    assert backup(home, tmp_path / "b", "--with-keys", "--passphrase-file", phrase) == 0
    assert erase(home) == 0
    later = ("--erasures", home / "erasures.jsonl")
    capsys.readouterr()
    assert restore(tmp_path / "b", tmp_path / "new", "--passphrase-file", phrase, "--json", later=later) == 0
    told = json.loads(capsys.readouterr().out)
    states = [row.state for row in _all(tmp_path / "new", deliveries) if row.connector_id == "box"]
    assert told["held"] == states.count("held") >= 1
    assert set(states) == {"held", "closed"}


def test_another_home_s_keys_are_noticed(home, made, tmp_path, phrase, capsys):
    """A wrong vault.json passed back-up and restore, and what it sealed afterwards opened with nothing else."""
    assert run(["init", "--home", str(tmp_path / "other"), "--ente", ENTE, "--name", "Altro"]) == 0
    for name in ("vault.json", "hub-key.pem"):
        right = (home / name).read_bytes()
        shutil.copy(tmp_path / "other" / name, home)
        capsys.readouterr()
        assert backup(home, tmp_path / "b2") == 2
        assert f"{name} is not the key of this database" in capsys.readouterr().err
        (home / name).write_bytes(right)
    new = _folder(tmp_path / "new")
    shutil.copy(home / "hub-key.pem", new)
    shutil.copy(tmp_path / "other" / "vault.json", new)
    assert restore(made, new) == 1
    assert "not the vault that sealed it" in capsys.readouterr().err
    assert not (new / "raccordo.db").exists()


def test_what_is_no_tax_code_is_not_looked_for(home, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("RSSMRA80A01H501X\n"))
    assert run(["erase", "--home", str(home)]) == 2
    assert "tax code" in capsys.readouterr().err


def test_a_journal_that_was_changed_is_refused(home, tmp_path):
    one = opened(home)
    journal = Journal(tmp_path / "j", one.key)
    for number in range(3):
        journal.add(ENTE, f"c{number}", one.clock.now())
    assert [each.citizen_id for each in journal.read()] == ["c0", "c1", "c2"]
    whole = journal.path.read_bytes().splitlines(keepends=True)
    for wrong in (whole[1:], [whole[0], whole[2]], [whole[1], whole[0]], [whole[0].replace(b"c0", b"c9")], [b"{}\n"]):
        journal.path.write_bytes(b"".join(wrong))
        with pytest.raises(BadJournal):
            journal.read()
        with pytest.raises(BadJournal):
            journal.add(ENTE, "c9", one.clock.now())


@pytest.fixture
def made(home, tmp_path, phrase):
    assert backup(home, tmp_path / "b", "--with-keys", "--passphrase-file", phrase) == 0
    return tmp_path / "b"


@pytest.mark.parametrize(
    "part", ["tables/items.jsonl.gz", "files.sha256", "anchors.jsonl", "keys.sealed", "manifest.json"]
)
@pytest.mark.parametrize("harm", ["changed", "missing"])
def test_a_part_that_is_not_as_it_was_written_is_refused(made, tmp_path, phrase, part, harm):
    path = made / part
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-3] + b"xx\n")
    assert restore(made, tmp_path / "new", "--passphrase-file", phrase) == 1
    assert not (tmp_path / "new" / "raccordo.db").exists()


def test_a_manifest_of_another_hub_is_refused(made, tmp_path, phrase):
    assert run(["init", "--home", str(tmp_path / "other"), "--ente", ENTE, "--name", "Altro"]) == 0
    new = _folder(tmp_path / "new")
    for name in ("vault.json", "hub-key.pem"):
        shutil.copy(tmp_path / "other" / name, new)
    assert restore(made, new) == 1
    assert not (new / "raccordo.db").exists()


@pytest.mark.parametrize(
    ("member", "value"), [("rows", {"items": 9}), ("revision", "9999"), ("format", 2), ("with_keys", False)]
)
def test_a_manifest_that_was_changed_is_refused(made, tmp_path, phrase, member, value):
    content = json.loads((made / "manifest.json").read_text()) | {member: value}
    (made / "manifest.json").write_text(json.dumps(content))
    assert restore(made, tmp_path / "new", "--passphrase-file", phrase) in (1, 2)
    assert not (tmp_path / "new" / "raccordo.db").exists()


def test_a_file_that_was_changed_is_refused(made, tmp_path, phrase):
    [file] = [path for path in (made / "files").rglob("*") if path.is_file()]
    file.write_bytes(b"other")
    assert restore(made, tmp_path / "new", "--passphrase-file", phrase) == 1


def test_nothing_is_restored_over_a_hub(made, home, phrase):
    before = (home / "raccordo.db").read_bytes()
    assert restore(made, home, "--passphrase-file", phrase) == 2
    assert (home / "raccordo.db").read_bytes() == before


def test_a_restore_that_broke_off_is_not_served(made, tmp_path, phrase, monkeypatch, capsys):
    monkeypatch.setattr("hub.backup.restoring.settle_restored", lambda _: 1 / 0)
    assert restore(made, tmp_path / "new", "--passphrase-file", phrase) == 1
    monkeypatch.undo()
    for command in (["delivery", "list"], ["audit", "verify"], ["serve", "--port", "0"]):
        assert run([*command, "--home", str(tmp_path / "new")]) == 2
        assert "was not finished" in capsys.readouterr().err
    assert restore(made, tmp_path / "new", "--passphrase-file", phrase) == 2


def test_one_has_to_say_what_was_erased_since(made, tmp_path, phrase):
    assert restore(made, tmp_path / "new", "--passphrase-file", phrase, later=()) == 2
    both = ("--no-later-erasures", "--erasures", phrase)
    assert restore(made, tmp_path / "new", "--passphrase-file", phrase, later=both) == 2
    assert restore(made, tmp_path / "new", "--passphrase-file", phrase, later=("--erasures", tmp_path / "none")) == 2


def test_the_keys_are_needed_and_only_the_passphrase_gives_them(home, made, tmp_path, capsys):
    assert backup(home, tmp_path / "bare") == 0
    assert "NOT in it" in capsys.readouterr().err
    assert not (tmp_path / "bare" / "keys.sealed").exists()
    assert restore(tmp_path / "bare", tmp_path / "new") == 2
    (tmp_path / "wrong").write_text("another passphrase")
    assert restore(made, tmp_path / "new", "--passphrase-file", tmp_path / "wrong") == 1
    (tmp_path / "short").write_text("short")
    assert backup(home, tmp_path / "c", "--with-keys", "--passphrase-file", tmp_path / "short") == 2
    for raw in (b"", b"short", seal_keys({"a": b"x"}, PASSPHRASE)[:-1]):
        with pytest.raises(WrongPassphrase):
            open_keys(raw, PASSPHRASE)
    assert open_keys(seal_keys({"a": b"x"}, PASSPHRASE), PASSPHRASE) == {"a": b"x"}


def test_a_home_of_one_kind_is_restored_into_the_other(made, tmp_path, phrase, monkeypatch, erase):
    store = stores.Store("postgresql", tmp_path)
    before = everything(made.parent / "home")
    monkeypatch.setenv("RACCORDO_DATABASE_URL", store.url)
    try:
        assert restore(made, tmp_path / "new", "--passphrase-file", phrase) == 0
        after = everything(tmp_path / "new")
        different = {name for name in before if before[name] != after[name]}
        assert different <= {"deliveries", "event_sequences", "sequences", *RECORDS}
        later = [row for row in before["access_log"] if row not in after["access_log"]]
        assert all("make_backup" in row for row in later), "that it was made, which it cannot hold itself"
        assert run(["audit", "verify", "--home", str(tmp_path / "new")]) == 0
        assert backup(tmp_path / "new", tmp_path / "again") == 0
        assert restore(made, tmp_path / "third", "--passphrase-file", phrase) == 2, "the database is not empty"
        with opened(tmp_path / "new").database.read() as somebody:
            somebody.exec_driver_sql("SELECT 1")
            assert erase(tmp_path / "new") == 1, "another process is at work"
        somebody.engine.dispose()
        assert erase(tmp_path / "new") == 0
        _is_erased(tmp_path / "new")
    finally:
        store.drop()


def test_a_back_up_shows_nothing_in_clear_and_is_readable_by_its_owner_alone(made):
    everything = b"".join(
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in made.rglob("*")
        if path.is_file()
    )
    vault = json.loads((made.parent / "home" / "vault.json").read_text())
    for secret in (ROSSI, TITLE, "mario@example.it", vault["pepper"], *vault["keys"].values(), "PRIVATE KEY"):
        assert secret.encode() not in everything
    assert made.stat().st_mode & 0o077 == 0


def test_a_back_up_has_a_folder_of_its_own_and_leaves_its_mark(home, made, tmp_path):
    assert (home / "last-backup").exists()
    assert backup(home, made) == 1
    (tmp_path / "d.part").mkdir()
    assert backup(home, tmp_path / "d") == 1


def test_a_back_up_of_an_older_version_is_brought_to_this_one(tmp_path, phrase):
    old = opened(tmp_path / "old")
    old.create()
    old.database.close()
    (tmp_path / "old" / "raccordo.db").unlink()
    old = opened(tmp_path / "old")
    old.database.migrate("0001")
    base = "https://hub.example.it"
    with old.database.write() as tx:
        columns = "ente_id, name, public_url, portal_url, publish_audience, feed_audience, created_at"
        values = f"'{ENTE}', 'Comune', '{base}', '{base}', '{base}/publish/v1', '{base}/feed/v1', 0"
        tx.connection.exec_driver_sql(f"INSERT INTO enti ({columns}) VALUES ({values})")
    made = make_backup(old, tmp_path / "b", passphrase=PASSPHRASE)
    old.database.close()
    assert (made.revision, "lanes" in made.rows) == ("0001", False)
    assert restore(tmp_path / "b", tmp_path / "new", "--passphrase-file", phrase) == 0
    new = opened(tmp_path / "new")
    assert new.database.revision() == new.database.newest_revision() != "0001"
    assert [row.ente_id for row in rows(new, enti)] == [ENTE]
    new.database.close()


def test_a_lost_file_is_told_and_the_rest_is_kept(home, tmp_path, capsys):
    [file] = [path for path in (home / "files").rglob("*") if path.is_file()]
    file.unlink()
    assert backup(home, tmp_path / "b") == 0
    assert "1 files of documents are not where" in capsys.readouterr().err


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _all(folder, table):
    home = opened(folder)
    try:
        return rows(home, table)
    finally:
        home.database.close()


@pytest.mark.req("S61")
def test_a_duty_to_keep_is_told_and_a_reason_overrides_it(home, worked, erase, capsys):
    with served(opened(home), *worked.hub.callers) as hub:
        published = hub.publish("payments", make_payment("aperto", notice_number="301000000000000017"))
        assert published.status_code == 201, published.text
    assert erase(home, despite=None) == 1
    told = capsys.readouterr().err
    assert "1 open payments" in told
    assert "1 documents within retention" in told
    assert not (home / "erasures.jsonl").exists()
    assert erase(home, despite=f"di {ROSSI}") == 2
    assert erase(home, despite="ordine del Garante") == 0
    _is_erased(home)
    assert b"ordine del Garante" in (home / "erasures.jsonl").read_bytes()
    one = opened(home)
    assert [row.operation for row in rows(one, access_log) if row.portal_id == "cli"] == ["erase_citizen"]
    one.database.close()


@pytest.mark.req("S61")
def test_whoever_has_messages_alone_is_erased_without_a_reason(home, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(BIANCHI + "\n"))
    assert run(["erase", "--home", str(home)]) == 0
