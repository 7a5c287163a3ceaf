"""OpenCity: files of applications: the common promises of what is pulled, and files that cannot be had."""

import base64
import hashlib
import json
from pathlib import Path

import pytest

from connectors.base.inbound_conformance import patiently, take
from connectors.base.pull_conformance import PullConformance
from connectors.base.scripted import Reply, ScriptedServer
from contracts.failures import Misconfigured

from .documents import TYPES, is_of
from .simulator_model import name_of
from .test_opencity import NOW, ONE, PASSWORD, SECRET, jwt, login, made
from .test_simulator import a_round, asked, clock, started, told
from .test_simulator import made as connected

__all__ = ["clock", "started"]
HERE = Path(__file__).parent
FILE = "7d3f0000-0000-4000-8000-000000000060"
ADDRESS = f"/lang/api/applications/{ONE}/attachments/{FILE}?version=2"
PDF = b"%PDF-1.7\nisee"


class TestFiles(PullConformance):
    samples = HERE / "samples" / "pulled_files"
    secrets = (PASSWORD, SECRET, jwt())
    personal = ("RSSMRA80A01H501U", "Mario Rossi", "ISEE Rossi")

    def parameters(self):
        # A file that one may not have is that file's fault; of a page it is the settings' (`TestPull`).
        return super().parameters() | {"status": (401, 408, 429, 500, 502, 503, 504)}

    def connect_to(self, url, limits):
        self.server.aside = login
        return made(f"{url}/lang/api", limits, collections=["documents"])

    def connect_unlisted(self, limits):
        return made("https://provider.example/lang/api", limits, private_hosts=[], collections=["documents"])

    def check_request(self, request):
        assert request.headers["authorization"] == f"Bearer {jwt()}"
        assert request.headers["accept"] == ("*/*" if "/attachments/" in request.path else "application/json")

    def test_the_address_that_a_record_gives_is_not_called(self):
        self.play(self.rounds()[0]["exchanges"])
        self.pull({})
        assert {each.headers["host"] for each in self.server.received} == {self.server.url.removeprefix("http://")}

    def test_a_sweep_reads_no_file_anew_and_all_of_them_where_they_were_not_wanted_before(self):
        self.play(self.rounds()[0]["exchanges"])
        self.server.aside = login
        without = made(f"{self.server.url}/lang/api", collections=["messages"], services=["altro"])
        memo = self.pull({}, without)[-1][1].memo
        with_files = self.pull(memo)
        assert sum(len(taken.found) for _, taken in with_files) == 7
        self.server.received.clear()
        later = made(f"{self.server.url}/lang/api", now=lambda: NOW + 86_400, collections=["documents"])
        steps = self.pull(with_files[-1][1].memo, later)
        for each in (without, later):
            each.close()
        assert [taken.found for _, taken in steps] == [(), ()]
        assert not any("/attachments/" in each.path for each in self.server.received)

    def test_only_the_kinds_that_are_wanted_are_read(self):
        self.play(self.rounds()[0]["exchanges"])
        self.server.aside = login
        connector = made(f"{self.server.url}/lang/api", collections=["documents"], files=["compiled_modules"])
        found = [each for _, taken in self.pull({}, connector) for each in taken.found]
        connector.close()
        assert [each.item["doc_type"] for each in found] == ["application-form"]


@pytest.fixture
def server():
    with ScriptedServer() as server, ScriptedServer() as inside:
        server.aside, server.inside = login, inside
        yield server
        assert inside.received == []


def quarantined(**changes):
    """A file as it stands in the quarantine."""
    record = {"id": FILE, "originalName": "ISEE Rossi.pdf", "url": "https://10.0.0.7/", "created_at": NOW} | changes
    about = {
        "id": ONE,
        "service": "bonus-mensa",
        "data": {"applicant": {"fiscal_code": {"fiscal_code": "RSSMRA80A01H501U"}}},
    }
    return {"kind": "file", "file_kind": "attachments", "record": record, "application": about}


def one_step(server, answer, **changes):
    """The step that reads one file, as often as it is put off: the failures, then what was found."""
    application = quarantined()["application"] | {"status": "4000", "attachments": [quarantined()["record"]]}
    page = {"meta": {"count": 1}, "data": [application | {"latest_status_change_time": NOW}]}
    server.answering = lambda request: answer if "/attachments/" in request.path else Reply(200, page)
    connector = made(f"{server.url}/lang/api", collections=["documents"], **changes)
    step, failures = patiently(connector, take(connector, {}).memo)
    connector.close()
    return [each.reason for each in failures], step


