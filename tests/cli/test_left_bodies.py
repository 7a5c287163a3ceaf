"""What may still be done at the command line for a body that leaves: nothing that would begin something for it."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.cli.options import opened
from hub.store.ending import mark_ente
from tests.flows.making import new_person
from tests.harness import ENTE

from .conftest import Raccordo, Trail
from .subscribing import subscribe

pytestmark = pytest.mark.req("P12")

LIST = ("--list", "--order-keys", "-score")
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat()


def test_for_a_body_that_leaves_nothing_is_begun_and_what_there_is_can_be_ended(
    raccordo: Raccordo, home: Path, trail: Trail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, extract = tmp_path / "body.md", tmp_path / "anpr.jsonl"
    body.write_text("Chiuso.")
    people = [new_person() for _ in range(5)]
    line = '{"tax_code": "%s", "as_of": "2026-03-02T09:30:00Z", "attributes": {"residence": "Via Roma 1"}}'
    extract.write_text(line % people[0])
    assert raccordo("subscription-service", "add", "nido-2026", "--name", "Nido", *LIST).code == 0
    for score, person in enumerate(people):
        subscribe(home, [person], attributes=[{"code": "score", "number": score}])
    text = ("--title", "Chiusura", "--body", body, "--yes")
    delegation = ("delegation", "add", "--to", TOMORROW)

    def delegated(*more: str):
        monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(people[:2]) + "\n"))
        return raccordo(*delegation, *more)

    given = delegated("--json").json["delegation_id"]
    broadcast = raccordo("broadcast", "start", "nido-2026", *text, "--json").json["broadcast_id"]
    raccordo("broadcast", "stop", broadcast)
    drafted, read = (
        raccordo("ranked-list", "draft", "nido-2026", "--title", "Graduatoria", "--json").json["list_id"] for _ in "ab"
    )
    assert raccordo("ranked-list", "publish", read, "--until", "2199-12-31", "--yes").code == 0
    with opened(home) as one, one.database.write() as tx:
        mark_ente(tx, ENTE)
    begun = len(trail())
    to_begin = (
        ("broadcast", "start", "nido-2026", *text),
        ("broadcast", "resume", broadcast),
        ("attribute", "import", "--source", "anpr", "--file", extract),
        ("ranked-list", "draft", "nido-2026", "--title", "Graduatoria"),
        ("ranked-list", "publish", drafted, "--until", "2199-12-31", "--yes"),
        ("service", "add", "tari", "--name", "Tari"),
        ("subscription-service", "add", "mensa-2026", "--name", "Mensa"),
        ("document-type", "add", "avviso", "--label-it", "Avviso", "--label-en", "Notice"),
    )
    of_it = ("--ente", ENTE)
    for command in to_begin:
        named = of_it if command[1] in ("add", "draft", "start", "import") else ()
        answer = raccordo(*command, *named)
        assert (answer.code, f"{ENTE} has left" in answer.err) == (1, True), (command, answer.err)
    assert f"{ENTE} has left" in delegated(*of_it).err
    refused = [each["outcome"] for each in trail()[begun:]]
    assert refused == ["ente.ended"] * (len(to_begin) + 1), "each is on record, as over HTTP"
    assert raccordo("delegation", "end", given, *of_it).code == 0
    corrected = raccordo("ranked-list", "correct", read, "--reason", "Errore", "--json")
    assert corrected.code == 0, corrected.err
    assert raccordo("ranked-list", "withdraw", read, "--yes").code == 0
    assert raccordo("retention", "set", "messages", "24", *of_it).code == 0
    nameless = raccordo("retention", "set", "messages", "24")
    assert (nameless.code, f"no ente any more: {ENTE} left" in nameless.err) == (2, True)


def test_what_a_body_that_leaves_has_registered_may_still_be_set_right_or_taken_away(
    raccordo: Raccordo, home: Path, keys: Path
) -> None:
    """Results that wait for a vendor's address keep the body from ending."""
    acme = ("acme", "--name", "Acme", "--trust", "jwk", "--jwks", keys / "jwks.json")
    at_pdnd = ("--issuer", "interop", "--jwks-url", "https://interop.example.it/jwks", "--audience", "https://c.it/e")
    callbacks, pdnd = (("vendor", "callbacks", "set", "acme", "--ente", ENTE), ("ente", "pdnd", "--ente", ENTE))
    assert raccordo("vendor", "add", *acme).code == 0
    assert raccordo(*callbacks, "--reply-host", "api.acme.example.it").code == 0
    assert raccordo(*pdnd, *at_pdnd).code == 0
    with opened(home) as one, one.database.write() as tx:
        mark_ente(tx, ENTE)
    refused = raccordo(*callbacks, "--events-url", "https://api.acme.example.it/events")
    assert (refused.code, f"{ENTE} has left" in refused.err) == (1, True), refused.err
    assert raccordo(*callbacks, "--reply-host", "new.acme.example.it").code == 0
    assert raccordo(*pdnd, "--audience", "https://d.it/e").code == 1
    assert raccordo(*pdnd, "--remove").code == 0
