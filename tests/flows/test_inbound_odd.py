"""What a source brings that cannot be kept as it is, and what becomes of a source under our hands."""

from collections.abc import Iterator
from threading import Event
from time import sleep
from typing import Any

import pytest

from contracts.inbound import Pulled
from hub.store.configuration import set_status
from hub.store.tables import source_positions
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
