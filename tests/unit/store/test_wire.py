"""Statements that go to PostgreSQL by libpq itself: their values and rows, their faults, and what the server keeps."""

import random
import threading
from collections import Counter
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import pytest
from psycopg import errors
from psycopg.pq import ExecStatus
from sqlalchemy import func, insert, select
from sqlalchemy.exc import DBAPIError

from hub.store import bulk
from hub.store.bulk import insert_rows, select_rows
from hub.store.faults import CommitUnknown, error_name, may_pass
from hub.store.postgres_wire import MOST_PREPARED, _Journey, run
from hub.store.tables import versions

pytestmark = pytest.mark.parametrize("kind", ["postgresql"], indirect=True)

KEPT = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'raccordo%%'"


@pytest.fixture
def wire(store):
    with connected(store) as connection:
        yield connection


@contextmanager
def connected(store):
    with closing(store.database.engine.raw_connection()) as raw:
        yield raw.driver_connection


def named(name, value=1):
    return ("INSERT INTO versions (name, value) VALUES (%s, %s)", (name, value))


def names_in(store):
    return {row["name"] for row in store.rows(versions)}


@pytest.mark.parametrize("binary", [False, True])
def test_values_come_back_as_they_were_given_however_often(wire, binary):
    given = ("'\"\\%s $1 àèß😀\n", b"\x00\xff%b", 2**40, 7, None, 3.5, True, datetime(2026, 11, 27, tzinfo=UTC))
    casts = ("text", "bytea", "int8", "int4", "text", "float8", "bool", "timestamptz")
    points = ["%b" if each == "bytea" else "%s" for each in casts]
    query = "SELECT " + ", ".join(f"{p}::{c}" for p, c in zip(points, casts, strict=True)) + ", 7 %% 4"
    for _ in range(4):
        assert run(wire, [(query, given)], binary=binary) == [[(*given, 3)]]


def test_a_value_that_is_named_twice_is_sent_once(wire):
    query = ("SELECT %(a)s::text, %(b)s::text, %(a)s::text, '%%(c)s'", {"b": "2", "a": "1", "not asked for": "3"})
    assert run(wire, [query, query]) == [[("1", "2", "1", "%(c)s")]] * 2


def test_a_number_may_be_small_once_and_large_the_next_time(wire):
    for value in (1, 2**20, 2**40, 1, 2**20, 2**40):
        assert run(wire, [("SELECT %s + 0", (value,))]) == [[(value,)]]


def test_what_follows_a_fault_is_not_done_and_the_connection_goes_on(store, wire):
    for _ in range(3):
        with pytest.raises(errors.UniqueViolation):
            run(wire, [named("before"), named("trust"), named("after")])
        wire.rollback()
    assert names_in(store).isdisjoint({"before", "after"})
    run(wire, [named("before"), named("after")])
    wire.commit()
    assert {"before", "after"} <= names_in(store)


def test_a_value_that_no_text_can_hold_is_refused_before_anything_is_sent(store, wire):
    with pytest.raises(errors.DataError):
        run(wire, [named("before"), named("a\0b")])
    run(wire, [named("after")])
    wire.commit()
    assert "after" in names_in(store)
    assert "before" not in names_in(store)


def test_statements_stay_planned_over_a_rollback(wire):
    for n in range(3):
        run(wire, [named(f"x{n}")])
        wire.rollback()
    assert run(wire, [(KEPT, ())]) == [[(2,)]]  # that of the rows, and BEGIN


def test_where_the_server_forgot_them_the_next_try_goes(store, wire):
    for n in range(2):
        run(wire, [named(f"x{n}")])
    run(wire, [("DEALLOCATE ALL", ())])
    with pytest.raises(errors.InvalidSqlStatementName) as missing:
        run(wire, [named("y")])
    assert may_pass(DBAPIError.instance(None, None, missing.value, errors.Error))
    wire.rollback()
    for n in range(2):
        run(wire, [named(f"y{n}")])
        wire.commit()
    run(wire, [("DEALLOCATE ALL", ())])
    wire.commit()
    run(wire, [named("z")])  # nothing went before in its transaction
    wire.commit()
    assert {"y0", "y1", "z"} <= names_in(store)


def test_the_server_keeps_no_more_than_so_many(wire):
    for n in range(MOST_PREPARED + 30):
        for _ in range(2):
            assert run(wire, [(f"SELECT {n}", ())]) == [[(n,)]]
    assert 0 < run(wire, [(KEPT, ())])[0][0][0] <= MOST_PREPARED


def test_what_the_server_forgot_may_be_forgotten_here_too(wire):
    for _ in range(2):
        assert run(wire, [("SELECT 'the oldest'", ())]) == [[("the oldest",)]]
    run(wire, [("DEALLOCATE ALL", ())])
    for n in range(MOST_PREPARED + 1):
        assert run(wire, [(f"SELECT {n}", ())]) == [[(n,)]]
    wire.rollback()
    assert run(wire, [("SELECT 'the oldest'", ())]) == [[("the oldest",)]]


