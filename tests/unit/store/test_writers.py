"""Several processes write into one PostgreSQL at once: what each is told holds, and nothing is counted twice."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from types import SimpleNamespace

import orjson
import pytest
from sqlalchemy import select, text

from contracts.connector import Limits
from contracts.positions import Numbering
from contracts.settling import SETTLED
from hub.errors import QuotaExceeded, StoreUnavailable, VersionConflict
from hub.store import bulk, postgres, seats
from hub.store.amendments import Withdraw, Withdrawn
from hub.store.chain import verify_chain
from hub.store.committer import Committer
from hub.store.costs import Costs, note_costs
from hub.store.database import Database
from hub.store.drafts import Enclosure, Identity, Numbers, PlannedDelivery, Published, Registration
from hub.store.intake import Submission
from hub.store.listening import Listener
from hub.store.notice_keys import notice_key
from hub.store.outbox import Due, claim
from hub.store.seats import Seat
from hub.store.standing import Lane
from hub.store.sweeping import Sweep, sweep
from hub.store.tables import citizens, evidence, items, notice_numbers, quota_usage, replays, timeline
from tests.harness import eventually
from tests.unit.store.following import seen_while
from tests.unit.store.making import ENTE, START, Store, make_draft

OTHER = "1" * 64
ROUNDS = 50
CREDITOR = "00488410010"


@pytest.fixture(scope="module")
def kind():
    return "postgresql"


@contextmanager
def processes(store, count):
    """As many writers as processes would be: each with a pool, a cache and a committer of its own."""
    made = []
    for _ in range(count):
        own = Database(store.database._url, store.clock)
        one = Store(own, store.clock, store.vault, store.numbers)
        one.committer = Committer(own)
        one.committer.start()
        made.append(one)
    try:
        yield made
    finally:
        for one in made:
            one.committer.close()
            one.database.close()


def at_once(*calls):
    """The result of each call, all begun together."""
    barrier = threading.Barrier(len(calls))

    def run(call):
        barrier.wait()
        try:
            return call()
        except Exception as exc:
            return exc

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def publishing(one, draft, **signed):
    submission = Submission(one.signed(**signed), act=draft)
    return lambda: one.committer.write(one.intake.record, submission)


def payment(name, **fields):
    identity = Identity(ENTE, "acme", "tributi", f"p-{name}", "payments")
    made = {"identity": identity, "state": "due", "reported_state": "due", "notice_key": name, "deliveries": ()}
    return make_draft(**(made | fields))


def receipt(name):
    identity = Identity(ENTE, "acme", "tributi", f"r-{name}", "receipts")
    return make_draft(identity=identity, notice_key=name, deliveries=())


def test_the_same_item_from_two_processes_is_one_item(store):
    with processes(store, 2) as both:
        for n in range(ROUNDS):
            answers = at_once(*(publishing(one, make_draft(f"m-{n}", tax_code=f"{n}")) for one in both))
            assert sorted(answer.outcome for answer in answers) == ["created", "unchanged"]
    assert len(store.rows(items)) == len(store.rows(citizens)) == len(store.deliveries()) == ROUNDS


def test_a_payment_and_its_receipt_published_at_once_end_paid(store):
    """Neither saw the other, as both were new: the payment stayed unpaid, and the citizen was asked for it."""
    with processes(store, 2) as (one, other):
        for n in range(ROUNDS):
            for answer in at_once(publishing(one, payment(f"n{n}")), publishing(other, receipt(f"n{n}"))):
                assert answer.outcome == "created"
    assert {row["state"] for row in store.rows(items) if row["collection"] == "payments"} == {"paid"}


def test_the_last_two_instalments_paid_at_once_pay_the_payment_once_and_are_told_once(store):
    """Each saw its own instalment alone, and the payment stayed due; or both paid it."""
    numbering = Numbering(CREDITOR, 47)
    store.connector("send")

    def name(n, part):
        return f"3470000{n:05}{part:06}"

    def keyed(number):
        return notice_key(store.vault.keyed_hash, CREDITOR, number)

    def in_parts(n):
        """The payment, and the message that notifies it."""
        parts = [{"notice_number": name(n, part), "due_date": "2026-12-16", "amount_cents": 1} for part in (1, 2)]
        content = {"creditor_tax_code": CREDITOR, "position": {"installments": parts}}
        more = {"payload": orjson.dumps(content), "instalments": tuple(keyed(each["notice_number"]) for each in parts)}
        made = payment(f"w{n}", registration=Registration("gpd", timedelta(days=30), numbering), **more)
        encloses = {"links": (("payment", f"p-w{n}"),), "encloses": (Enclosure("/links/0", made.identity),)}
        planned = PlannedDelivery("send", "send", timedelta(days=7))
        return made, make_draft(f"told-{n}", deliveries=(planned,), **encloses)

    with processes(store, 2) as (one, other):
        for n in range(ROUNDS):
            for draft in in_parts(n):
                store.publish(draft)
            receipts = (receipt(keyed(name(n, part))) for part in (1, 2))
            calls = (publishing(each, draft) for each, draft in zip((one, other), receipts, strict=True))
            assert [answer.outcome for answer in at_once(*calls)] == ["created", "created"]
    payments = {row["item_id"]: row for row in store.rows(items) if row["collection"] == "payments"}
    assert {row["state"] for row in payments.values()} == {"paid"}
    paid = Counter(row["item_id"] for row in store.rows(timeline) if row["event"] == "paid")
    settled = Counter(row["message_id"] for row in store.deliveries() if row["channel"] == SETTLED)
    assert paid == settled == dict.fromkeys(payments, 1)
    assert len(payments) == ROUNDS


def test_a_cost_and_another_debtors_payment_at_once_leave_nobody_without(store):
    """Who published the notice found no cost yet, and who noted it no such payment."""
    content = {"payload": orjson.dumps({"amount_cents": 1000})}
    with processes(store, 2) as (one, other):
        for n in range(ROUNDS):
            store.publish(
                payment(f"c{n}", identity=Identity(ENTE, "acme", "tributi", f"first-{n}", "payments"), **content)
            )
            noting = partial(one.committer.write, note_costs, Costs(ENTE, "send", {f"c{n}": 200}))
            late = publishing(other, payment(f"c{n}", tax_code="VRDLGU80A01H501U", **content))
            assert not [each for each in at_once(noting, late) if isinstance(each, Exception)]
    assert [row["cost_cents"] for row in store.rows(items)] == [200] * 2 * ROUNDS


def test_two_new_versions_at_once_one_of_which_conflicts(store):
    with processes(store, 2) as (one, other):
        for n in range(ROUNDS):
            store.publish(make_draft(f"m-{n}"))
            drafts = [make_draft(f"m-{n}", version=2, content_hash=each) for each in (OTHER, "2" * 64)]
            answers = at_once(publishing(one, drafts[0]), publishing(other, drafts[1]))
            assert sorted(type(answer).__name__ for answer in answers) == ["Published", "VersionConflict"]
            (row,) = [row for row in store.rows(items) if row["version"] == 2 and row["item_id"] == item_of(answers)]
            assert row["content_hash"] == (OTHER if isinstance(answers[1], VersionConflict) else "2" * 64)


def item_of(answers):
    (item_id,) = [answer.item_id for answer in answers if isinstance(answer, Published)]
    return item_id


def test_of_one_token_used_in_two_processes_one_use_is_accepted(store):
    with processes(store, 2) as both:
        for n in range(ROUNDS):
            calls = [publishing(one, make_draft(f"{n}-{which}"), jti=f"once-{n}") for which, one in enumerate(both)]
            names = sorted(type(answer).__name__ for answer in at_once(*calls))
            assert names == ["Published", "TokenReplayed"]
    assert len(store.rows(replays)) == ROUNDS


def test_a_quota_is_exact_over_processes(store):
    with processes(store, 3) as all_three:
        calls = [
            publishing(one, make_draft(f"{n}-{which}"), daily_quota=10)
            for n in range(7)
            for which, one in enumerate(all_three)
        ]
        answers = at_once(*calls)
    assert [isinstance(answer, QuotaExceeded) for answer in answers].count(False) == 10
    assert [row["used"] for row in store.rows(quota_usage)] == [10]


def test_no_delivery_is_claimed_by_two(store):
    wide = {Lane(ENTE, "io"): Limits(concurrency=100, burst=1000, rate_per_s=1000)}
    store.connector()
    store.publish(*[make_draft(f"m-{n}") for n in range(60)])
    with processes(store, 3) as all_three:

        def drain(one):
            found = []
            while True:
                claims = one.committer.write(claim, Due(3, timedelta(minutes=1), limits=wide))
                if not claims:
                    return found
                found += claims

        drains = [partial(drain, one) for one in all_three]
        found = [each.delivery_id for claims in at_once(*drains) for each in claims]
        store.run(claim, Due(60, timedelta(minutes=1), limits=wide))
    assert len(found) == len(set(found))
    assert all(row["claim_id"] for row in store.deliveries())


def test_a_process_that_starts_leaves_the_claims_of_others_alone(store):
    store.connector()
    store.publish(make_draft())
    (claims,) = store.run(claim, Due(1, timedelta(minutes=1)))
    with processes(store, 1) as (other,):
        other.committer.write(sweep, Sweep(frozenset()))
    (row,) = store.deliveries()
    assert row["claim_id"] == claims[0].claim_id


def test_changes_never_misses_an_item_of_four_writers(store):
    with processes(store, 4) as writers:

        def write(which):
            for n in range(40):
                publishing(writers[which], make_draft(f"{which}-{n}", tax_code=str(which)))()

        assert seen_while(store, *(partial(write, which) for which in range(4))) == list(range(1, 161))


def test_each_process_has_a_chain_of_its_own_and_all_hold(store):
    with processes(store, 3) as all_three:
        for n in range(10):
            at_once(*(publishing(one, make_draft(f"{n}-{which}")) for which, one in enumerate(all_three)))
    assert len({row["writer_id"] for row in store.rows(evidence)}) == 3
    with store.database.read() as connection:
        assert list(verify_chain(connection, {})) == []


def test_updates_of_the_same_items_in_any_order_block_nobody_for_ever(store):
    names = [f"m-{n}" for n in range(6)]
    store.publish(*map(make_draft, names))
    with processes(store, 2) as (one, other):
        for version in range(2, 22):
            drafts = [make_draft(name, version=version, content_hash=OTHER) for name in names]
            forth = [publishing(one, draft) for draft in drafts]
            back = [publishing(other, draft) for draft in reversed(drafts)]
            for answer in at_once(*forth, *back):
                assert answer.outcome in ("updated", "unchanged")
    assert {row["version"] for row in store.rows(items)} == {21}


def test_acts_of_several_kinds_in_a_batch_block_nobody_for_ever(store):
    """One process published what the other withdrew, and the other way round: a deadlock, a second each time."""
    names = [f"m-{n}" for n in range(2)]
    first, second = store.publish(*map(make_draft, names))
    with processes(store, 2) as both:

        def mixed(one, name, item_id, version):
            update = make_draft(name, version=version, content_hash=OTHER)
            acts = (update, Withdraw(item_id, "x"))
            return lambda: one.run(one.intake.record, *(Submission(one.signed(), act=act) for act in acts))

        for version in range(2, 22):
            calls = (
                mixed(one, name, made.item_id, version)
                for one, name, made in zip(both, names, (second, first), strict=True)
            )
            assert [type(answers) for answers in at_once(*calls)] == [list, list]


def waiting(store):
    """How many wait for another's lock."""
    with store.database.read() as connection:
        return connection.execute(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        ).scalar_one()