@pytest.mark.parametrize(
    ("answer", "reason", "times"),
    [
        (Reply(404, ["Attachment not found"]), "opencity.file_gone", 0),
        (Reply(410), "opencity.file_gone", 0),
        (Reply(200, PDF + b"x" * 2000), "opencity.file_too_large", 0),
        (Reply(403, ["You are not allowed"]), "opencity.file_refused", 3),
        (Reply(500, {"type": "error"}), "opencity.file_breaks", 3),
        (Reply(200, b"<html>Accedi</html>"), "opencity.file_not_its_type", 3),
        (Reply(200, b"MZ\x90\x00"), "opencity.file_not_its_type", 3),
        (Reply(200, b""), "opencity.file_not_its_type", 3),
        (Reply(200, PDF, {"Content-Length": "999"}), "opencity.file_incomplete", 3),
        (Reply(200, PDF, {"Content-Encoding": "gzip"}), "opencity.file_incomplete", 3),
        (Reply(302, headers={"Location": "{inside}"}), "opencity.file_redirected", 3),
        (Reply(307, headers={"Location": "http://169.254.169.254/latest/meta-data"}), "opencity.file_redirected", 3),
    ],
)
def test_a_file_that_cannot_be_had_waits_in_quarantine_and_holds_up_nothing(server, answer, reason, times):
    headers = {name: value.replace("{inside}", server.inside.url) for name, value in answer.headers.items()}
    failures, step = one_step(server, Reply(answer.status, answer.body, headers), largest_file=1024)
    assert failures == [reason] * times
    assert [[wrong.code for wrong in each.wrong] for each in step.found] == [[reason]]
    assert (step.found[0].name, step.found[0].content, step.more) == (f"file/{FILE}", None, False)


def test_the_size_of_a_file_may_be_the_largest_exactly(server):
    content = PDF.ljust(1024, b"x")
    failures, step = one_step(server, Reply(200, content), largest_file=1024)
    assert (failures, step.found[0].content) == ([], content)
    assert step.found[0].item["sha256"] == hashlib.sha256(content).hexdigest()


def test_where_no_file_can_be_had_only_the_first_is_waited_for(server):
    many = [quarantined()["record"] | {"id": f"{FILE[:-2]}{n}"} for n in range(10, 15)]
    application = quarantined()["application"] | {"status": "4000", "attachments": many}
    page = {"meta": {"count": 1}, "data": [application]}
    server.answering = lambda request: Reply(403) if "/attachments/" in request.path else Reply(200, page)
    connector = made(f"{server.url}/lang/api", collections=["documents"])
    found, _ = a_round(connector)
    connector.close()
    assert [each.wrong[0].code for each in found] == ["opencity.file_refused"] * 5
    assert sum("/attachments/" in each.path for each in server.received) == 3 + 4


def test_after_a_restart_an_application_is_asked_for_once_and_not_before_each_of_its_files(server):
    many = [quarantined()["record"] | {"id": f"{FILE[:-2]}{n}"} for n in range(10, 15)]
    application = quarantined()["application"] | {"status": "4000", "attachments": many}
    page = {"meta": {"count": 1}, "data": [application]}
    answers = {f"/lang/api/applications/{ONE}?version=2": application}
    server.answering = lambda request: (
        Reply(200, PDF) if "/attachments/" in request.path else Reply(200, answers.get(request.path, page))
    )
    before = made(f"{server.url}/lang/api", collections=["documents"])
    memo = take(before, {}).memo
    before.close()
    after = made(f"{server.url}/lang/api", collections=["documents"])
    found, _ = a_round(after, memo)
    after.close()
    assert len(found) == 5
    assert [each.path for each in server.received].count(*answers) == 1


def test_from_the_quarantine_a_file_is_asked_for_again(server):
    connector = made(f"{server.url}/lang/api")
    server.answering = lambda request: Reply(200, PDF) if request.path == ADDRESS else Reply(599)
    (found,) = connector.read(json.dumps(quarantined()).encode())
    assert (found.collection, found.content) == ("documents", PDF)
    server.answering = lambda _: Reply(503)
    (found,) = connector.read(json.dumps(quarantined()).encode())
    assert [wrong.code for wrong in found.wrong] == ["opencity.unavailable"]
    for odd in (quarantined(id="../../tenants/info"), {"kind": "file"}, ["file"]):
        (found,) = connector.read(json.dumps(odd).encode())
        assert [wrong.code for wrong in found.wrong] == ["opencity.unreadable"]
    connector.close()


def test_a_login_that_is_refused_is_a_matter_of_the_settings(server):
    page = {
        "meta": {"count": 1},
        "data": [quarantined()["application"] | {"status": "4000", "attachments": [quarantined()["record"]]}],
    }
    server.answering = lambda request: Reply(401) if "/attachments/" in request.path else Reply(200, page)
    connector = made(f"{server.url}/lang/api", collections=["documents"])
    assert isinstance(take(connector, take(connector, {}).memo), Misconfigured)
    connector.close()


@pytest.mark.parametrize("extension", sorted(TYPES))
def test_a_page_of_html_is_no_file_of_any_kind(extension):
    assert not is_of(extension, b"\n<!DOCTYPE html><html>")
    assert not is_of(extension, b"")


