"""What of a source cannot be had must not hold up the rest; what it has no more is taken back, but not all at once."""

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import delete, update

from contracts.failures import Deferred, Failure
from contracts.inbound import Found, Pulled, Stuck, Wrong
from hub.store.tables import missing_records, quarantine, source_positions
from tests.flows.making import fresh, rows
from tests.flows.sources import Source, found_of, hub_with, quarantined, record, titles_of
from tests.harness import ENTE, HubUnderTest, eventually

GONE = "non c'è più"


@pytest.fixture(scope="module")
def source(kind: str) -> Source:
    """A new one for each database: what a test left it saying is not what the next hub begins with."""
    return Source()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, kind: str, source: Source) -> Iterator[HubUnderTest]:
    own = {"pass_over_tries": 3, "pass_over_after_s": 3600, "withdraw_at_most": 2, "poll_every_s": 86_400}
    with hub_with(tmp_path_factory.mktemp("stuck") / "home", source, **own) as hub:
        polling = hub.hub.inbound.polling
        eventually(lambda: rows(hub, source_positions), lambda found: found and found[0]["read_at"])
        # From now on only the tests read: each try counts.
        polling._turn.release()
        polling._turn = SimpleNamespace(held=lambda: False, release=lambda: None)
        eventually(lambda: polling._busy, lambda busy: not busy)
        yield hub


@pytest.fixture(autouse=True)
def _anew(hub: HubUnderTest, source: Source) -> None:
    with hub.home.database.write() as tx:
        tx.connection.execute(delete(missing_records))
        tx.connection.execute(update(quarantine).values(decided="discarded", raw_sealed=None))


def polled(hub: HubUnderTest) -> Any:
    """A round, as by another process: the failure, or the counts."""
    config = hub.hub.inbound.polling._configs()[ENTE, "odd"]
    try:
        tally = hub.hub.inbound.polling.once(config)
    except Failure as failure:
        return failure.reason
    assert tally is not None
    return tally.counts


def position(hub: HubUnderTest) -> dict[str, Any]:
    (found,) = rows(hub, source_positions)
    return found


def in_three(source: Source, person: str, *, is_there: Any = lambda: None, tries: int | None = None) -> list[str]:
    """The source has three records, and the second cannot be had. What was asked of it."""
    asked: list[str] = []
    first, lost, last = (record(person, title=title) for title in ("Prima", "Persa", "Ultima"))

    def past() -> Pulled:
        is_there()
        wrong = (Wrong("", "odd.busy", "asked for in vain"),)
        return Pulled({"at": 2}, found=(Found(lost["external_id"], b"{}", wrong=wrong),), more=True)

    def pull(memo: dict[str, Any]) -> Pulled:
        at = memo.get("at", 0)
        asked.append(str(at))
        if at == 0:
            return Pulled({"at": 1}, found=(found_of(first),), more=True)
        if at == 1:
            raise Stuck(Deferred("odd.busy"), past, tries=tries)
        return Pulled({}, found=(found_of(last),))

    source.pull = pull
    return asked


def long_ago(hub: HubUnderTest) -> None:
    """As if what fails had begun to fail an hour and more before."""
    with hub.home.database.write() as tx:
        since = tx.now - timedelta(seconds=3601)
        tx.connection.execute(update(source_positions).values(failing_since=since))


def test_what_cannot_be_had_is_passed_over_after_so_many_tries_and_so_long(hub, source, person, raccordo):
    asked = in_three(source, person)
    assert polled(hub) == "odd.busy"
    # The count is the store's: another process goes on with it.
    assert "odd.busy" in raccordo("connector", "poll", "odd", code=1)
    assert position(hub)["failures"] == 2
    assert polled(hub) == "odd.busy", "three times, but within moments: an outage of a minute costs nothing"
    assert titles_of(hub, person) == ["Prima"]
    long_ago(hub)
    assert polled(hub)["quarantined"] == 1
    assert asked == ["0", "1", "1", "1", "1", "2"]
    assert titles_of(hub, person) == ["Prima", "Ultima"]
    assert [each["wrong"][0]["code"] for each in quarantined(raccordo)] == ["odd.busy"]
    assert (position(hub)["failures"], position(hub)["failing_since"]) == (0, None)