def test_a_sweeper_does_not_undo_what_is_accepted_meanwhile(store):
    """It read an item to be shown, a withdrawal was committed, and it wrote the item back as it had read it."""
    (made,) = store.publish(make_draft(visible_from=START + timedelta(hours=1)))
    store.clock.pass_by(hours=1)
    with processes(store, 1) as (other,), ThreadPoolExecutor() as pool:
        with store.database.write() as tx:
            withdrawal = Submission(store.signed(), act=Withdraw(made.item_id, "x"))
            (answer,) = store.intake.record(tx, [withdrawal])
            sweeping = pool.submit(other.run, sweep, Sweep(frozenset()))
            eventually(lambda: sweeping.done() or waiting(store), bool)
        sweeping.result()
    assert isinstance(answer, Withdrawn)
    assert [row["lifecycle"] for row in store.rows(items)] == ["withdrawn"]


# --- connections that break


def cut(store):
    """Every connection to the database but our own ends, as at a restart of the server."""
    with store.database.write() as tx:
        tx.connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


def test_a_writer_whose_connection_broke_meanwhile_writes_on_another(store):
    with processes(store, 1) as (one,):
        publishing(one, make_draft("m-1"))()
        cut(store)
        assert publishing(one, make_draft("m-2"))().outcome == "created"


