"""What `ente end` and `vendor end` say: in Italian, then in English, and the same as ever to machines."""

from pathlib import Path

import pytest

from contracts.faults import BETWEEN
from hub.cli import ending
from hub.cli.ending_words import ITALIAN
from hub.cli.options import opened
from hub.store import ending as store
from hub.store.end_of_deliveries import OPEN
from hub.store.ending import Ending
from tests.harness import ENTE

from .conftest import Raccordo

pytestmark = pytest.mark.req("P12")

SEEN = Ending({"deliveries queued": 2, "batches running": 1}, {"keys": 1}, {"items": 7})


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "EVERYWHERE_S", 0)


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "look_at_ente", lambda *_: SEEN)


def test_all_that_an_end_counts_has_an_italian_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_some", dict)
    with opened(home) as one, one.database.read() as connection:
        seen = store.look_at_ente(connection, ENTE), store.look_at_vendor(connection, ENTE, "acme", ())
    with opened(home) as one, one.database.write() as tx:
        monkeypatch.setattr(store, "mark_ente", lambda *_: None)
        monkeypatch.setattr(store.Counter, "__pos__", lambda self: dict(self))
        done = store.end_ente(tx, one.vault, ENTE)
    counted = {name for one in seen for names in (one.waits, one.ends, one.stays) for name in names} | {*done}
    assert counted | {f"deliveries {state}" for state in OPEN} == {*ITALIAN}


def test_before_it_is_done_it_is_said_in_both_languages(raccordo: Raccordo, waiting: None) -> None:
    told = raccordo("ente", "end", ENTE, "--dry-run").out.splitlines()
    assert told == [
        f"{ENTE}: non si è fatto nulla{BETWEEN}{ENTE}: nothing was done",
        "aspetta, e senza --despite ci si rifiuta: consegne in coda: 2, lotti in corso: 1"
        f"{BETWEEN}waits, and is refused without --despite: 2 deliveries queued, 1 batches running",
        f"finirebbe: chiavi: 1{BETWEEN}would end: 1 keys",
        f"resta per il suo tempo: elementi: 7{BETWEEN}stays for its time: 7 items",
    ]
    shown = raccordo("ente", "end", ENTE, "--dry-run", "--json").json
    assert shown == {"ente_id": ENTE, "vendor_id": None, "dry_run": True} | {
        "waits": SEEN.waits,
        "ends": SEEN.ends,
        "stays": SEEN.stays,
    }


def test_a_refusal_and_a_question_are_in_both_languages(raccordo: Raccordo, waiting: None) -> None:
    refused = raccordo("ente", "end", ENTE, "--yes")
    assert refused.code == 1
    assert f"{ENTE}: rifiutato, perché qualcosa aspetta (consegne in coda: 2, lotti in corso: 1); " in refused.err
    assert f"{BETWEEN}{ENTE}: refused, as there wait 2 deliveries queued, 1 batches running; " in refused.err
    asked = raccordo("ente", "end", ENTE, "--despite", "passa a un altro hub")
    assert (asked.code, f"chiudere {ENTE}, con chiavi: 1? non si torna indietro" in asked.err) == (2, True), asked.err
    assert f"{BETWEEN}end {ENTE}, with 1 keys? there is no way back" in asked.err


def test_what_came_meanwhile_is_told_in_both_languages(raccordo: Raccordo, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = iter([Ending({}, {}, {}), SEEN])
    monkeypatch.setattr(ending, "look_at_ente", lambda *_: next(seen))
    late = raccordo("ente", "end", ENTE, "--yes")
    assert late.code == 1
    assert "è ancora in viaggio (consegne in coda: 2, lotti in corso: 1); ripetere il comando" in late.err
    assert "is still under way: 2 deliveries queued, 1 batches running; repeat the command" in late.err


def test_what_was_done_is_told_in_both_languages(raccordo: Raccordo, keys: Path, home: Path) -> None:
    raccordo("vendor", "add", "acme", "--name", "Acme", "--trust", "jwk", "--jwks", keys / "jwks.json")
    done = raccordo("vendor", "end", "acme", "--yes")
    assert done.code == 0, done.err
    assert f"il fornitore acme di {ENTE} ha cessato (nulla di suo aspettava); tenere una copia di " in done.out
    assert f"{BETWEEN}vendor acme of {ENTE} has left: nothing of it waited; keep a copy of " in done.out
    (home / "erasures.jsonl").write_text("no journal\n")
    broken = raccordo("ente", "end", ENTE, "--yes")
    assert (broken.code, "Il registro delle cancellazioni non si può usare / " in broken.err) == (1, True), broken.err


def test_who_is_named_elsewhere_is_told_in_both_languages(
    raccordo: Raccordo, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raccordo("vendor", "add", "acme", "--name", "Acme", "--trust", "jwk", "--jwks", keys / "jwks.json")
    monkeypatch.setattr(ending, "vendor_named", lambda *_: [("station", "/settings/spontaneous/0/vendor_id")])
    refused = raccordo("vendor", "end", "acme", "--yes")
    place = "station (/settings/spontaneous/0/vendor_id)"
    assert f"altri connettori nominano il fornitore acme: {place}; prima si cambiano o si tolgono" in refused.err
    assert f"{BETWEEN}other connectors name vendor acme: {place}; change them first, or remove them" in refused.err