def test_what_a_source_answers_so_to_one_question_alone_is_not_waited_for_so_long(hub, source, person):
    in_three(source, person, tries=2)
    assert polled(hub) == "odd.busy"
    assert polled(hub)["quarantined"] == 1
    assert titles_of(hub, person) == ["Prima", "Ultima"]


def test_an_outage_of_the_whole_source_is_waited_out(hub, source, person, raccordo):
    def away() -> None:
        raise Deferred("odd.away")

    in_three(source, person, is_there=away)
    for _ in range(3):
        polled(hub)
    long_ago(hub)
    assert [polled(hub) for _ in range(3)] == ["odd.away"] * 3
    assert quarantined(raccordo) == []
    source.pull = lambda _memo: Pulled({})
    polled(hub)


def test_what_was_passed_over_and_comes_leaves_the_quarantine_with_nothing_said_of_it(hub, source, raccordo):
    wrong = (Wrong("", "odd.busy", "asked for in vain"),)
    source.pull = lambda _memo: Pulled({}, found=(Found("list", b"{}", wrong=wrong),))
    assert polled(hub)["quarantined"] == 1
    assert [each["name"] for each in quarantined(raccordo)] == ["list"]
    source.pull = lambda _memo: Pulled({}, found=(Found("list", b""), Found("never-seen", b"")))
    assert polled(hub)["passed"] == 2
    assert quarantined(raccordo) == []
    assert polled(hub) == {"passed": 1, "unchanged": 1}


def has(source: Source, made: list[dict[str, Any]]) -> None:
    """The source says that it has these, and no others."""
    names = frozenset(each["external_id"] for each in made)
    beginning = made[0]["external_id"].partition(".")[0]
    source.pull = lambda _memo: Pulled({}, found=tuple(found_of(each) for each in made), all_names={beginning: names})


@pytest.fixture
def four(hub: HubUnderTest, source: Source, person: str) -> list[dict[str, Any]]:
    of = fresh("four")
    made = [record(person, title=f"Voce {n}") | {"external_id": f"{of}.{n}"} for n in range(4)]
    has(source, made)
    polled(hub)
    assert len(titles_of(hub, person)) == 4
    return made


def test_what_a_source_lists_no_more_is_taken_back_once_it_says_so_itself(hub, source, person, raccordo, four):
    source.looks = lambda _name: None  # it has it after all: a page that moved
    has(source, four[1:])
    polled(hub)
    assert len(titles_of(hub, person)) == 4
    assert raccordo("connector", "missing", "odd", "--json") == []

    source.looks = lambda name: Found(name, b"{}", withdrawn=GONE)
    assert "1 withdrawn" in raccordo("connector", "poll", "odd")
    assert titles_of(hub, person) == ["Voce 1", "Voce 2", "Voce 3"]
    (told,) = raccordo("connector", "missing", "odd", "--withdrawn", "--json")
    assert (told["name"], told["withdrawn_at"] is not None) == (four[0]["external_id"], True)
    source.looks = fail  # nobody asks again
    polled(hub)

    # What was taken back stays so (`item.withdrawn`): one that comes again is an administrator's to see.
    has(source, four)
    polled(hub)
    assert [each["wrong"][0]["code"] for each in quarantined(raccordo)] == ["item.withdrawn"]


def fail(_name: str) -> Found:
    raise AssertionError("asked about nothing")


def test_a_question_without_an_answer_takes_nothing_back_and_is_asked_again(hub, source, person, raccordo, four):
    def away(_name: str) -> Found:
        raise Deferred("odd.away")

    source.looks = away
    has(source, four[1:])
    polled(hub)
    assert [each["name"] for each in raccordo("connector", "missing", "odd", "--json")] == [four[0]["external_id"]]
    source.looks = lambda name: Found(name, b"{}", withdrawn=GONE)
    source.pull = lambda _memo: Pulled({})  # a round that lists nothing
    polled(hub)
    assert titles_of(hub, person) == ["Voce 1", "Voce 2", "Voce 3"]