def test_a_connection_that_lay_idle_is_tried_before_it_is_handed_out(store, monkeypatch):
    """A reader has no second try of its own."""
    with processes(store, 1) as (one,):
        with one.database.read() as connection, one.database.read() as another:
            assert connection.execute(select(1)).scalar() == another.execute(select(1)).scalar()
        cut(store)
        monkeypatch.setattr(postgres, "IDLE_S", 0)
        for _ in range(2):
            with one.database.read() as connection:
                assert connection.execute(select(1)).scalar() == 1


def test_a_connection_that_lay_idle_in_its_seat_is_tried_too(store, monkeypatch):
    """The seat gives it back and takes it again in one moment, in which it must not pass for one in constant use."""
    with processes(store, 1) as (one,):
        seat = Seat()
        with one.database.write(seat) as tx:
            assert tx.connection.execute(select(1)).scalar() == 1
        cut(store)
        later = SimpleNamespace(monotonic=lambda: time.monotonic() + 60)
        for module in (seats, postgres):
            monkeypatch.setattr(module, "time", later)
        with one.database.write(seat) as tx:
            assert tx.connection.execute(select(1)).scalar() == 1
        seat.leave()


def test_a_connection_that_breaks_under_a_batch_loses_nothing(store):
    tried = []

    def record(tx, submissions):
        if not tried:
            tried.append(cut(store))
        return one.intake.record(tx, submissions)

    with processes(store, 1) as (one,):
        answer = one.committer.write(record, Submission(one.signed(), act=make_draft()))
    assert answer.outcome == "created"
    assert len(store.rows(items)) == 1


