"""What comes in unsigned: read from a source, told by a provider's call, uploaded; and what is reported later."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.answering import Call, Reply
from contracts.failures import Deferred, Misconfigured
from contracts.inbound import Report
from hub.inbound.taking import PIECE
from hub.store.configuration import set_status
from hub.store.tables import evidence
from tests.flows.making import events, fresh, new_person, notice_number, outcomes, published, rows
from tests.flows.sources import Source, found_of, hub_with, quarantined, record, titles_of
from tests.harness import ENTE, HubUnderTest, eventually, make_message, make_payment


@pytest.fixture(scope="module")
def source() -> Source:
    return Source()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, kind: str, source: Source) -> Iterator[HubUnderTest]:
    with hub_with(tmp_path_factory.mktemp("inbound") / "home", source) as hub:
        yield hub


def untitled(person: str) -> dict[str, Any]:
    """A record that cannot be mapped."""
    made = record(person)
    del made["title"]
    return made


def told_on_io(hub: HubUnderTest, person: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    """A message and its delivery, which has come to rest."""
    message = make_message(fresh(), tax_code=person, notify={"channels": ["io"]}, **fields)
    item_id = published(hub, "messages", message)
    (delivery,) = [each for each in hub.settled() if each["message_id"] == item_id]
    return item_id, delivery


@pytest.mark.req("S39", "S69")
def test_what_a_source_has_reaches_the_feed_page_by_page_and_unchanged_it_is_not_written_again(hub, source, person):
    source.records = [record(person, title=f"Avviso {n}") for n in range(5)]
    eventually(lambda: titles_of(hub, person), lambda found: found == [f"Avviso {n}" for n in range(5)])
    asked, numbers = source.asked, [each["version"] for each in hub.read("/items", person).json()["items"]]
    written = len(rows(hub, evidence))
    eventually(lambda: source.asked, lambda now: now >= asked + 6)
    assert len(rows(hub, evidence)) == written
    assert numbers == [1] * 5

    source.records[2] = source.records[2] | {"title": "Avviso corretto"}
    eventually(lambda: titles_of(hub, person), lambda found: "Avviso corretto" in found)
    assert sorted(each["version"] for each in hub.read("/items", person).json()["items"]) == [1, 1, 1, 1, 2]
    assert len(rows(hub, evidence)) == written + 1


def test_a_record_that_the_source_takes_back_is_withdrawn(hub, source, person):
    kept, gone = record(person, title="Resta"), record(person, title="Va via")
    source.records = [kept, gone]
    eventually(lambda: titles_of(hub, person), lambda found: found == ["Resta", "Va via"])
    source.records = [kept, gone | {"gone": True}]
    eventually(lambda: titles_of(hub, person), lambda found: found == ["Resta"])


def test_what_cannot_become_an_item_waits_in_quarantine_until_it_comes_right(hub, source, person, raccordo):
    odd, refused = untitled(person), record(person, title="Ha un servizio ignoto", service_id="mai-visto")
    source.records = [odd, record(person, title="Va bene"), refused]
    eventually(lambda: len(quarantined(raccordo)), lambda found: found == 2)
    assert titles_of(hub, person) == ["Va bene"]
    by_name = {each["name"]: each for each in quarantined(raccordo)}
    assert by_name[odd["external_id"]]["wrong"] == [
        {"pointer": "/title", "code": "mapping.missing", "detail": "no title"}
    ]
    (fault,) = by_name[refused["external_id"]]["wrong"]
    assert fault["code"] == "service.unknown"
    entry_id = by_name[refused["external_id"]]["quarantine_id"]
    assert person not in json.dumps(raccordo("quarantine", "show", entry_id, "--json"))
    assert person in raccordo("quarantine", "show", entry_id, "--reveal", "--json")["raw"]

    raccordo("service", "add", "mai-visto", "--name", "Ora noto")
    eventually(lambda: "mai-visto" in str(hub.hub.registry().services), bool)
    answer = raccordo("quarantine", "retry", entry_id, "--json")
    assert answer["taken"] == 1
    source.records = [odd | {"title": "Ora ha un titolo"}, *source.records[1:]]
    eventually(lambda: quarantined(raccordo), lambda found: found == [])
    assert titles_of(hub, person) == ["Ha un servizio ignoto", "Ora ha un titolo", "Va bene"]
    done = raccordo("quarantine", "list", "--decided", "--json")
    assert {each["decided"] for each in done if each["name"] in by_name} == {"taken"}
    assert raccordo("quarantine", "show", entry_id, "--reveal", "--json")["raw"] is None


def test_what_will_never_be_an_item_is_discarded_once(hub, source, person, raccordo):
    odd = untitled(person)
    source.records = [odd]
    (entry,) = eventually(lambda: quarantined(raccordo), lambda found: len(found) == 1)
    raccordo("quarantine", "discard", entry["quarantine_id"])
    assert quarantined(raccordo) == []
    assert "already" in raccordo("quarantine", "discard", entry["quarantine_id"], code=1)
    asked = source.asked
    eventually(lambda: source.asked, lambda now: now >= asked + 2)
    assert quarantined(raccordo) == []  # it has not changed


def test_an_item_that_the_vendor_published_itself_gets_the_next_version(hub, source, person):
    mine = record(person, title="Pubblicato")
    assert hub.publish("messages", mine | {"version": 7}).status_code == 201
    source.records = [mine | {"title": "Letto dalla fonte"}]
    eventually(lambda: titles_of(hub, person), lambda found: found == ["Letto dalla fonte"])
    assert [each["version"] for each in hub.read("/items", person).json()["items"]] == [8]


def test_a_source_in_trouble_is_asked_again_from_where_it_was(hub, source, person, raccordo):
    source.fault = Deferred("odd.busy")
    asked = source.asked
    eventually(lambda: source.asked, lambda now: now > asked)
    source.records = [record(person, title="Dopo la pausa")]
    assert "odd.busy" in raccordo("connector", "poll", "odd", code=1)
    source.fault = None
    assert raccordo("connector", "poll", "odd", "--json")["taken"] == 1
    assert titles_of(hub, person) == ["Dopo la pausa"]


def test_a_source_that_is_not_set_up_is_paused_with_the_reason(tmp_path, source, person, capsys):
    own = Source()
    own.fault = Misconfigured("odd.key", "status 401")
    with hub_with(tmp_path / "home", own) as hub:
        eventually(lambda: config_of(hub).status, lambda status: status == "paused")
        assert "odd.key" in (config_of(hub).paused_reason or "")
        asked, own.fault = own.asked, None
        own.records = [record(person, title="Di nuovo")]
        with hub.home.database.write() as tx:
            set_status(tx, ENTE, "odd", status="active")
        eventually(lambda: titles_of(hub, person), lambda found: found == ["Di nuovo"], within_s=20)
        assert own.asked > asked


def test_an_unknown_vendor_of_a_source_pauses_it(tmp_path):
    own = Source()
    own.records = [record(new_person(), title="Di nessuno")]
    with hub_with(tmp_path / "home", own, vendor_id="nessuno") as hub:
        eventually(lambda: config_of(hub).status, lambda status: status == "paused")
        assert "source.vendor_unknown" in (config_of(hub).paused_reason or "")


def test_a_file_is_taken_in_and_only_what_changed_the_second_time(hub, source, person, raccordo, tmp_path):
    source.records = []
    exported = [record(person, title=f"Da file {n}") for n in range(3)]
    file = tmp_path / "export.json"
    file.write_text(json.dumps(exported))
    assert raccordo("connector", "upload", "odd", "--file", str(file), "--json")["taken"] == 3
    exported[0]["title"] = "Da file, corretto"
    file.write_text(json.dumps(exported))
    answer = raccordo("connector", "upload", "odd", "--file", str(file), "--json")
    assert (answer["taken"], answer["unchanged"]) == (1, 2)
    assert titles_of(hub, person) == ["Da file 1", "Da file 2", "Da file, corretto"]


def test_of_a_record_that_comes_twice_in_a_file_the_later_holds_however_far_it_is(hub, raccordo, person, tmp_path):
    others = [record(new_person(), title=f"D'altri {n}") for n in range(PIECE + 20)]
    first = record(person, title="Da correggere")
    exported = [*others[: PIECE - 10], first, *others[PIECE - 10 :], first | {"title": "Corretto"}]
    file = tmp_path / "export.json"
    file.write_text(json.dumps(exported))
    assert raccordo("connector", "upload", "odd", "--file", str(file), "--json")["taken"] == PIECE + 22
    assert titles_of(hub, person) == ["Corretto"]


def test_a_call_is_answered_once_what_it_told_is_kept(hub, source, person):
    told = record(person, title="Detto dal fornitore")
    calls: list[Call] = []

    def answer(call: Call, _reading: Any) -> Reply:
        calls.append(call)
        if call.header("x-key") != "giusta":
            return Reply(401, b"no", "text/plain")
        return Reply(200, b"<ok/>", "text/xml", found=(found_of(told),))

    source.answers = answer
    refused = hub.client.post(f"/callbacks/v1/{ENTE}/odd/hook/1?a=b", content=b"{}")
    assert (refused.status_code, refused.text) == (401, "no")
    assert titles_of(hub, person) == []
    taken = hub.client.post(f"/callbacks/v1/{ENTE}/odd/hook/1?a=b", content=b"{}", headers={"X-Key": "giusta"})
    assert (taken.status_code, taken.content, taken.headers["content-type"]) == (200, b"<ok/>", "text/xml")
    assert titles_of(hub, person) == ["Detto dal fornitore"]
    assert (calls[-1].path, calls[-1].query, calls[-1].method) == ("hook/1", "a=b", "POST")
    assert calls[-1].url == f"https://hub.comune.example.it/callbacks/v1/{ENTE}/odd/hook/1?a=b"


@pytest.mark.parametrize("path", ["c_xxxx/odd/a", f"{ENTE}/niente/a", "c_h501"])
def test_nobody_answers_for_what_is_not_there(hub, path):
    answer = hub.client.post(f"/callbacks/v1/{path}", content=b"{}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "path.unknown"


def test_a_call_whose_fact_is_no_item_gets_the_other_answer_and_the_fact_waits_in_quarantine(
    hub, source, person, raccordo
):
    odd = untitled(person)
    source.records = []
    source.answers = lambda _call, _reading: Reply(200, found=(found_of(odd),), otherwise=Reply(422, b"kept"))
    assert hub.client.post(f"/callbacks/v1/{ENTE}/odd/x").status_code == 422
    (entry,) = quarantined(raccordo)
    assert entry["name"] == odd["external_id"]
    raccordo("quarantine", "discard", entry["quarantine_id"])


def test_a_call_may_read_the_message_of_its_own_delivery_and_leaves_a_trace(hub, source, person):
    item_id, delivery = told_on_io(hub, person, title="Riservato")
    seen: list[Any] = []

    def answer(call: Call, reading: Any) -> Reply:
        seen.append(reading.message(call.path, call.header("x-cf")))
        return Reply(204)

    source.answers = answer
    for delivery_id, who in (
        (delivery["delivery_id"], person),
        (delivery["delivery_id"], new_person()),
        ("0" * 36, person),
    ):
        hub.client.get(f"/callbacks/v1/{ENTE}/odd/{delivery_id}", headers={"X-Cf": who})
    assert [None if each is None else each.title for each in seen] == ["Riservato", None, None]
    log = hub.read("/access-log", person).json()["items"]
    assert [each["item_id"] for each in log if each["operation"] == "answer_provider"] == [item_id]


def test_a_call_may_read_a_payment_by_its_notice(hub, source, person):
    number = notice_number()
    published(hub, "payments", make_payment(fresh(), tax_code=person, notice_number=number))
    seen: list[Any] = []
    source.answers = lambda call, reading: (seen.append(reading.payment("00488410010", call.path)), Reply(204))[1]
    hub.client.get(f"/callbacks/v1/{ENTE}/odd/{number}")
    hub.client.get(f"/callbacks/v1/{ENTE}/odd/399999999999999999")
    assert (seen[0].tax_code, seen[0].amount_cents, seen[0].state) == (person, 12_500, "due")
    assert seen[1] is None


def test_what_is_reported_of_a_delivery_is_told_once(hub, source, person):
    item_id, delivery = told_on_io(hub, person)
    now = datetime.now(UTC)
    by_provider = Report("read", now, provider_id=f"p-{delivery['delivery_id']}")
    strange = Report("read", now, provider_id="p-unknown")
    source.records = []
    source.reports = [by_provider, by_provider, strange, Report("read", now, delivery_id=delivery["delivery_id"])]
    eventually(lambda: events(hub, person, item_id), lambda found: "read_on_channel" in found)
    asked = source.asked
    eventually(lambda: source.asked, lambda now: now > asked)
    assert events(hub, person, item_id).count("read_on_channel") == 1
    told = [each["event"] for each in hub.vendor_get(f"/items/{item_id}").json()["timeline"]]
    assert "read_on_channel" not in told

    source.reports = [Report("failed", now, delivery_id=delivery["delivery_id"], reason="odd.bounced")]
    eventually(lambda: outcomes(hub, item_id), lambda found: found == [("rejected", "odd.bounced")])


def config_of(hub: HubUnderTest) -> Any:
    with hub.home.database.read() as connection:
        return hub.home.configuration.load(connection)[ENTE, "odd"]
