"""Files that stay at their vendors: looked for, compared, reported when gone, copied where that is wanted (S55)."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from sqlalchemy import update

from hub.exporter import Figures
from hub.ingest.references import NotThere
from hub.registry import DocumentType
from hub.store.document_types import add_type
from hub.store.references import bad_links
from hub.store.tables import agenda, referenced_files
from hub.trust.outside import Outside, Unreachable
from tests.flows.making import described_hub, fresh, mail_folder, make_document, new_person, published, rows
from tests.harness import ENTE

FILE = b"%PDF-1.7 Zanzibar"


class Archive:
    """A vendor's archive: what it answers by path."""

    def __init__(self):
        self.files = {}
        archive = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, body, headers = archive.files.get(self.path, (404, b"", {}))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def keep(self, path, body=FILE, status=200, headers=None):
        self.files[path] = (status, body, headers or {})
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def archive():
    made = Archive()
    yield made
    made.close()


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    def prepare(home, _vendor, _portal):
        with home.database.write() as tx:
            add_type(tx, ENTE, "copiato", DocumentType("Copiato", "Copied", keep_copy=True))

    folder = tmp_path_factory.mktemp("references")
    # Its own watch does not come round while this runs: the tests look.
    with described_hub(folder / "home", connectors=mail_folder(folder), prepare=prepare, sweep_s=300) as running:
        yield running


@asynccontextmanager
async def on_loopback():
    outside = Outside(loopback=True)

    async def fetch(url, take, most, within_s):
        try:
            await outside.take(url, take, most=most, within_s=within_s)
        except Unreachable as exc:
            raise NotThere(exc.problem) from None

    yield fetch
    await outside.aclose()


def look(hub, *, strict=False):
    """The hub keeps its agenda, and then looks for what is wanted; `strict`: as it does where it is at work."""
    hub.hub.after_sweep()
    references = hub.hub.references if strict else replace(hub.hub.references, fetching=on_loopback)
    while references.look():
        pass


def referenced(person, url, **fields):
    own = {"recipient": {"tax_code": person}, "content_url": url}
    return make_document(fresh(), FILE, **(own | fields))


def reference(hub, item_id):
    (row,) = rows(hub, referenced_files, item_id=item_id)
    return row


def due_again(hub, item_id):
    """As if the time had come to look once more."""
    with hub.home.database.write() as tx:
        tx.connection.execute(update(agenda).where(agenda.c.item_id == item_id).values(at=tx.now))


def alarms(hub):
    found = {}
    for family in Figures(hub.hub.observed).collect():
        if family.name == "raccordo_document_links":
            found |= {sample.labels["state"]: sample.value for sample in family.samples}
    return found


@pytest.mark.req("S55")
def test_a_link_that_holds_is_looked_for_again_a_day_later(hub, archive):
    person = new_person()
    item_id = published(hub, "documents", referenced(person, archive.keep("/good")))
    look(hub)
    row = reference(hub, item_id)
    assert (row["state"], row["failed_since"], row["wanted_at"], row["host"]) == ("alive", None, None, "127.0.0.1")
    (again,) = rows(hub, agenda, item_id=item_id)
    assert again["at"] - row["checked_at"] == timedelta(days=1)
    assert hub.read(f"/documents/{item_id}/content", person).status_code == 404


@pytest.mark.req("S55")
def test_a_dead_link_is_an_alarm_after_the_third_time_and_none_once_it_is_back(hub, archive):
    person = new_person()
    url = archive.keep("/gone", b"", 410)
    item_id = published(hub, "documents", referenced(person, url))
    states = []
    for _ in range(3):
        look(hub)
        states.append(reference(hub, item_id)["state"])
        due_again(hub, item_id)
    assert states == ["unchecked", "unchecked", "dead"]
    with hub.home.database.read() as connection:
        (bad,) = [row for row in bad_links(connection, ENTE) if row["item_id"] == item_id]
    assert (bad["problem"], bad["failures"], bad["copied"]) == ("status 410", 3, False)
    assert alarms(hub)["dead"] >= 1
    archive.keep("/gone")
    look(hub)
    assert reference(hub, item_id)["state"] == "alive"
    events = [one["event"] for one in hub.vendor_get(f"/items/{item_id}").json()["timeline"]]
    assert events[-2:] == ["content_unreachable", "content_reachable"]


@pytest.mark.req("S55")
@pytest.mark.parametrize("body", [FILE[:-1] + b"!", FILE + b"more"])
def test_another_file_under_the_address_is_told_at_once(hub, archive, body):
    item_id = published(hub, "documents", referenced(new_person(), archive.keep(f"/{fresh()}", body)))
    look(hub)
    assert reference(hub, item_id)["state"] == "changed"


@pytest.mark.req("S55")
def test_a_copy_stays_when_the_link_dies_and_nobody_reads_it_on_the_disk(hub, archive):
    person = new_person()
    url = archive.keep("/copied")
    item_id = published(hub, "documents", referenced(person, url, doc_type="copiato"))
    look(hub)
    del archive.files["/copied"]
    answer = hub.read(f"/documents/{item_id}/content", person)
    assert answer.content == FILE
    assert answer.headers["Digest"].startswith("SHA-256=")
    assert hub.read(f"/documents/{item_id}/content", new_person()).status_code == 404
    kept = [path.read_bytes() for path in (hub.home.folder / "files").rglob("*") if path.is_file()]
    assert kept != []
    assert not any(b"Zanzibar" in content for content in kept)


@pytest.mark.parametrize("body", [b"altro file di altra lunghezza!!"])
def test_what_is_not_the_announced_file_is_never_copied(hub, archive, body):
    person = new_person()
    item = referenced(person, archive.keep(f"/{fresh()}", body), doc_type="copiato", size=len(body))
    item_id = published(hub, "documents", item)
    look(hub)
    assert hub.read(f"/documents/{item_id}/content", person).status_code == 404


def test_a_new_version_is_looked_for_anew(hub, archive):
    person = new_person()
    item = referenced(person, archive.keep("/old", b"x"))
    item_id = published(hub, "documents", item)
    look(hub)
    assert reference(hub, item_id)["state"] == "changed"
    published(hub, "documents", item | {"version": 2, "content_url": archive.keep("/new")})
    assert rows(hub, referenced_files, item_id=item_id) == []
    look(hub)
    assert reference(hub, item_id)["state"] == "alive"
    hub.withdraw(item_id)
    assert rows(hub, referenced_files, item_id=item_id) == []


@pytest.mark.req("S61")
def test_the_hub_calls_no_address_inside_and_follows_nobody_elsewhere(hub, archive):
    """SSRF: a vendor's address leads to public hosts over https alone, and what it redirects to is not fetched."""
    inside = archive.keep("/inside")
    moved = archive.keep("/moved", b"", 302, {"Location": inside})
    ids = {
        problem: published(hub, "documents", referenced(new_person(), url))
        for problem, url in {
            "not https": inside,
            "unreachable": "https://127.0.0.1:1/x",
        }.items()
    }
    look(hub, strict=True)
    for problem, item_id in ids.items():
        assert reference(hub, item_id)["problem"] == problem
    redirected = published(hub, "documents", referenced(new_person(), moved))
    look(hub)
    assert reference(hub, redirected)["problem"] == "status 302"
