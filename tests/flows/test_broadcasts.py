"""Broadcasts (S41): one message to each subscriber, stopped, gone on with, and not doubled by a crash."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, select, update

from contracts.broadcasts import Broadcast, BroadcastText
from hub.admin.acting import Actor
from hub.admin.broadcasts import BroadcastDesk
from hub.ingest import broadcasting
from hub.ingest.broadcasting import allowance, count_audience
from hub.store.broadcasts import (
    NotSo,
    begin_broadcast,
    broadcast_outcomes,
    count_deliveries,
    resume_broadcast,
    standing_broadcast,
    stop_broadcast,
)
from hub.store.erasing import erase_citizen
from hub.store.standing import BULK
from hub.store.tables import broadcasts, deliveries, items
from tests.flows.making import (
    described_hub,
    fresh,
    mail_folder,
    make_subscription,
    new_person,
    new_subscription_service,
    published,
    rows,
)
from tests.harness import ENTE

pytestmark = pytest.mark.req("S41")

IT = BroadcastText(title="Chiusura di {service}", body="Per **{title}**: chiuso lunedì.")
EN = BroadcastText(title="{service} closes", body="Closed on Monday.")


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("broadcasts")
    with described_hub(folder / "home", connectors=mail_folder(folder), sweep_s=300) as running:
        yield running


@pytest.fixture
def code(hub):
    """A subscription service of the test's own."""
    yield new_subscription_service(hub, name="Nido [blu]")
    for running in running_now(hub):
        with hub.home.database.write() as tx:
            stop_broadcast(tx, ENTE, running.broadcast_id)


def enrolled(hub, code, person=None, **fields):
    person = person or new_person()
    own = {
        "subscription_service": code,
        "title": "Nido di Ada",
        "recipient": {"tax_code": person, "email": "a@example.org"},
    }
    published(hub, "subscriptions", make_subscription(fresh(), **(own | fields)))
    return person


def begun(hub, code, *, per_second=200, **fields):
    content = Broadcast(code=code, it=IT, per_second=per_second, **fields)
    with hub.home.database.write() as tx:
        count = count_audience(hub.home.database, hub.home.vault, ENTE, content, tx.now)
        return begin_broadcast(tx, hub.home.vault, ENTE, content, count)


def read(hub, person):
    found = hub.read("/messages?limit=100", person).json()["items"]
    return [one for one in found if one["title"].startswith("Chiusura") or one["title"].endswith("closes")]


def read_any(hub, person):
    return hub.read("/items", person).json()["items"][0]["item_id"]


def state(hub, broadcast_id):
    with hub.home.database.read() as connection:
        row = standing_broadcast(connection, broadcast_id)
    return row["state"], row["written"], row["expected"]


def test_each_subscriber_reads_it_once_and_it_goes_out_as_bulk(hub, code):
    one, two = enrolled(hub, code), enrolled(hub, code)
    enrolled(hub, code, two, title="Nido di Bea")
    other_services, waiting = enrolled(hub, "nido-2026"), enrolled(hub, code, state="waitlisted")
    gone = enrolled(hub, code, state="ended")
    broadcast_id = begun(hub, code)
    hub.hub.after_sweep()
    assert state(hub, broadcast_id) == ("done", 2, 2)
    assert [len(read(hub, person)) for person in (one, two, other_services, waiting, gone)] == [1, 1, 0, 0, 0]
    (message,) = read(hub, one)
    assert message["title"] == "Chiusura di Nido [blu]"
    whole = hub.read(f"/items/{message['item_id']}", one).json()
    assert whole["content"]["body_markdown"] == "Per **Nido di Ada**: chiuso lunedì."
    sent = rows(hub, deliveries, message_id=message["item_id"])
    assert {row["channel"]: row["priority"] for row in sent if row["channel"] == "email"} == {"email": BULK}
    assert whole["content"]["kind"] == "broadcast"


