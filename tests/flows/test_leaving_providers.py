"""Providers of a body that leaves: what they tell of what was sent and asked for is taken until its end, nothing else
is."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from contracts.answering import Reply
from contracts.connector import Manifest, Operation
from contracts.inbound import Found, Pulled, Report
from hub.security.left import EnteEnded
from hub.store.ending import mark_ente
from hub.store.positions import reading_of_sources
from hub.store.tables import access_log, deliveries, items, quarantine, reporting_flows
from tests.flows import sources
from tests.flows.administering import admin_of
from tests.flows.at_pagopa import at_pagopa
from tests.flows.making import command_line, described_hub, fresh, new_person, rows
from tests.flows.sources import KeyWish, Source, found_of, hub_with, record
from tests.flows.test_demands import declined, demanded
from tests.flows.test_pagopa_node import owed
from tests.harness import ENTE, eventually, make_message

pytestmark = pytest.mark.req("P12")


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def hub(tmp_path, source):
    with hub_with(tmp_path / "home", source) as running:
        yield running


def leaves(hub):
    with hub.home.database.write() as tx:
        mark_ente(tx, ENTE)
    eventually(hub.hub.registry, lambda registry: ENTE in registry.left)


def failure_of_one_sent(hub):
    """What the provider has to tell of a message that it took."""
    message = make_message(fresh(), tax_code=new_person(), notify={"channels": ["io"]})
    item_id = hub.publish("messages", message).json()["item_id"]
    (sent,) = [each for each in hub.settled() if each["message_id"] == item_id]
    assert sent["state"] == "delivered"
    return Report("failed", datetime.now(UTC), provider_id=sent["provider_id"], reason="odd.lost")


def told_of(hub):
    return [(each["state"], each["reason"]) for each in rows(hub, deliveries)]


def test_what_a_source_tells_of_what_was_sent_is_taken_and_what_else_it_has_is_not(hub, source):
    """A mailbox was not read any more, and what waited for its receipts kept the body from ending for ever."""
    report, kept = failure_of_one_sent(hub), len(rows(hub, items))
    leaves(hub)
    source.records = [record(new_person()), {"external_id": fresh()}]
    source.reports = [report]
    eventually(lambda: told_of(hub), lambda found: found == [("rejected", "odd.lost")])
    asked = source.asked
    eventually(lambda: source.asked, lambda now: now > asked + 1)
    assert (len(rows(hub, items)), rows(hub, quarantine)) == (kept, [])


def test_what_stands_in_quarantine_is_read_anew_only_where_it_tells_of_what_was_paid(hub, source, monkeypatch, capsys):
    raccordo, of_it = command_line(hub, monkeypatch, capsys), ("--ente", ENTE)
    source.records = [record(new_person(), title=letter * 201) for letter in "ab"]
    message, receipt = eventually(lambda: rows(hub, quarantine), lambda found: len(found) == 2)

    def read(content):
        if orjson.loads(content)["title"][0] == "a":
            return [found_of(record(new_person()))]
        return [replace(found_of(orjson.loads(content)), collection="receipts")]

    source.reading = read
    leaves(hub)
    with pytest.raises(EnteEnded):
        hub.hub.sources.retry(ENTE, message["quarantine_id"])
    assert "has left" in raccordo("quarantine", "retry", message["quarantine_id"], *of_it, code=1)
    several = raccordo("quarantine", "retry", "--connector", "odd", *of_it, "--json", code=1)
    assert [each["result"] for each in several["entries"]] == ["ente.ended", "quarantined"]
    assert rows(hub, items) == []
    kept = {each["quarantine_id"]: (each["collection"], each["times"]) for each in rows(hub, quarantine)}
    assert kept[receipt["quarantine_id"]] == ("receipts", receipt["times"] + 1)


def test_what_stands_in_quarantine_is_over_once_its_source_has_it_no_more_for_us(hub, source):
    """It keeps the body from ending."""
    name = fresh()
    source.records = [{"external_id": name}]
    eventually(lambda: len(rows(hub, quarantine)), bool)
    leaves(hub)
    source.pull = lambda _memo: Pulled({}, found=(Found(name, b""),))
    eventually(lambda: [each for each in rows(hub, quarantine) if each["decided"] is None], lambda left: not left)


def test_what_a_source_has_no_more_stays(hub, source):
    """Of a body that leaves it may well be emptied, and its items are the municipality's."""
    there = [record(new_person()) for _ in range(2)]
    source.records = there
    eventually(lambda: len(rows(hub, items, collection="messages")), lambda number: number == 2)
    source.looks = lambda name: Found(name, b"{}", withdrawn="tolto")
    leaves(hub)
    asked = []

    def pull(_memo):
        asked.append(1)
        return Pulled({}, all_names={"odd": frozenset({there[0]["external_id"]})})

    source.pull = pull
    eventually(lambda: len(asked), lambda times: times > 2)  # each round ends before the next
    assert {each["lifecycle"] for each in rows(hub, items)} == {"active"}