@pytest.mark.parametrize(
    ("name", "filename"),
    [
        ("../../etc/ISEE.pdf", "ISEE.pdf"),
        ("C:\\documenti\\ISEE.PDF", "ISEE.PDF"),
        ("x" * 150 + ".pdf", "x" * 116 + ".pdf"),
        ("a\u202efdp.exe", None),
        (".pdf", None),
        ("ISEE", None),
        (None, None),
    ],
)
def test_a_files_name_is_a_name_with_its_extension(server, name, filename):
    connector = made(f"{server.url}/lang/api")
    server.answering = lambda _: Reply(200, PDF)
    (found,) = connector.read(json.dumps(quarantined(originalName=name)).encode())
    connector.close()
    assert (found.item and found.item["filename"]) == filename
    assert filename is not None or found.wrong[0].code == "opencity.file_type"


def test_the_simulated_tenant_gives_files_to_an_operator_alone(started, clock):
    _, settings = started(applications=1)
    given = {"kind": "attachments", "name": "ISEE Neri.pdf", "base64": base64.b64encode(PDF).decode()}
    name = told(settings, f"files/{name_of(1)}", given)["id"]
    path = f"/applications/{name_of(1)}/attachments/{name}"
    assert asked(settings, path, headers={"Authorization": "Bearer x"}).status_code == 401
    assert asked(settings, f"/applications/{name_of(1)}/attachments/{name_of(9)}").status_code == 404
    answer = asked(settings, path)
    assert (answer.content, answer.headers["content-disposition"][:10]) == (PDF, "attachment")
    found, memo = a_round(connected(settings, clock, collections=["documents"]))
    assert [(each.item["filename"], each.content) for each in found] == [("ISEE Neri.pdf", PDF)]
    clock.now += 100
    # The outcome is decided, then told.
    told(settings, f"files/{name_of(1)}", given | {"kind": "outcome_file", "name": "Esito.pdf"})
    told(settings, "applications", {"id": name_of(1), "status": "8000", "outcome": False})
    found, memo = a_round(connected(settings, clock, collections=["documents"]), memo)
    assert [each.item["filename"] for each in found] == ["ISEE Neri.pdf"]
    told(settings, "applications", {"id": name_of(1), "status": "9000"})
    found, memo = a_round(connected(settings, clock, collections=["documents"]), memo)
    assert "Esito.pdf" in [each.item["filename"] for each in found]


def test_what_is_attached_to_a_message_is_a_document_where_the_settings_say_so(started, clock):
    _, settings = started(applications=1)
    one, wanted = name_of(1), {"collections": ["documents"], "files": ["attachments", "messages"]}
    # Long done: only what was never read is still looked for there.
    told(settings, f"messages/{one}", {"message": "Ecco il documento", "visibility": "applicant"})
    given = {"kind": "messages", "name": "Nota.pdf", "base64": base64.b64encode(PDF).decode()}
    name = told(settings, f"files/{one}", given)["id"]
    told(settings, f"messages/{one}", {"message": "Nota interna", "visibility": "internal"})
    told(settings, f"files/{one}", given | {"name": "Interna.pdf"})
    told(settings, "applications", {"id": one, "status": "7000"})
    message = asked(settings, f"/applications/{one}/messages").json()[0]["id"]
    assert asked(settings, f"/applications/{one}/attachments/{name}").status_code == 404
    assert asked(settings, f"/applications/{one}/messages/{message}/attachments/{name_of(9)}").status_code == 404

    clock.now += 1000
    found, memo = a_round(connected(settings, clock, collections=["documents", "messages"]))
    assert {each.name.partition("/")[0] for each in found} == {"message"}

    clock.now += 1000
    found, memo = a_round(connected(settings, clock, **wanted), memo)
    assert [(each.item["filename"], each.item["doc_type"], each.content) for each in found] == [
        ("Nota.pdf", "message-attachment", PDF)
    ]
    assert {"rel": "application", "external_id": one} in found[0].item["links"]

    clock.now += 100_000  # a sweep, in which nothing is fetched anew
    assert a_round(connected(settings, clock, **wanted), memo)[0] == []


def test_what_is_attached_to_a_message_is_asked_for_again_at_the_message(server):
    connector = made(f"{server.url}/lang/api")
    server.answering = lambda _: Reply(200, PDF)
    kept = quarantined() | {"file_kind": "messages", "message": {"id": "7d3f0000-0000-4000-8000-000000000070"}}
    (found,) = connector.read(json.dumps(kept).encode())
    assert found.content == PDF
    (odd,) = connector.read(json.dumps(kept | {"message": {"id": "../../x"}}).encode())
    connector.close()
    assert odd.wrong[0].code == "opencity.unreadable"
    path = f"/lang/api/applications/{ONE}/messages/7d3f0000-0000-4000-8000-000000000070/attachments/{FILE}?version=1"
    assert [each.path for each in server.received if "/attachments/" in each.path] == [path]