def test_what_stands_still_besides_holds_up_no_broadcast(hub, code, monkeypatch):
    one = enrolled(hub, code)
    broadcast_id = begun(hub, code)
    with monkeypatch.context() as faulty:
        faulty.setattr(hub.hub._agenda, "keep_all", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            hub.hub.after_sweep()
    assert state(hub, broadcast_id) == ("done", 1, 1)
    assert len(read(hub, one)) == 1


def test_who_waits_for_a_place_is_written_to_where_that_is_asked_for(hub, code):
    waiting = enrolled(hub, code, state="waitlisted")
    assert state(hub, begun(hub, code)) == ("running", 0, 0)
    broadcast_id = begun(hub, code, waitlisted=True)
    hub.hub.after_sweep()
    assert state(hub, broadcast_id) == ("done", 1, 1)
    assert len(read(hub, waiting)) == 1


def test_who_has_renewed_is_written_to_until_the_last_day_of_the_old_period(hub, code):
    over, running = (
        enrolled(hub, code, state="renewed", valid_from="2020-09-01", valid_to=day)
        for day in ("2021-06-30", "2199-06-30")
    )
    broadcast_id = begun(hub, code)
    hub.hub.after_sweep()
    assert state(hub, broadcast_id) == ("done", 1, 1)
    assert [len(read(hub, person)) for person in (over, running)] == [0, 1]


def test_it_is_shown_at_the_level_of_the_subscription(hub, code):
    person = enrolled(hub, code)
    ours = items.c.citizen_id == rows(hub, items, item_id=read_any(hub, person))[0]["citizen_id"]
    with hub.home.database.write() as tx:  # what the floor of a service does to an item
        tx.connection.execute(update(items).where(items.c.ente_id == ENTE, ours).values(min_loa=3))
    broadcast_id = begun(hub, code)
    hub.hub.after_sweep()
    assert state(hub, broadcast_id) == ("done", 1, 1)
    with hub.home.database.read() as connection:
        query = select(items.c.collection, items.c.min_loa).where(items.c.ente_id == ENTE, ours)
        levels = {tuple(row) for row in connection.execute(query)}
    assert ("messages", 3) in levels
    assert {level for _, level in levels} == {3}


def test_it_is_not_shown_sooner_than_the_subscription(hub, code):
    person, other = enrolled(hub, code, visible_from="2099-01-01T00:00:00Z"), enrolled(hub, code)
    begun(hub, code)
    hub.hub.after_sweep()
    assert [len(read(hub, each)) for each in (person, other)] == [0, 1]


def test_in_the_language_of_the_subscription(hub, code):
    person, third = enrolled(hub, code, language="en"), enrolled(hub, code, language="de")
    begun(hub, code, en=EN)
    hub.hub.after_sweep()
    assert [read(hub, each)[0]["title"] for each in (person, third)] == ["Nido [blu] closes", "Chiusura di Nido [blu]"]


def test_co_holders_copies_are_nobodys_subscription(hub, code):
    holder, other = new_person(), new_person()
    enrolled(hub, code, holder, beneficiaries=[{"tax_code": other, "role": "co_holder"}])
    broadcast_id = begun(hub, code)
    hub.hub.after_sweep()
    assert state(hub, broadcast_id) == ("done", 1, 1)
    assert [len(read(hub, person)) for person in (holder, other)] == [1, 0]


def test_a_crash_between_and_within_portions_doubles_nothing_and_loses_nobody(hub, code, monkeypatch):
    people = [enrolled(hub, code) for _ in range(7)]
    monkeypatch.setattr(broadcasting, "PORTION", 2)
    broadcast_id = begun(hub, code)
    runner = hub.hub.broadcasts
    (running,) = running_now(hub)
    now = datetime.now(UTC)
    first = runner.portion(running, 2, now)
    assert runner.committer.write(runner.broadcasts.write, first) is True
    # Another process read the same portion before the commit of this one.
    assert runner.committer.write(runner.broadcasts.write, first) is False

    class Killed(Exception):
        pass

    def dies(tx, portions):
        runner.broadcasts.write(tx, portions)
        raise Killed

    (running,) = running_now(hub)
    with pytest.raises(Killed):
        runner.committer.write(dies, runner.portion(running, 2, now))
    assert state(hub, broadcast_id) == ("running", 2, 7)
    hub.hub.after_sweep()
    assert state(hub, broadcast_id) == ("done", 7, 7)
    assert [len(read(hub, person)) for person in people] == [1] * 7


def running_now(hub):
    with hub.home.database.read() as connection:
        return broadcasting.running_broadcasts(connection, hub.home.vault)


def test_stopped_it_writes_to_nobody_more_until_it_goes_on(hub, code):
    people = [enrolled(hub, code) for _ in range(3)]
    broadcast_id = begun(hub, code)
    runner = hub.hub.broadcasts
    (running,) = running_now(hub)
    runner.committer.write(runner.broadcasts.write, runner.portion(running, 1, datetime.now(UTC)))
    with hub.home.database.write() as tx:
        stop_broadcast(tx, ENTE, broadcast_id)
    hub.hub.after_sweep()
    assert state(hub, broadcast_id) == ("stopped", 1, 3)
    with pytest.raises(NotSo), hub.home.database.write() as tx:
        stop_broadcast(tx, ENTE, broadcast_id)
    with hub.home.database.write() as tx:
        resume_broadcast(tx, ENTE, broadcast_id)
    hub.hub.after_sweep()
    assert state(hub, broadcast_id) == ("done", 3, 3)
    assert [len(read(hub, person)) for person in people] == [1, 1, 1]


def test_who_is_erased_or_leaves_meanwhile_is_not_written_to(hub, code):
    stays, erased, leaves = enrolled(hub, code), enrolled(hub, code), new_person()
    item = make_subscription("leaves-" + fresh(), subscription_service=code, recipient={"tax_code": leaves})
    published(hub, "subscriptions", item)
    broadcast_id = begun(hub, code)
    (running,) = running_now(hub)
    portion = hub.hub.broadcasts.portion(running, 10, datetime.now(UTC))
    assert len(portion.messages) == 3
    published(hub, "subscriptions", item | {"version": 2, "state": "cancelled"})
    (its,) = {one["item_id"] for one in hub.read("/subscriptions", erased).json()["items"]}
    ((mine,),) = {(row["citizen_id"],) for row in rows(hub, items, item_id=its)}
    with hub.home.database.write() as tx:
        erase_citizen(tx, ENTE, mine)
    assert hub.hub.committer.write(hub.hub.broadcasts.broadcasts.write, portion) is True
    hub.hub.after_sweep()
    assert state(hub, broadcast_id) == ("done", 1, 3)
    assert [len(read(hub, person)) for person in (stays, leaves)] == [1, 0]


def test_whose_subscription_changes_between_the_reading_and_the_writing_is_written_to_all_the_same(hub, code):
    others, changes = [enrolled(hub, code) for _ in range(2)], new_person()
    item = make_subscription("changes-" + fresh(), subscription_service=code, recipient={"tax_code": changes})
    published(hub, "subscriptions", item)
    broadcast_id = begun(hub, code)
    (running,) = running_now(hub)
    portion = hub.hub.broadcasts.portion(running, 10, datetime.now(UTC))
    published(hub, "subscriptions", item | {"version": 2, "title": "Nido, sezione B"})
    assert hub.hub.committer.write(hub.hub.broadcasts.broadcasts.write, portion) is True
    assert state(hub, broadcast_id) == ("running", 2, 3)
    hub.hub.after_sweep()
    assert state(hub, broadcast_id) == ("done", 3, 3)
    assert [len(read(hub, person)) for person in (*others, changes)] == [1, 1, 1]


def test_who_subscribes_after_it_began_was_not_counted_and_is_not_written_to(hub, code):
    first = enrolled(hub, code)
    broadcast_id = begun(hub, code)
    late = enrolled(hub, code)
    hub.hub.after_sweep()
    assert state(hub, broadcast_id) == ("done", 1, 1)
    assert [len(read(hub, person)) for person in (first, late)] == [1, 0]


def test_outcomes_are_told_of_every_message_and_of_nobody(hub, code, monkeypatch):
    people = [enrolled(hub, code) for _ in range(3)]
    silent = enrolled(hub, code, notify={"channels": []})
    broadcast_id = begun(hub, code)
    hub.hub.after_sweep()
    monkeypatch.setattr("hub.store.broadcasts._PAGE", 2)
    with hub.home.database.read() as connection:
        outcomes = list(broadcast_outcomes(connection, ENTE, broadcast_id))
        counts = count_deliveries(connection, ENTE, broadcast_id)
    assert len({one["message_id"] for one in outcomes}) == 4
    assert sum(one["channel"] is None for one in outcomes) == 1
    assert sum(count["count"] for count in counts) == len(outcomes) - 1
    text = repr(outcomes) + repr(counts)
    assert not any(person in text for person in (*people, silent))


def test_its_text_is_sealed(hub, code):
    broadcast_id = begun(hub, code)
    with hub.home.database.read() as connection:
        row = connection.execute(select(broadcasts).where(broadcasts.c.broadcast_id == broadcast_id)).one()
    assert b"Chiusura" not in row.content_sealed


def test_the_pace_allows_so_many_a_second_and_does_not_catch_up_on_a_night():
    now = datetime(2026, 11, 26, tzinfo=UTC)
    assert allowance(now, now, 50) == 0
    assert allowance(now + timedelta(seconds=3), now, 50) == 0
    assert allowance(now - timedelta(seconds=2), now, 50) == 100
    assert allowance(now - timedelta(hours=9), now, 50) == 1500


def test_a_slow_one_writes_no_more_than_its_pace(hub, code):
    for _ in range(4):
        enrolled(hub, code)
    broadcast_id = begun(hub, code, per_second=1)
    (running,) = running_now(hub)
    # One second's worth is there at the start; what is written pushes the next one back.
    assert hub.hub.broadcasts._one(running) == 1
    (after,) = running_now(hub)
    assert state(hub, broadcast_id)[1] >= 1
    assert after.paced_at - running.paced_at == timedelta(seconds=state(hub, broadcast_id)[1])
    with hub.home.database.write() as tx:
        stop_broadcast(tx, ENTE, broadcast_id)


@contextmanager
def statements_in(connection):
    """The statements that a connection makes through Core, beside those of whoever else is at work."""
    seen = []

    def note(_connection, _cursor, statement, *_):
        seen.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(connection, "before_cursor_execute", note)


def statements_for(hub, persons):
    """Those that write a broadcast to so many."""
    code = new_subscription_service(hub)
    for person in (new_person() for _ in range(persons)):
        enrolled(hub, code, person, recipient={"tax_code": person})  # whose own address is looked for
    broadcast_id = begun(hub, code)
    runner = hub.hub.broadcasts
    (one,) = [each for each in running_now(hub) if each.broadcast_id == broadcast_id]
    portion = runner.portion(one, 200, datetime.now(UTC))
    told = []

    def write(tx, portions):
        with statements_in(tx.connection) as seen:
            results = runner.broadcasts.write(tx, portions)
        told.append(seen)
        return results

    assert runner.committer.write(write, portion)
    assert state(hub, broadcast_id) == ("done", persons, persons)
    return told[-1]


def test_a_commit_asks_as_often_for_many_messages_as_for_one(hub):
    """Others write meanwhile: they wait for the commit, and each question in it is a journey to the server."""
    assert len(statements_for(hub, 6)) == len(statements_for(hub, 1))


def test_to_stop_one_and_to_see_how_far_it_is_counts_nothing(hub, code):
    """What is written goes on meanwhile: of 100,000 messages a count takes seconds."""
    for _ in range(12):  # the hub goes on by itself as well: nobody waits for twelve seconds here
        enrolled(hub, code)
    broadcast_id = begun(hub, code, per_second=1)
    hub.hub.broadcasts.go_on()
    order = BroadcastDesk(hub.home.database, hub.home.vault).stop(Actor(ENTE, "anna"), broadcast_id)
    with hub.home.database.write() as tx, statements_in(tx.connection) as seen:
        told = order.do(tx).answer
    assert len(seen) > 1
    with hub.home.database.read() as connection, statements_in(connection) as looks:
        standing = standing_broadcast(connection, broadcast_id)
    assert len(looks) == 1
    assert [one for one in seen + looks if "deliveries" in one or "item_identities" in one] == []
    assert (told["state"], told["written"]) == (standing["state"], standing["written"])
    assert told["state"] == "stopped"
    assert 1 <= told["written"] < 12