def test_a_source_that_denies_more_than_a_days_worth_takes_nothing_back(hub, source, person, raccordo, four):
    asked: list[str] = []
    source.looks = lambda name: asked.append(name) or Found(name, b"{}", withdrawn=GONE)
    has(source, four[3:])
    polled(hub)
    assert (len(titles_of(hub, person)), asked) == (4, [])
    (reading,) = [each for each in hub_readings(hub) if each["connector_id"] == "odd"]
    assert reading["missing"] == len(raccordo("connector", "missing", "odd", "--json")) == 3
    has(source, four[2:])  # one has come back: two are as many as may be
    polled(hub)
    assert titles_of(hub, person) == ["Voce 2", "Voce 3"]
    has(source, four[3:])
    polled(hub)
    assert titles_of(hub, person) == ["Voce 2", "Voce 3"], "two were taken back today"
    with hub.home.database.write() as tx:
        day = tx.now - timedelta(hours=25)
        tx.connection.execute(
            update(missing_records).where(missing_records.c.withdrawn_at.is_not(None)).values(withdrawn_at=day)
        )
    polled(hub)
    assert titles_of(hub, person) == ["Voce 3"]


def hub_readings(hub: HubUnderTest) -> list[dict[str, Any]]:
    with hub.home.database.read() as connection:
        return [view for _, view in hub.hub.sources.readings(connection, ENTE)]


def test_what_is_said_to_be_missing_is_asked_about_and_what_nobody_knows_is_not(hub, source, person, raccordo, four):
    source.looks = lambda name: Found(name, b"{}", withdrawn=GONE)
    name = four[0]["external_id"]
    source.pull = lambda _memo: Pulled({}, found=(Found(name, b"", missing=True), Found("stranger", b"", missing=True)))
    polled(hub)
    assert titles_of(hub, person) == ["Voce 1", "Voce 2", "Voce 3"]
    assert quarantined(raccordo) == []
    assert raccordo("connector", "missing", "odd", "--json") == []


def taken_back(raccordo: Any) -> list[str]:
    return [each["name"] for each in raccordo("connector", "missing", "odd", "--withdrawn", "--json")]


def test_what_was_taken_back_counts_though_it_is_said_to_be_missing_again(hub, source, person, raccordo, four):
    source.looks = lambda name: Found(name, b"{}", withdrawn=GONE)
    gone = [each["external_id"] for each in four[:2]]
    for _ in range(2):  # as a webhook says it once more
        source.pull = lambda _memo: Pulled({}, found=tuple(Found(name, b"", missing=True) for name in gone))
        polled(hub)
        assert taken_back(raccordo) == gone
    has(source, four[3:])
    polled(hub)
    assert titles_of(hub, person) == ["Voce 2", "Voce 3"], "two were taken back today"


def test_what_was_taken_back_counts_though_the_process_ended_before_it_was_noted(
    hub, source, person, raccordo, four, monkeypatch
):
    name = four[0]["external_id"]
    source.looks = lambda name: Found(name, b"{}", withdrawn=GONE)
    has(source, four[1:])
    with monkeypatch.context() as patch:
        patch.setattr("hub.inbound.missing.Settled", killed)
        with pytest.raises(SystemExit):
            polled(hub)
    assert titles_of(hub, person) == ["Voce 1", "Voce 2", "Voce 3"]
    polled(hub)
    assert taken_back(raccordo) == [name]


def killed(*_: Any) -> Any:
    raise SystemExit


def test_those_that_a_source_never_tells_of_do_not_hide_the_others(hub, source, person, monkeypatch, four):
    monkeypatch.setattr("hub.inbound.missing._MOST_UNTOLD", 1)
    untold = four[0]["external_id"]

    def looks(name: str) -> Found:
        if name == untold:
            raise Deferred("odd.breaks")
        return Found(name, b"{}", withdrawn=GONE)

    source.looks = looks
    has(source, four[2:])
    for _ in range(40):
        polled(hub)
    assert titles_of(hub, person) == ["Voce 0", "Voce 2", "Voce 3"]
