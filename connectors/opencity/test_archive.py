"""OpenCity: the archive `/documents`: the common promises of what is pulled, whose a document is, what is read anew."""

import base64
import json
from pathlib import Path

import pytest

from connectors.base.inbound_conformance import take
from connectors.base.pull_conformance import PullConformance
from connectors.base.scripted import Reply, ScriptedServer
from contracts.failures import Deferred, Misconfigured

from .simulator_model import USER, name_of
from .test_opencity import PASSWORD, SECRET, jwt, login
from .test_opencity import made as connected
from .test_simulator import a_round, asked, clock, made, started, told

__all__ = ["clock", "started"]
HERE = Path(__file__).parent
PDF = b"%PDF-1.7\ntributi"
ARCHIVE = {"collections": ["documents"], "files": ["archive"]}
OWNER = "7d3f0000-0000-4000-8000-000000000090"
DOCUMENT = "7d3f0000-0000-4000-8000-0000000000d1"


class TestArchive(PullConformance):
    samples = HERE / "samples" / "pulled_archive"
    secrets = (PASSWORD, SECRET, jwt())
    personal = ("RSSMRA80A01H501U", "Avviso TARI Rossi", "TARI Rossi.pdf")

    def parameters(self):
        # What a file, or an owner, answers with may be its own fault; of a page it is the settings' (`TestPull`).
        return super().parameters() | {"status": (401, 408, 429, 502, 503, 504)}

    def connect_to(self, url, limits):
        self.server.aside = login
        return connected(f"{url}/lang/api", limits, **ARCHIVE)

    def connect_unlisted(self, limits):
        return connected("https://provider.example/lang/api", limits, private_hosts=[], **ARCHIVE)

    def check_request(self, request):
        assert request.headers["authorization"] == f"Bearer {jwt()}"
        assert request.headers["accept"] == ("*/*" if "/download" in request.path else "application/json")

    def test_neither_the_link_nor_the_address_of_a_record_is_called(self):
        self.play(self.rounds()[0]["exchanges"])
        self.pull({})
        assert {each.headers["host"] for each in self.server.received} == {self.server.url.removeprefix("http://")}
        assert all(each.path.startswith("/lang/api/") for each in self.server.received)

    def test_whose_documents_they_are_is_asked_once(self):
        self.play(self.rounds()[0]["exchanges"])
        self.pull({}, self.fresh())
        assert [each.path for each in self.server.received].count(f"/lang/api/users/{OWNER}?version=1") == 1


def add(settings, **changes):
    return told(settings, "documents", {"base64": base64.b64encode(PDF).decode()} | changes)["id"]


def titles(found):
    return [each.item["title"] for each in found if each.item is not None]


def test_a_sweep_reads_what_is_new_and_what_changed_and_not_what_was_only_read(started, clock):
    _, settings = started(applications=1)
    first, second = add(settings, title="Primo"), add(settings, title="Secondo")
    clock.now += 1000
    connector = made(settings, clock, **ARCHIVE)
    found, memo = a_round(connector)
    assert titles(found) == ["Primo", "Secondo"]
    assert [(each.name, each.content) for each in found] == [(f"archive/{first}", PDF), (f"archive/{second}", PDF)]
    assert {each.item["recipient"]["tax_code"] for each in found} == {"RSSMRA80A01H501U"}

    clock.now += 1000
    add(settings, title="Terzo")
    found, memo = a_round(connector, memo)
    assert titles(found) == []  # it has no filter: not between two sweeps

    clock.now += 100_000
    found, memo = a_round(connector, memo)
    assert titles(found) == ["Terzo"]  # our own downloads, which changed all of them, are no news

    clock.now += 50_000
    add(settings, id=first, title="Primo, corretto")
    clock.now += 100
    assert asked(settings, f"/documents/{second}/download").content == PDF  # its citizen's, when we did not read
    clock.now += 50_000
    found, memo = a_round(connector, memo)
    assert set(titles(found)) == {"Primo, corretto", "Secondo"}
    clock.now += 100_000
    assert titles(a_round(connector, memo)[0]) == []