def test_a_commit_of_which_nobody_knows_is_not_repeated_and_begins_a_new_chain(store, monkeypatch):
    """Its second try would be told that its own token is used; and its root, had it been written, stands in the way."""
    tried, run = [], bulk._RUN["postgresql"]

    def cut_once(connection, statements):
        if statements[-1][0] == "COMMIT" and not tried:
            tried.append("to commit")
            cut(store)
        return run(connection, statements)

    with processes(store, 1) as (one,):
        publishing(one, make_draft("m-0"))()
        monkeypatch.setitem(bulk._RUN, "postgresql", cut_once)
        with pytest.raises(StoreUnavailable):
            publishing(one, make_draft("m-1"))()
        assert publishing(one, make_draft("m-2"))().outcome == "created"
    assert len({row["writer_id"] for row in store.rows(evidence)}) == 2
    with store.database.read() as connection:
        assert list(verify_chain(connection, {})) == []


# --- parts and hints


def test_one_process_plays_a_part_until_it_goes(store):
    with processes(store, 2) as (one, other):
        first, second = one.database.singleton("anchor"), other.database.singleton("anchor")
        assert (first.held(), second.held(), first.held()) == (True, False, True)
        another = other.database.singleton("something else")
        assert another.held()
        another.release()
        first.release()
        assert second.held()
        cut(store)
        assert not second.held()
        assert second.held()
        second.release()


def test_a_commit_that_queues_rings_in_another_process_and_no_other_does(store):
    rung = threading.Semaphore(0)
    listener = Listener(store.database, rung.release)
    listener.start()
    try:
        assert rung.acquire(timeout=20)  # it may have missed something
        with processes(store, 1) as (one,):
            publishing(one, make_draft("m-1", deliveries=()))()
            publishing(one, make_draft("m-2"))()
            assert rung.acquire(timeout=20)
        assert not rung.acquire(timeout=0.1)
    finally:
        listener.stop()


def test_a_listener_whose_connection_broke_listens_again(store, monkeypatch):
    monkeypatch.setattr("hub.store.listening._RETRY_S", 0.01)
    rung = []
    listener = Listener(store.database, lambda: rung.append(1))
    listener.start()
    try:
        eventually(lambda: len(rung), lambda count: count == 1)
        cut(store)
        eventually(lambda: len(rung), lambda count: count == 2)
    finally:
        listener.stop()


def test_two_machines_that_migrate_at_once_migrate_once(store):
    with processes(store, 2) as both:
        newest = store.database.newest_revision()
        assert at_once(*(one.database.migrate for one in both)) == [(newest, newest)] * 2


def test_two_processes_never_give_one_notice_number_twice(store):
    """They count for two creditors, crosswise, and at times for the very same payment."""
    numberings = [Numbering("00488410010", 47), Numbering("06363391001", 47)]

    def numbered(name, numbering):
        registration = Registration("gpd", timedelta(days=30), numbering)
        return payment(name, notice_key=None, registration=registration, numbers=Numbers(numbering, (0,)))

    with processes(store, 2) as both:
        for n in range(ROUNDS):
            calls = [
                publishing(one, numbered(f"{n}-{who}-{each.creditor_tax_code}", each))
                for who, one in enumerate(both)
                for each in (numberings if who else numberings[::-1])
            ]
            calls += [publishing(one, numbered(f"{n}-same", numberings[0])) for one in both]
            assert all(isinstance(answer, Published) for answer in at_once(*calls))
    given = [row for row in store.rows(notice_numbers) if row["item_id"] is not None]
    assert len({(row["creditor_tax_code"], row["notice_number"]) for row in given}) == len(given) == 5 * ROUNDS
    keys = {row["item_id"]: row["notice_key"] for row in store.rows(items)}
    for row in given:
        number = (row["creditor_tax_code"], row["notice_number"])
        assert keys[row["item_id"]] == notice_key(store.vault.keyed_hash, *number)
