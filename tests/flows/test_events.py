"""Server-sent events: what `changes` would tell, as it happens, to the one citizen, until the assertion expires."""

import io
import json
import queue
import socket
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import event as on

from hub.registry import Portal
from hub.security.sign import LIFETIME_S
from hub.store import directory
from hub.store.tables import access_log
from tests.flows.making import code, described_hub, fresh, new_person, published, rows
from tests.harness import ENTE, Caller, eventually, make_message

MOST = 4


@pytest.fixture(scope="module")
def extra():
    return Caller("altro-portale")


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory, extra):
    def prepare(home, _vendor, _portal):
        with home.database.write() as tx:
            portal = Portal(ENTE, extra.name, "", True, (), frozenset({"feed:read"}))
            directory.add_portal(tx, portal, [extra.jwk(), extra.jwk("assertion_jwk")])

    folder = tmp_path_factory.mktemp("events") / "home"
    with described_hub(folder, prepare=prepare, streams_per_portal=MOST) as running:
        yield running


def letter(hub, person, title="lettera", **fields):
    return published(
        hub, "messages", make_message(fresh(), tax_code=person, title=title, notify={"channels": []}, **fields)
    )


class Listening:
    """The events of an open stream, read in a thread of its own."""

    def __init__(self, response):
        self.response = response
        self.heard = queue.Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        fields = {}
        try:
            for line in self.response.iter_lines():
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif "event" in fields:
                    self.heard.put((fields["event"], fields.get("id"), json.loads(fields["data"])))
                    fields = {}
        except httpx.HTTPError:
            pass
        self.heard.put(("closed", None, None))

    def next(self):
        return self.heard.get(timeout=20)

    def change(self):
        kind, name, data = self.next()
        assert kind == "change", (kind, data)
        return name, data


@contextmanager
def listening(hub, person, query="", *, headers=None, **claims):
    own = hub.reader(person, **claims) | (headers or {})
    with (
        httpx.Client(base_url=hub.url, timeout=30) as client,
        client.stream("GET", f"/feed/v1/events{query}", headers=own) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        try:
            yield Listening(response)
        finally:
            # A socket that another thread reads is not gone with its `close`.
            with suppress(OSError):
                response.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)


def almost_over():
    """When tokens must have been made that are good for six more seconds."""
    return datetime.now(UTC) - timedelta(seconds=LIFETIME_S - 6)


def all_closed(hub):
    eventually(lambda: len(hub.hub.streams), lambda count: count == 0, within_s=20)


def test_what_is_published_is_heard(hub, person):
    first = letter(hub, person, "già qui")
    with listening(hub, person) as stream:
        assert stream.change()[1]["item_id"] == first
        second = letter(hub, person, "appena arrivato")
        _, told = stream.change()
        assert (told["item_id"], told["item"]["title"]) == (second, "appena arrivato")
        hub.withdraw(first)
        _, gone = stream.change()
        assert (gone["item_id"], gone["lifecycle"], gone["item"]) == (first, "withdrawn", None)
        hub.mark(second, {"starred": True}, person)
        assert stream.change()[1]["item"]["user_state"]["starred"] is True


def test_an_event_is_what_changes_would_tell_and_its_id_is_their_cursor(hub, person):
    for n in range(3):
        letter(hub, person, f"n{n}")
    told = hub.read("/changes", person).json()["items"]
    with listening(hub, person) as stream:
        heard = [stream.change() for _ in range(3)]
    assert [change for _, change in heard] == told
    after = hub.read(f"/changes?after={heard[0][0]}", person).json()["items"]
    assert after == told[1:]


def test_the_id_heard_last_resumes_without_gap_or_repetition(hub, person):
    ids = [letter(hub, person, f"n{n}") for n in range(3)]
    with listening(hub, person) as stream:
        last, _ = stream.change()
    ids.append(letter(hub, person, "mentre non ascoltava"))
    for how in ({"headers": {"Last-Event-ID": last}}, {"query": f"?after={last}"}):
        with listening(hub, person, **how) as stream:
            assert [stream.change()[1]["item_id"] for _ in range(3)] == ids[1:]


def test_a_wrong_place_to_go_on_from_is_called_by_its_own_name(hub, person):
    letter(hub, person)
    faults = {
        "#header/Last-Event-ID": hub.read("/events", person, headers={"Last-Event-ID": "zzz"}),
        "#query/after": hub.read("/changes?after=zzz", person),
    }
    for pointer, answer in faults.items():
        assert code(answer) == (400, "request.invalid")
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert hub.read("/events?after=zzz", person).json()["errors"][0]["pointer"] == "#query/after"


@pytest.mark.req("S61")
def test_a_stream_of_a_delegation_that_was_ended_says_so_and_nothing_else(hub, person, raccordo, monkeypatch):
    delegate = new_person()
    letter(hub, person)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{person}\n{delegate}\n"))
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    delegation_id = raccordo("delegation", "add", "--to", tomorrow, "--json")["delegation_id"]
    with listening(hub, delegate, on_behalf_of=f"TINIT-{person}") as stream:
        stream.change()
        raccordo("delegation", "end", delegation_id)
        letter(hub, person, "non per lui")
        assert stream.next() == ("end", None, {"reason": "delegation_ended"})


