"""Many notices printed at once: the requests, what a folder is on its way, and its archive."""

import io
import zipfile
from dataclasses import replace

import pytest

from connectors.base.scripted import Fault, Reply, ScriptedServer
from connectors.pagopa.test_paying import CODE, DEBTOR, NOTICE, at, connector
from contracts.failures import Deferred, Failure, Misconfigured, Rejected
from contracts.paying import Folder, Paper

PAPER = Paper(NOTICE, DEBTOR, CODE)
OTHER = Paper(replace(NOTICE, notice_number="347170000000000168", amount_cents=4225), DEBTOR, CODE)
NAME = "7f3a1c-folder"


@pytest.fixture
def server():
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def printing(server):
    one = connector(server.url)
    yield one.printing
    one.close()


def calls(printing):
    return {
        "ask": lambda: printing.ask([PAPER]),
        "state": lambda: printing.state(NAME),
        "fetch": lambda: printing.fetch(NAME),
        "forget": lambda: printing.forget(NAME),
    }


WHAT = ("ask", "state", "fetch", "forget")


def test_a_folder_from_its_asking_to_its_end(start):
    printing = at(start()).printing
    folder = printing.ask([PAPER, OTHER])
    assert printing.ask([PAPER, OTHER]) == folder, "the same request is the same folder"
    assert printing.ask([OTHER]) != folder
    with pytest.raises(Rejected, match="folder_unknown"):
        printing.fetch(folder)
    assert printing.state(folder) == Folder("waiting", "INSERTED", 0, 0)
    states = [printing.state(folder).state for _ in range(3)]
    assert states == ["waiting", "waiting", "ready"]
    assert printing.state(folder).printed == 2
    with zipfile.ZipFile(io.BytesIO(printing.fetch(folder))) as archive:
        assert b"347170000000000168 4225" in archive.read("347170000000000168.pdf")
    printing.forget(folder)
    with pytest.raises(Rejected, match="folder_unknown"):
        printing.state(folder)


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ("PROCESSED", "ready"),
        ("PROCESSED_WITH_FAILURES", "partly"),
        ("FAILED", "failed"),
        ("COMPLETING", "waiting"),
        ("SOMETHING_NEW", "waiting"),
    ],
)
def test_what_it_says_of_a_folder(server, printing, told, state):
    server.play(Reply(200, {"status": told, "processedNotices": ["a"], "noticesInError": [CODE, "c"]}))
    found = printing.state(NAME)
    assert found == Folder(state, told, 1, 2)
    assert CODE not in repr(found)


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Rejected), (401, Misconfigured), (403, Misconfigured), (404, Rejected), (429, Deferred), (500, Deferred)],
)
def test_every_status_has_its_outcome(server, printing, what, status, kind):
    server.play(Reply(status, {"title": "x", "status": status, "detail": "Maria Rossi"}))
    with pytest.raises(Failure) as caught:
        calls(printing)[what]()
    assert type(caught.value) is kind
    assert "Rossi" not in str(caught.value)


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("fault", list(Fault))
def test_the_networks_faults_are_told(server, what, fault):
    one = connector(server.url, timeout_s=0.3)
    server.play(*[fault] * 5)
    with pytest.raises(Deferred):
        calls(one.printing)[what]()
    one.close()


@pytest.mark.parametrize("what", ["ask", "state", "fetch"])
@pytest.mark.parametrize("body", [b"", b"<html/>", {}, {"folder_id": "../x", "status": 1, "signedUrl": "ftp://x"}])
def test_what_cannot_be_read_is_waited_for(server, printing, what, body):
    server.play(Reply(200, body))
    with pytest.raises(Deferred):
        calls(printing)[what]()


@pytest.mark.parametrize("folder", ["", "../generate", "a/b", "a?b", "x" * 101])
def test_what_is_no_name_of_a_folder_is_not_asked_for(server, printing, folder):
    for call in (printing.state, printing.fetch, printing.forget):
        with pytest.raises(Rejected):
            call(folder)
    assert server.received == []


@pytest.mark.parametrize("count", [0, 1001])
def test_a_folder_has_its_bounds(server, printing, count):
    with pytest.raises(Rejected):
        printing.ask([PAPER] * count)
    assert server.received == []


@pytest.mark.parametrize("answer", [Reply(403), Reply(200, b"<html/>"), Reply(302, headers={"Location": "/x"})])
def test_the_storage_sees_no_key_and_what_it_gives_must_be_an_archive(server, printing, answer):
    with ScriptedServer() as storage:
        storage.play(*[answer] * 5)
        server.play(Reply(200, {"signedUrl": f"{storage.url}/folder.zip?sig=s"}))
        with pytest.raises(Deferred):
            printing.fetch(NAME)
        assert {got.path for got in storage.received} == {"/folder.zip?sig=s"}
        assert not any("ocp-apim-subscription-key" in got.headers for got in storage.received)


def test_an_address_of_the_storage_that_leads_inside_is_refused(server, printing):
    server.play(Reply(200, {"signedUrl": "https://10.0.0.7/folder.zip"}))
    with pytest.raises(Deferred, match="address_refused"):
        printing.fetch(NAME)


def test_without_a_template_nothing_is_asked_for(server):
    one = connector(server.url, notice_template=None)
    with pytest.raises(Misconfigured, match="template"):
        one.printing.ask([PAPER])
    assert server.received == []
    one.close()