def test_what_is_seen_once_is_not_kept(wire):
    for n in range(20):
        run(wire, [(f"SELECT {n}", ())])
    assert run(wire, [(KEPT, ())]) == [[(0,)]]


def test_much_may_go_both_ways_at_once(wire):
    much = "x" * 8_000_000
    rows = run(wire, [("SELECT repeat('y', 8000000)", ()), ("SELECT %s::text", (much,))] * 2)
    assert [[len(text) for (text,) in each] for each in rows] == [[8_000_000]] * 4


def test_others_work_while_it_waits(store, wire):
    """The server is told by another thread to go on: would it hold the interpreter, nobody could."""
    key = 4711

    def let_go():
        with connected(store) as other:
            waits = ("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted", ())
            while not run(other, [waits])[0][0][0]:
                other.rollback()
        wire_held.rollback()

    with connected(store) as wire_held:
        run(wire_held, [("SELECT pg_advisory_xact_lock(%s) IS NULL", (key,))])
        helper = threading.Thread(target=let_go)
        helper.start()
        run(wire, [("SELECT pg_advisory_xact_lock(%s) IS NULL", (key,))])
        helper.join()


def end_session_of(store, tx):
    (pid,) = select_rows(tx.connection, select(func.pg_backend_pid()), {})[0]
    with connected(store) as other:
        run(other, [("SELECT pg_terminate_backend(%s)", (pid,))])
        while run(other, [("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", (pid,))])[0][0][0]:
            other.rollback()


def test_a_server_that_ends_the_session_is_known_to_have_ended_it(store):
    def write():
        with store.database.write() as tx:
            end_session_of(store, tx)
            insert_rows(tx.connection, versions, [{"name": "x", "value": 1}])

    with pytest.raises(DBAPIError) as lost:
        write()
    assert lost.value.connection_invalidated
    assert error_name(lost.value) == "57P01/AdminShutdown"
    assert "x" not in names_in(store)


def test_nobody_knows_of_a_commit_whose_answer_is_lost(store):
    def write():
        with store.database.write() as tx:
            tx.connection.execute(insert(versions), {"name": "x", "value": 1})
            end_session_of(store, tx)

    with pytest.raises(CommitUnknown):
        write()
    assert "x" not in names_in(store)
    with store.database.write() as tx:
        tx.connection.execute(insert(versions), {"name": "y", "value": 1})
    assert "y" in names_in(store)


def test_nobody_knows_of_a_commit_after_whose_answer_the_server_says_that_it_leaves(store, monkeypatch):
    """One answer more than there were statements. It was taken for a commit that failed, whose writer went on as if
    nothing was written, and met its own root in every commit that followed."""
    received = _Journey._received

    def leaving(journey):
        yield from received(journey)
        goodbye = journey._pgconn.make_empty_result(ExecStatus.FATAL_ERROR)
        journey._pgconn.finish()
        yield goodbye

    def write():
        with store.database.write() as tx:
            tx.last_rows.append((versions, [{"name": "x", "value": 1}]))
            monkeypatch.setattr(_Journey, "_received", leaving)

    with pytest.raises(CommitUnknown):
        write()
    monkeypatch.undo()
    assert "x" in names_in(store)


def test_a_commit_is_known_or_unknown_whenever_its_session_ends(store):
    said, over = {}, threading.Event()

    def end_them():
        with connected(store) as other:
            theirs = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "
            while not over.wait(random.uniform(0, 0.005)):
                run(other, [(theirs + "datname = current_database()", ())])
                other.rollback()

    helper = threading.Thread(target=end_them)
    helper.start()
    try:
        while Counter(said.values())["unknown"] < 50:
            name = f"n{len(said)}"
            try:
                with store.database.write() as tx:
                    tx.last_rows.append((versions, [{"name": name, "value": 1}]))
                said[name] = "written"
            except CommitUnknown:
                said[name] = "unknown"
            except DBAPIError:
                said[name] = "failed"
    finally:
        over.set()
        helper.join()
    there = names_in(store)
    assert [name for name, word in said.items() if word != "unknown" and (word == "written") != (name in there)] == []


def test_the_last_rows_and_the_commit_are_one_journey(store, monkeypatch):
    """Every other writer of the ente waits while they travel."""
    journeys, run_them = [], bulk._RUN["postgresql"]

    def noting(connection, statements):
        journeys.append([statement for statement, _ in statements])
        return run_them(connection, statements)

    monkeypatch.setitem(bulk._RUN, "postgresql", noting)
    with store.database.write() as tx:
        tx.last_rows.append((versions, [{"name": "x", "value": 1}]))
        tx.at_commit = lambda: journeys.append("at commit")
    assert journeys[-2] == "at commit"
    assert [s.split()[0] for s in journeys[-1]] == ["INSERT", "COMMIT"]
    assert "x" in names_in(store)