def test_nothing_is_missed_while_it_listens_and_others_publish(hub, person):
    expected = {letter(hub, person, "prima")}
    with listening(hub, person) as stream:
        lock = threading.Lock()

        def publish():
            for _ in range(10):
                made = letter(hub, person)
                with lock:
                    expected.add(made)

        threads = [threading.Thread(target=publish) for _ in range(3)]
        for thread in threads:
            thread.start()
        heard = [stream.change()[1]["item_id"] for _ in range(31)]
        for thread in threads:
            thread.join()
    assert len(set(heard)) == 31
    assert set(heard) == expected


def test_more_than_a_page_comes_whole(hub, person):
    ids = [letter(hub, person) for _ in range(120)]
    with listening(hub, person) as stream:
        assert [stream.change()[1]["item_id"] for _ in ids] == ids


def test_whoever_is_unknown_yet_hears_the_first_item(hub, person):
    with listening(hub, person) as stream:
        eventually(lambda: len(hub.hub.streams), lambda count: count >= 1)
        first = letter(hub, person)
        assert stream.change()[1]["item_id"] == first


@pytest.mark.req("S60")
def test_nobody_hears_what_is_another_citizens_or_needs_a_higher_level(hub, person):
    other = new_person()
    letter(hub, other, "di un altro")
    letter(hub, person, "segreto", min_loa=3)
    with listening(hub, person) as stream:
        letter(hub, other, "ancora di un altro")
        mine = letter(hub, person)
        assert stream.change()[1]["item_id"] == mine


@pytest.mark.req("S60")
def test_the_id_of_another_citizens_event_is_refused(hub, person):
    letter(hub, person)
    with listening(hub, person) as stream:
        theirs, _ = stream.change()
    for headers in ({"Last-Event-ID": theirs}, {"Last-Event-ID": "x"}, {"Last-Event-ID": "A" * 401}):
        response = hub.read("/events", new_person(), headers=headers)
        assert code(response) == (400, "request.invalid")
    assert code(hub.read(f"/events?after={theirs}", new_person())) == (400, "request.invalid")
    assert code(hub.read("/events?limit=3", person)) == (400, "request.invalid")


@pytest.mark.req("S2")
def test_it_ends_when_the_assertion_does_and_says_so(hub, person):
    with listening(hub, person, now=almost_over(), auth_time=datetime.now(UTC)) as stream:
        assert stream.next() == ("end", None, {"reason": "expired"})
        assert stream.next()[0] == "closed"
    all_closed(hub)


def test_its_answer_is_as_described(hub, person):
    headers = hub.reader(person, now=almost_over(), auth_time=datetime.now(UTC))
    response = hub.client.get("/feed/v1/events", headers=headers)
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    assert "event: end" in response.text


def test_a_portal_has_so_many_and_no_more_and_gets_them_back(hub, person):
    all_closed(hub)
    streams = [listening(hub, person) for _ in range(MOST)]
    for stream in streams:
        stream.__enter__()
    refused = hub.read("/events", person)
    assert code(refused) == (429, "quota.exceeded")
    assert refused.headers["retry-after"]
    for stream in streams:
        stream.__exit__(None, None, None)
    all_closed(hub)
    letter(hub, person)
    with listening(hub, person) as stream:
        stream.change()


@pytest.mark.req("S2")
def test_a_portal_whose_keys_are_retired_hears_no_more(hub, person, extra):
    all_closed(hub)
    under = type(hub)(hub.home, hub.url, hub.client, hub.vendor, hub.other_vendor, extra, hub.hub)
    with listening(under, person, scopes="feed:read") as stream:
        eventually(lambda: len(hub.hub.streams), lambda count: count == 1)
        with hub.home.database.write() as tx:
            directory.retire_keys(tx, ENTE, f"portal:{extra.name}", datetime.now(UTC))
        assert stream.next() == ("end", None, {"reason": "trust_changed"})


@pytest.mark.req("S63")
def test_opening_it_and_each_page_it_sends_stand_in_the_access_log(hub, person):
    letter(hub, person)
    pseudonym = fresh("session")
    with listening(hub, person, sub=pseudonym) as stream:
        stream.change()
        letter(hub, person)
        stream.change()
    found = rows(hub, access_log, pseudonym=pseudonym)
    assert {(row["operation"], row["outcome"]) for row in found} == {("stream_events", "ok")}
    assert len(found) == 3


def test_idle_streams_ask_nothing_one_by_one(hub):
    """However many there are, a look at the store is one statement while nothing is written."""
    all_closed(hub)
    people = [new_person() for _ in range(MOST)]
    for person in people:
        letter(hub, person)
    streams = [listening(hub, person) for person in people]
    for stream in streams:
        stream.__enter__().change()
    waiting = list(hub.hub.streams._open)
    eventually(lambda: [one.looked_for for one in waiting], all)
    hub.hub.streams.look(waiting)
    asked = []
    mine = threading.get_ident()

    def count(_connection, _cursor, statement, *_):
        if threading.get_ident() == mine:
            asked.append(statement)

    on.listen(hub.home.database.engine, "before_cursor_execute", count)
    try:
        hub.hub.streams.look(waiting)
    finally:
        on.remove(hub.home.database.engine, "before_cursor_execute", count)
    for stream in streams:
        stream.__exit__(None, None, None)
    (statement,) = [statement for statement in asked if statement != "BEGIN"]
    assert "FROM sequences" in statement