def test_what_comes_while_the_archive_is_read_and_is_opened_at_once_is_new_all_the_same(started, clock):
    _, settings = started(applications=1)
    for title in ("Primo", "Secondo"):
        add(settings, title=title)
    clock.now += 1000
    connector, memo = made(settings, clock, **ARCHIVE), {}
    while not memo or not memo["walk"]["archive_from"]:
        memo = take(connector, memo).memo
    clock.now += 60
    late = add(settings, title="Terzo")
    clock.now += 60
    assert asked(settings, f"/documents/{late}/download").content == PDF  # its citizen's, whom OpenCity told of it
    clock.now += 60
    found, memo = a_round(connector, memo)
    assert titles(found) == ["Secondo"]
    clock.now += 100_000
    assert titles(a_round(connector, memo)[0]) == ["Terzo"]


def test_what_changed_after_a_reading_and_was_opened_is_new_however_far_rounds_go_back(started, clock):
    _, settings = started(applications=1)
    name = add(settings, title="Primo")
    clock.now += 1000
    connector = made(settings, clock, overlap_s=86_400, **ARCHIVE)
    _, memo = a_round(connector)
    clock.now += 3600
    add(settings, id=name, title="Primo, corretto")
    clock.now += 60
    assert asked(settings, f"/documents/{name}/download").content == PDF
    clock.now += 100_000
    assert titles(a_round(connector, memo)[0]) == ["Primo, corretto"]


def test_switched_on_later_it_is_read_without_waiting_for_a_sweep(started, clock):
    _, settings = started(applications=1)
    add(settings, title="Primo")
    clock.now += 1000
    _, memo = a_round(made(settings, clock, collections=["documents"]))
    found, _ = a_round(made(settings, clock, **ARCHIVE), memo)
    assert titles(found) == ["Primo"]


def test_a_restart_after_each_document_loses_and_doubles_none(started, clock):
    _, settings = started(applications=0)
    for number in range(3):
        add(settings, title=f"Documento {number}")
    clock.now += 1000
    memo, found = {}, []
    while not memo or memo["walk"]:
        step = take(made(settings, clock, **ARCHIVE), memo)
        memo, found = step.memo, [*found, *step.found]
    assert titles(found) == ["Documento 0", "Documento 1", "Documento 2"]


def test_an_archive_that_breaks_the_tenant_is_passed_over_and_read_by_the_next_sweep(started, clock):
    _, settings = started(applications=1)
    add(settings, title="Primo")
    clock.now += 1000
    told(settings, "faults", [{"kind": "error", "status": 500, "on": "documents"}] * 3)
    connector = made(settings, clock, **ARCHIVE)
    found, memo = a_round(connector)
    assert [(each.name, each.wrong[0].code) for each in found] == [("archive-list", "opencity.breaks")]
    assert titles(a_round(connector, memo)[0]) == []
    clock.now += 100_000
    found, memo = a_round(connector, memo)
    assert titles(found) == ["Primo"]
    assert [each.name for each in found if each.name == "archive-list" and not each.wrong] == ["archive-list"]


def test_a_file_that_is_waited_for_does_not_have_all_read_anew(started, clock):
    _, settings = started(applications=1)
    add(settings, title="Primo")
    clock.now += 1000
    told(settings, "faults", [{"kind": "error", "status": 503, "on": "download"}])
    connector = made(settings, clock, **ARCHIVE)
    found, memo = a_round(connector)
    assert titles(found) == ["Primo"]
    clock.now += 100_000
    assert titles(a_round(connector, memo)[0]) == []


