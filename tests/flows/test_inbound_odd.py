"""What a source brings that cannot be kept as it is, and what becomes of a source under our hands."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from queue import SimpleQueue
from threading import Event
from time import sleep
from typing import Any

import orjson
import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from contracts.connector import Limits
from contracts.failures import Deferred
from contracts.inbound import Found, Pulled, Wrong
from hub.inbound import polling
from hub.inbound.taking import Taker
from hub.store.configuration import set_status
from hub.store.positions import Move
from hub.store.tables import evidence, items, quarantine, source_positions, source_records
from hub.store.taking import Taking
from tests.flows.making import rows
from tests.flows.sources import Source, found_of, hub_with, quarantined, record, titles_of
from tests.harness import ENTE, HubUnderTest, eventually


@pytest.fixture(scope="module")
def source() -> Source:
    return Source()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, kind: str, source: Source) -> Iterator[HubUnderTest]:
    with hub_with(tmp_path_factory.mktemp("inbound") / "home", source) as hub:
        yield hub


def test_a_record_that_cannot_be_written_down_does_not_hold_up_the_others(hub, source, person, raccordo):
    source.records = [record(person, title="Mezzo \ud83d"), record(person, title="Intero")]
    eventually(lambda: titles_of(hub, person), lambda found: found == ["Intero"])
    (entry,) = quarantined(raccordo)
    assert [each["code"] for each in entry["wrong"]] == ["item.unwritable"]
    raccordo("quarantine", "discard", entry["quarantine_id"])


def test_a_version_that_another_content_has_already_waits_in_quarantine(hub, source, person, raccordo):
    mine = record(person, title="Pubblicato") | {"version": 7}
    assert hub.publish("messages", mine).status_code == 201
    source.records = [mine | {"title": "Altro con lo stesso numero"}]
    (entry,) = eventually(lambda: quarantined(raccordo), lambda found: len(found) == 1)
    assert [each["code"] for each in entry["wrong"]] == ["version.conflict"]
    assert titles_of(hub, person) == ["Pubblicato"]
    raccordo("quarantine", "discard", entry["quarantine_id"])


def test_two_records_without_a_name_are_two_in_quarantine(tmp_path):
    own = Source()
    nameless = [Found("", raw, wrong=(Wrong("", "odd.unreadable", "no record"),)) for raw in (b"uno", b"due", b"uno")]
    own.pull = lambda _memo: Pulled({}, found=nameless)
    with hub_with(tmp_path / "home", own) as hub:
        kept = eventually(lambda: rows(hub, quarantine), lambda found: len(found) == 2)
    assert len({each["name"] for each in kept}) == 2


def test_an_entry_that_is_read_anew_stays_itself_whatever_it_is_called_then(hub, source, person, raccordo):
    """As a receipt that was asked for by its IUV: retried, it left a second entry without a name behind."""
    one = record(person, title="Riletto")
    readings = [
        [Found("", b"-", wrong=(Wrong("", "odd.unreadable", "no record"),))],
        [replace(found_of(one), name="by-a-name-of-its-own")],
    ]
    source.records, source.reading = [{"external_id": "iuv.47"}], lambda _: readings.pop(0)
    (entry,) = eventually(lambda: quarantined(raccordo), lambda found: len(found) == 1)
    source.records, asked = [], source.asked
    eventually(lambda: source.asked, lambda now: now >= asked + 2)
    assert raccordo("quarantine", "retry", entry["quarantine_id"], "--json", code=1)["left"] == 1
    (again,) = quarantined(raccordo)
    assert again["quarantine_id"] == entry["quarantine_id"]
    assert [each["code"] for each in again["wrong"]] == ["odd.unreadable"]
    assert raccordo("quarantine", "retry", entry["quarantine_id"], "--json")["taken"] == 1
    assert quarantined(raccordo) == []
    assert titles_of(hub, person) == ["Riletto"]


def test_the_digest_of_a_record_is_keyed_and_a_plain_one_of_before_is_written_anew_once(hub, source, person):
    one = record(person, title="Con impronta")
    source.records = [one]
    eventually(lambda: titles_of(hub, person), lambda found: found == ["Con impronta"])
    name = {"name": one["external_id"]}
    told = orjson.dumps(["item", "messages", one], option=orjson.OPT_SORT_KEYS)
    plain = hashlib.sha256(told).hexdigest()
    (kept,) = rows(hub, source_records, **name)
    assert kept["digest"].startswith("k1.")
    assert plain[:60] not in kept["digest"]

    taken = len(rows(hub, evidence))
    with hub.home.database.write() as tx:
        tx.connection.execute(update(source_records).where(source_records.c.name == name["name"]).values(digest=plain))
    eventually(lambda: rows(hub, source_records, **name), lambda found: found == [kept])
    assert len(rows(hub, evidence)) == taken


def test_a_plain_digest_is_not_written_anew_over_that_of_what_was_taken_meanwhile(hub, source, person):
    """As by a file that is taken in beside the reading of a source."""
    one = record(person, title="Preso intanto")
    source.records = [one]
    eventually(lambda: titles_of(hub, person), lambda found: found == ["Preso intanto"])
    name = one["external_id"]
    before = rows(hub, source_records, name=name)
    taking: Taking = hub.hub.inbound.taker._taking
    hub.hub.committer.write(taking.note_digests, (ENTE, "odd", {name: ("0" * 64, "k1.of-what-was-there")}))
    assert rows(hub, source_records, name=name) == before


def test_a_source_whose_vendor_is_another_now_brings_all_anew_as_that_ones(tmp_path, person):
    own = Source()
    own.records = [record(person, title="Di chi")]
    with hub_with(tmp_path / "home", own) as hub:
        eventually(lambda: titles_of(hub, person), lambda found: found == ["Di chi"])
        with hub.home.database.write() as tx:
            settings = {"vendor_id": "beta", "poll_every_s": 1}
            hub.home.configuration.save(
                tx, ente_id=ENTE, connector_id="odd", type="odd", settings=settings, limits=Limits()
            )
        eventually(lambda: {each["vendor_id"] for each in rows(hub, items)}, lambda found: found == {"acme", "beta"})


@pytest.mark.parametrize("ahead", [False, True])
def test_a_page_is_asked_for_while_another_is_taken_only_where_its_source_allows_it(tmp_path, person, ahead):
    own = Source()
    made = [record(person, title=f"Pagina {n}") for n in range(2)]
    second = Event()
    asked_meanwhile: list[bool] = []

    def page(n: int) -> Iterator[Found]:
        if n == 0:
            asked_meanwhile.append(second.wait(10 if ahead else 0))
        yield found_of(made[n])

    def pull(memo: dict[str, Any]) -> Pulled:
        n = memo.get("n", 0)
        if n == 1:
            second.set()
        return Pulled({"n": n + 1}, found=page(n), more=n == 0, ahead=ahead) if n < 2 else Pulled(memo)

    own.pull = pull
    with hub_with(tmp_path / "home", own) as hub:
        eventually(lambda: titles_of(hub, person), lambda found: found == ["Pagina 0", "Pagina 1"])
    assert asked_meanwhile == [ahead]


def paged(count: int, made: list[dict[str, Any]], *, fail_at: int = -1, asked: Any = lambda _n: None) -> Any:
    """Pages of one record, each of which may be asked for ahead."""

    def pull(memo: dict[str, Any]) -> Pulled:
        n = memo.get("n", 0)
        asked(n)
        if n == fail_at:
            raise Deferred("odd.away", "no page", after=timedelta(hours=1))
        more = n + 1 < count
        return Pulled({"n": n + 1} if more else {}, found=[found_of(made[n])], more=more, ahead=True)

    return pull


def test_a_page_is_understood_while_the_one_before_becomes_durable(tmp_path, person, monkeypatch):
    own = Source()
    made = [record(person, title=f"Foglio {n}") for n in range(2)]
    understood, seen = Event(), []
    write, draft = Taker._write, Taker._publication

    def held(taker: Taker, source: Any, vendor: Any, takes: Any, counts: Any) -> None:
        if any(take.misfit.name == made[0]["external_id"] for take, _ in takes):
            seen.append(understood.wait(10))
        write(taker, source, vendor, takes, counts)

    def drafted(taker: Taker, source: Any, vendor: Any, found: Found, take: Any) -> Any:
        if found.name == made[1]["external_id"]:
            understood.set()
        return draft(taker, source, vendor, found, take)

    monkeypatch.setattr(Taker, "_write", held)
    monkeypatch.setattr(Taker, "_publication", drafted)
    own.pull = paged(2, made)
    with hub_with(tmp_path / "home", own) as hub:
        eventually(lambda: titles_of(hub, person), lambda found: found == ["Foglio 0", "Foglio 1"])
    assert seen == [True]


def test_of_pages_that_come_ahead_the_place_is_kept_now_and_then_and_where_a_source_fails(
    tmp_path, person, monkeypatch
):
    """So that the next try goes on from there; what was read since the place was kept comes to no harm."""
    monkeypatch.setattr(polling, "_KEEP_EVERY_S", 3600.0)
    own, places, running = Source(), [], SimpleQueue[HubUnderTest]()
    heard: list[int] = []
    made = [record(person, title=f"Carta {n}") for n in range(8)]

    def asked(n: int) -> None:
        if n == 6:
            places.extend(each["taken"] for each in rows(running.get(timeout=30), source_positions))

    def move(*its: Any, **named: Any) -> Move:
        moved = Move(*its, **named)
        if moved.position.failures:  # the other hub's source does not fail
            heard.append(len(moved.heard))
        return moved

    monkeypatch.setattr(polling, "Move", move)
    own.pull = paged(8, made, fail_at=7, asked=asked)
    with hub_with(tmp_path / "home", own) as hub:
        running.put(hub)
        (kept,) = eventually(
            lambda: rows(hub, source_positions), lambda found: [each["failures"] for each in found] == [1]
        )
        assert len(titles_of(hub, person)) == 7
    assert (places, kept["taken"], heard) == ([1], 7, [1])


def test_a_source_waits_for_its_turn_once_however_long_the_others_take(tmp_path, monkeypatch):
    waiting: list[Any] = []

    class AllBusy:
        def __init__(self, *_args: Any, **_named: Any) -> None:
            pass

        def submit(self, *work: Any) -> None:
            waiting.append(work)

        def shutdown(self) -> None:
            pass

    monkeypatch.setattr("hub.inbound.polling.ThreadPoolExecutor", AllBusy)
    with hub_with(tmp_path / "home", Source()):
        eventually(lambda: waiting, lambda found: len(found) == 1)
        sleep(2.5)
        assert len(waiting) == 1, "each second it would wait once more, to be read again and again when its turn comes"


def test_a_source_that_is_paused_while_it_is_asked_brings_nothing_more(tmp_path, person):
    own = Source()
    asked, go_on = Event(), Event()

    def endless(_memo: dict[str, Any]) -> Pulled:
        own.asked += 1
        asked.set()
        assert go_on.wait(10)
        return Pulled({"n": own.asked}, found=(found_of(record(person, title="Troppo tardi")),), more=True)

    own.pull = endless
    with hub_with(tmp_path / "home", own) as hub:
        assert asked.wait(20)
        with hub.home.database.write() as tx:
            set_status(tx, ENTE, "odd", status="paused")
        eventually(lambda: hub.hub.inbound.polling._configs()[ENTE, "odd"].status, lambda status: status == "paused")
        go_on.set()
        sleep(2)
        assert (own.asked, titles_of(hub, person), rows(hub, source_positions)) == (1, [], [])


def test_a_store_that_is_lost_while_a_source_is_read_is_no_fault_of_the_source(tmp_path, caplog):
    """It was `source.bug`, with a trace and a wait; and a source that did not answer was told of twice each time."""
    own = Source()
    own.fault = OperationalError("SELECT", {}, Exception("connection refused"))
    with hub_with(tmp_path / "home", own) as hub:
        eventually(lambda: own.asked, lambda times: times >= 2)
        assert rows(hub, source_positions) == []
        own.fault = Deferred("odd.away")
        eventually(lambda: caplog.text, lambda text: f"source.put_off ente={ENTE} connector=odd" in text)
    told = {line for line in caplog.messages if line.startswith("source.")}
    assert told == {
        f"source.failed ente={ENTE} connector=odd error=OperationalError (nothing listens there)",
        f"source.put_off ente={ENTE} connector=odd failures=1 reason=odd.away",
    }