def test_a_source_that_tells_of_nothing_sent_or_paid_is_read_no_more(tmp_path, source, monkeypatch):
    connect = source.connect
    monkeypatch.setattr(sources, "MANIFEST", Manifest(name="odd", title="Odd", channel="none"))
    monkeypatch.setattr(source, "connect", lambda *given: replace(connect(*given), answer=None))
    with hub_with(tmp_path / "home", source) as hub:

        def due_for():
            with hub.home.database.read() as connection:
                return [hub.home.database.now(connection) - each.due_at for each in reading_of_sources(connection)]

        eventually(due_for, bool)  # its first round is over
        leaves(hub)
        eventually(due_for, lambda since: since[0] > timedelta(seconds=3))
        with hub.home.database.read() as connection:
            assert hub.home.configuration.load(connection)[ENTE, "odd"].status == "active"


def test_a_call_that_brings_something_new_is_told_so_and_what_it_tells_of_what_was_sent_is_kept(hub, source):
    report, kept = failure_of_one_sent(hub), len(rows(hub, items))

    def answer(call, _reading):
        if call.header("x-key") != "giusta":
            return Reply(401)
        return Reply(200, found=(found_of(record(new_person())),), reports=(report,))

    source.answers = answer
    leaves(hub)

    def call(**headers):
        return hub.client.post(f"/callbacks/v1/{ENTE}/odd/hook", content=b"{}", headers=headers)

    assert call().status_code == 401, "a stranger is told nothing"
    told = call(**{"X-Key": "giusta"})
    assert (told.status_code, told.json()["code"]) == (403, "ente.ended")
    assert told_of(hub) == [("rejected", "odd.lost")]
    assert len(rows(hub, items)) == kept


def test_at_a_provider_nothing_is_begun_any_more_and_what_there_is_is_looked_at_and_ended(
    hub, source, tmp_path, monkeypatch, capsys
):
    """A service was still made at IO for a body that leaves, which nobody would have ended."""
    done, wish = [], {"name": "tari"}
    source.operations = {
        name: Operation(name, KeyWish, lambda _, name=name: done.append(name) or {}, begins=name == "make-key")
        for name in ("make-key", "end-key")
    }
    anna, raccordo = admin_of(hub, "anna.verdi", "administrator"), command_line(hub, monkeypatch, capsys)
    arguments = tmp_path / "arguments.json"
    arguments.write_text(json.dumps(wish))

    def asked(operation):
        answer = anna.post("/connectors/odd/operation-runs", {"operation": operation, "arguments": wish}).json()
        return answer.get("outcome") or answer["code"]

    def typed(operation, **code):
        return raccordo("connector", "run", "odd", operation, "--arguments", arguments, "--ente", ENTE, **code)

    assert asked("make-key") == "done"
    leaves(hub)
    assert (asked("make-key"), asked("end-key")) == ("ente.ended", "done")
    assert f"{ENTE} has left" in typed("make-key", code=1)
    typed("end-key")
    assert done == ["make-key", "end-key", "end-key"]
    lines = sorted(rows(hub, access_log, operation="run_connector_operation"), key=lambda row: row["access_id"])
    assert [each["outcome"] for each in lines] == ["begun", "ok", *(["ente.ended", "begun", "ok"] * 2)]
    assert {each["act"]["target"] for each in lines} == {"connectors/odd"}, "each is on record"


def test_who_has_paid_gets_a_receipt_its_flow_is_read_and_nobody_is_asked_for_a_new_payment(tmp_path):
    with (
        at_pagopa(tmp_path / "node") as pagopa,
        described_hub(tmp_path / "home", connectors={"pagopa": ("pagopa_node", pagopa.settings)}) as hub,
    ):
        pagopa.station = f"{hub.url}/callbacks/v1/{ENTE}/pagopa/paForNode"
        notice, item_id = owed(hub, new_person())
        leaves(hub)
        before = declined("ente.ended")
        assert demanded(pagopa, new_person())["code"] == "PAA_SEMANTICA"
        assert declined("ente.ended") == before + 1
        assert pagopa.pay(notice)["outcome"] == "OK"
        states = {each["collection"]: each["state"] for each in rows(hub, items)}
        assert (states["payments"], "receipts" in states) == ("paid", True)
        assert len([each for each in rows(hub, items) if each["collection"] == "payments"]) == 1, item_id
        pagopa.report()
        eventually(lambda: len(rows(hub, reporting_flows)), lambda number: number == 1, within_s=20)