def test_the_check_says_how_much_there_is_and_whether_owners_can_be_asked_for(started, clock):
    simulation, settings = started(applications=1)
    connector = made(settings, clock, changes="walk", **ARCHIVE)
    assert "Documenti nell'archivio: 0." in connector.check()
    add(settings, title="Primo")
    assert "Documenti nell'archivio: 1." in connector.check()
    simulation.tenant.archive.users.clear()
    assert "opencity.no_owner" in made(settings, clock, changes="walk", **ARCHIVE).check()


@pytest.fixture
def server():
    with ScriptedServer() as server:
        server.aside = login
        yield server


def record(**changes):
    return {
        "id": DOCUMENT,
        "owner": OWNER,
        "original_filename": "TARI.pdf",
        "title": "Avviso TARI Rossi",
        "created_at": "2026-02-03T09:12:44+01:00",
    } | changes


def retried(server, whose, file=None, **changes):
    """The document from the quarantine, with these answers."""
    file = file or Reply(200, PDF)
    server.answering = lambda got: whose if "/users/" in got.path else file
    connector = connected(f"{server.url}/lang/api")
    kept = json.dumps({"kind": "archive", "record": record(**changes)}).encode()
    (found,) = connector.read(kept)
    connector.close()
    return found


def test_the_owner_is_known_by_either_versions_name_of_the_tax_code(server):
    for name in ("codice_fiscale", "tax_code"):
        found = retried(server, Reply(200, {"id": OWNER, name: "rssmra80a01h501u"}))
        assert found.item["recipient"] == {"tax_code": "RSSMRA80A01H501U"}


@pytest.mark.parametrize(
    ("owner", "reason"),
    [
        (Reply(404, ["User not found"]), "opencity.no_owner"),
        (Reply(200, {"id": OWNER}), "opencity.no_tax_code"),
        (Reply(200, ["?"]), "opencity.no_tax_code"),
        (Reply(403, ["You are not allowed"]), "opencity.not_allowed"),
        (Reply(503), "opencity.unavailable"),
    ],
)
def test_a_document_whose_owner_cannot_be_told_waits_in_quarantine(server, owner, reason):
    found = retried(server, owner)
    assert ([each.code for each in found.wrong], found.item) == ([reason], None)
    assert not any("/download" in each.path for each in server.received)


def test_a_document_without_an_owner_or_with_another_kind_of_file_is_told(server):
    good = Reply(200, {"codice_fiscale": "RSSMRA80A01H501U"})
    assert retried(server, good, owner=None).wrong[0].pointer == "/owner"
    assert retried(server, good, original_filename="a.exe").wrong[0].code == "opencity.file_type"
    assert retried(server, good, Reply(404)).wrong[0].code == "opencity.file_gone"
    assert retried(server, good, id="../../users").wrong[0].code == "opencity.unreadable"


def test_where_no_owner_can_be_asked_for_each_document_is_not_waited_for_anew(server):
    many = [record(id=f"{DOCUMENT[:-2]}{n}", owner=f"{OWNER[:-2]}{n}") for n in (10, 20, 30)]
    lists = {"/documents?": many, "/applications?": []}
    server.answering = lambda got: next(
        (Reply(200, its) for path, its in lists.items() if path in got.path), Reply(500)
    )
    connector = connected(f"{server.url}/lang/api", **ARCHIVE)
    found, _ = a_round(connector)
    connector.close()
    assert [each.wrong[0].code for each in found] == ["opencity.breaks"] * 3
    assert sum("/users/" in each.path for each in server.received) == 3 + 1 + 1


def test_an_owner_that_breaks_the_tenant_holds_up_no_other_document(server):
    other = record(id=DOCUMENT[:-1] + "2", owner=OWNER[:-1] + "1")
    answers = {
        f"/lang/api/users/{OWNER}?version=1": Reply(500),
        f"/lang/api/users/{OWNER[:-1]}1?version=1": Reply(200, {"codice_fiscale": "RSSMRA80A01H501U"}),
        "/lang/api/documents?version=2&offset=0&limit=2": Reply(200, [record(), other, "?", {"id": "x"}]),
    }
    server.answering = lambda got: answers.get(got.path) or Reply(200, [] if "/applications" in got.path else PDF)
    connector = connected(f"{server.url}/lang/api", **ARCHIVE)
    found, _ = a_round(connector)
    connector.close()
    assert [each.wrong[0].code if each.wrong else "" for each in found] == [
        "opencity.unreadable",
        "opencity.no_identifier",
        "opencity.breaks",
        "",
    ]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Reply(200, {"items": []}), "opencity.unreadable"),
        (Reply(200, b"<html>"), "opencity.unreadable"),
        (Reply(200, b"[]", {"Content-Length": "999"}), "opencity.incomplete"),
    ],
)
def test_a_list_that_is_not_as_described_holds_up_nothing_else(server, answer, reason):
    server.answering = lambda got: answer if "/documents?" in got.path else Reply(200, [])
    connector = connected(f"{server.url}/lang/api", **ARCHIVE)
    found, memo = a_round(connector)
    connector.close()
    assert [(each.name, each.wrong[0].code) for each in found] == [("archive-list", reason)]
    assert (memo["walk"], memo["archived"]) == (None, [0, 0])


def test_a_list_that_never_comes_is_waited_for_long_and_then_holds_up_nothing_else(server):
    server.answering = lambda got: Reply(504) if "/documents?" in got.path else Reply(200, [])
    connector = connected(f"{server.url}/lang/api", **ARCHIVE)
    found, memo = a_round(connector)
    connector.close()
    assert [(each.name, each.wrong[0].code) for each in found] == [("archive-list", "opencity.unavailable")]
    assert (memo["walk"], memo["archived"]) == (None, [0, 0])
    assert sum("/documents?" in each.path for each in server.received) == 8


def test_where_the_list_says_how_many_there_are_all_pages_are_read(server):
    many = [record(id=f"{DOCUMENT[:-2]}{n}") for n in (30, 10, 20)]
    pages = {0: many[:2], 2: many[2:]}

    def answer(got):
        if "/users/" in got.path:
            return Reply(200, {"codice_fiscale": "RSSMRA80A01H501U"})
        if "/documents?" in got.path:
            offset = int(got.path.partition("offset=")[2].partition("&")[0])
            return Reply(200, {"meta": {"count": "3"}, "data": pages[offset]})
        return Reply(200, [] if "/applications" in got.path else PDF)

    server.answering = answer
    connector = connected(f"{server.url}/lang/api", **ARCHIVE)
    found, memo = a_round(connector)
    connector.close()
    assert [each.name[-2:] for each in found] == ["10", "30", "20"]
    assert memo["archived"]


def test_an_operator_who_may_not_read_citizens_is_a_matter_of_the_settings(server):
    server.answering = lambda got: (
        Reply(403, ["no"]) if "/users/" in got.path else Reply(200, [] if "/applications" in got.path else [record()])
    )
    connector = connected(f"{server.url}/lang/api", **ARCHIVE)
    step = take(connector, {})
    while not isinstance(step, Misconfigured):
        assert not isinstance(step, Deferred)
        step = take(connector, step.memo)
    assert step.reason == "opencity.not_allowed"
    connector.close()


def test_the_simulated_archive_is_an_operators_alone(started, clock):
    _, settings = started(applications=0)
    name = add(settings, title="Primo")
    stranger = {"headers": {"Authorization": "Bearer x"}}
    for path in ("/documents", f"/documents/{name}", f"/documents/{name}/download", f"/users/{USER}"):
        assert asked(settings, path, **stranger).status_code == 401
        assert asked(settings, path).status_code == 200
    assert asked(settings, f"/documents/{name_of(9)}").status_code == 404
    assert asked(settings, f"/users/{name_of(9)}").status_code == 404
    assert [each["id"] for each in asked(settings, "/documents?cf=RSSMRA80A01H501U").json()] == [name]
    assert asked(settings, "/documents?cf=NREDAA80A41H501X").json() == []
