"""The door to the database: its clock, its pictures, the names of its faults; alike on both kinds."""

import logging
import sqlite3
import threading
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import DatabaseError, IntegrityError

from contracts.failures import Rejected
from hub.bootstrap import Hub
from hub.clock import SystemClock
from hub.settings import Settings
from hub.store import postgres
from hub.store.bulk import insert_all, insert_rows
from hub.store.database import Database
from hub.store.directory import bump, version
from hub.store.faults import error_name, is_away, may_pass
from hub.store.outbox import Due, Settlement, claim, settle
from hub.store.seats import Seat
from hub.store.snapshot import Snapshot
from hub.store.tables import attempts, evidence, key_material, lanes, replays, versions
from tests.harness import eventually, make_home
from tests.unit.store.making import ENTE, START, make_draft


def test_a_clock_of_the_tests_goes_before_the_servers(store):
    with store.database.write() as tx:
        assert tx.now == START


def test_otherwise_the_time_of_a_transaction_is_aware_and_now(store):
    database = Database(store.database._url, SystemClock())
    with database.write() as tx:
        assert abs(tx.now - datetime.now(UTC)) < timedelta(seconds=5)
        assert tx.now.tzinfo is UTC
    database.close()


def test_machines_that_share_a_database_go_by_its_clock(store):
    class Slow(SystemClock):
        def now(self):
            return START

    database = Database(store.database._url, Slow())
    with database.write() as tx:
        assert (tx.now != START) is database.is_shared
    database.close()


def test_a_part_that_cannot_be_taken_leaves_no_connection(store, monkeypatch):
    """One leaked with each try, while the database said no."""
    if not store.database.is_shared:
        return
    made, alone = [], postgres.alone
    monkeypatch.setattr(postgres, "alone", lambda engine: made.append(alone(engine)) or made[-1])
    part = store.database.singleton("part")
    part._number = "no number"
    assert not part.held()
    assert [connection.closed for connection in made] == [True]


def test_two_looks_at_a_snapshot_never_end_with_the_older_one(store):
    """The watcher's look, begun before a change, put back what a worker had just read of it."""
    begun, go_on = threading.Event(), threading.Event()

    def load(connection):
        seen = version(connection, "trust")
        if threading.current_thread() is slow:
            begun.set()
            assert go_on.wait(10)
        return seen

    slow = None
    snapshot = Snapshot(store.database, "trust", load)
    slow, quick = (threading.Thread(target=snapshot.poll) for _ in range(2))
    change = lambda: store.run(lambda tx, _: bump(tx, "trust"))  # noqa: E731
    change()
    slow.start()
    assert begun.wait(10)
    change()
    quick.start()
    quick.join(0.2)
    go_on.set()
    slow.join()
    quick.join()
    with store.database.read() as connection:
        assert snapshot() == version(connection, "trust")


def test_a_writer_keeps_its_connection_until_it_fails_or_lies_idle(store, monkeypatch):
    database, seat, used = store.database, Seat(), []
    with database.read() as connection:
        before = version(connection, "trust")

    def write(*, with_a_bug=False):
        with database.write(seat) as tx:
            used.append(tx.connection)
            if with_a_bug:
                bump(tx, "trust")
                raise ValueError("a bug")

    write()
    with pytest.raises(ValueError, match="a bug"):
        write(with_a_bug=True)
    write()
    monkeypatch.setattr(postgres, "IDLE_S", -1)
    write()
    seat.leave()
    assert [one is other for one, other in pairwise(used)] == [True, False, False]
    assert [one.closed for one in used] == [True] * 4
    with database.read() as connection:
        assert version(connection, "trust") == before


def test_what_is_read_is_one_picture_whatever_is_written_meanwhile(store):
    count = select(versions.c.value).where(versions.c.name == "trust")
    with store.database.read() as connection:
        before = connection.execute(count).scalar_one()
        with store.database.write() as tx:
            tx.connection.execute(versions.update().values(value=99))
        assert connection.execute(count).scalar_one() == before
    with store.database.read() as connection:
        assert connection.execute(count).scalar_one() == 99


def test_postgresql_refuses_to_write_in_a_reading_transaction(store):
    if not store.database.is_shared:
        return
    with store.database.read() as connection, pytest.raises(DatabaseError) as refused:
        connection.execute(insert(versions), {"name": "x", "value": 1})
    assert error_name(refused.value) == "25006/ReadOnlySqlTransaction"


def test_a_fault_is_named_without_its_text(store):
    with pytest.raises(IntegrityError) as refused, store.database.write() as tx:
        tx.connection.execute(insert(versions), {"name": "trust", "value": 1})
    expected = "23505/UniqueViolation" if store.database.is_shared else "SQLITE_CONSTRAINT_PRIMARYKEY"
    assert error_name(refused.value) == expected
    assert may_pass(refused.value) is store.database.is_shared
    assert not is_away(refused.value)


def test_a_database_that_is_not_there_is_away_at_once():
    database = Database("postgresql+psycopg://x:Zanzibar@127.0.0.1:9/x", SystemClock())
    with pytest.raises(DatabaseError) as refused, database.read():
        pass
    assert is_away(refused.value)
    assert "Zanzibar" not in error_name(refused.value)
    database.close()


def test_a_hook_that_fails_does_not_undo_the_commit(store, caplog):
    caplog.set_level(logging.CRITICAL)
    with store.database.write() as tx:
        tx.connection.execute(insert(versions), {"name": "x", "value": 1})
        tx.after_commit.append(lambda: 1 / 0)
    assert "x" in {row["name"] for row in store.rows(versions)}


@pytest.mark.parametrize("count", [0, 1, 31, 700])
def test_many_rows_come_back_as_they_were_given(store, count):
    strange = "'\"\\{},NULL %s :x àèß😀\n"
    row = {str(column.name): None for column in evidence.columns} | {
        "ente_id": ENTE, "at": START, "request_id": strange, "operation": "", "verdict": "x", "code": "",
        "body_sha256": "", "tokens": {"a": [strange, None]}, "row_hash": "", "writer_id": "", "root_number": 2**40,
        "body_sealed": bytes(range(256)), "version": 7,
    }  # fmt: skip
    rows = [row | {"evidence_id": f"{n:05d}"} for n in range(count)]
    with store.database.write() as tx:
        insert_rows(tx.connection, evidence, rows)
    assert sorted(store.rows(evidence), key=lambda each: each["evidence_id"]) == rows


def test_rows_of_several_tables_are_inserted_at_once_and_each_keeps_its_own_bytes(store):
    tokens = [
        {"ente_id": ENTE, "token": bytes([n]) * n, "used_at": START, "expires_at": START + timedelta(seconds=n)}
        for n in range(40)
    ]
    material = [{"sha256": f"{n:064x}", "der": b"" if n == 1 else bytes([255 - n]) * 3000} for n in range(3)]
    counters = [{"name": "x", "value": 7}]
    with store.database.write() as tx:
        insert_all(tx.connection, [(replays, tokens), (versions, counters), (lanes, []), (key_material, material)])
    assert sorted(store.rows(replays), key=lambda row: len(row["token"])) == tokens
    assert sorted(store.rows(key_material), key=lambda row: row["sha256"]) == material
    assert {"name": "x", "value": 7} in store.rows(versions)


def test_of_several_tables_one_that_takes_no_row_keeps_all_out(store):
    row = {"name": "x", "value": 7}
    with pytest.raises(IntegrityError), store.database.write() as tx:
        insert_all(tx.connection, [(key_material, [{"sha256": "a", "der": b"a"}]), (versions, [row, row])])
    assert store.rows(key_material) == []


def test_sqlite_keeps_no_copies_of_pages_to_undo_a_statement_by_itself(store):
    """What one that fails has written is there until its transaction is rolled back, and then it is not."""
    if store.database.is_shared:
        pytest.skip("SQLite's own")
    row, another = {"name": "x", "value": 7}, {"name": "y", "value": 7}
    seen: set[str] = set()

    def write(tx):
        try:
            insert_all(tx.connection, [(versions, [another, row, row])])
        finally:
            seen.update(tx.connection.execute(select(versions.c.name)).scalars())

    with pytest.raises(IntegrityError), store.database.write() as tx:
        write(tx)
    assert {"x", "y"} <= seen
    assert not {"x", "y"} & {each["name"] for each in store.rows(versions)}


def in_the_file_alone(database, folder):
    """The revision that SQLite's file has without its log."""
    copy = folder / "copy.db"
    copy.write_bytes(Path(database.engine.url.database).read_bytes())
    with closing(sqlite3.connect(copy)) as connection, suppress(sqlite3.OperationalError):  # no table yet
        return connection.execute("SELECT value FROM versions WHERE name = 'trust'").fetchone()


def test_sqlite_s_log_is_copied_back_beside_a_writer(store, tmp_path):
    """A writer would find it done, and nobody waits for the other."""
    database = store.database
    if database.is_shared:
        pytest.skip("SQLite's own")
    with database.write() as tx:
        bump(tx, "trust")
    with database.read() as connection:
        committed = version(connection, "trust")
    assert in_the_file_alone(database, tmp_path) != (committed,)
    with database.write() as tx:
        bump(tx, "trust")
        database.copy_back()
    assert in_the_file_alone(database, tmp_path) == (committed,)


def test_a_hub_copies_its_log_back_while_it_works(tmp_path):
    hub = Hub(make_home(tmp_path / "home", database_url=""))
    with hub.working():
        with hub.database.write() as tx:
            bump(tx, "trust")
        with hub.database.read() as connection:
            committed = version(connection, "trust")
        eventually(lambda: in_the_file_alone(hub.database, tmp_path), lambda found: found == (committed,))


def test_rows_that_are_there_already_are_told_apart(store):
    def put(*tokens):
        rows = [{"ente_id": ENTE, "token": token, "used_at": START, "expires_at": START} for token in tokens]
        with store.database.write() as tx:
            return sorted(insert_rows(tx.connection, replays, rows, conflict="ON CONFLICT DO NOTHING RETURNING token"))

    assert put(b"a", b"b") == [(b"a",), (b"b",)]
    assert put(b"b", b"c") == [(b"c",)]


def test_what_a_provider_says_is_kept_as_far_as_it_fits(store):
    """A detail with NUL in it, or a reason too long, must not keep the outcome from being written."""
    store.connector()
    store.publish(make_draft())
    (((claimed,),)) = store.run(claim, Due(1, timedelta(minutes=1)))
    failure = Rejected("io." + "x" * 200, "a\0b\ud800" + "c" * 600)
    assert store.run(settle, Settlement(claimed, "rejected", "rejected", failure.reason, failure.detail)) == [True]
    (row,) = store.rows(attempts)
    assert (len(row["reason"]), len(row["detail"])) == (100, 500)
    assert row["detail"].startswith("ab?ccc")


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("", "sqlite:////h/raccordo.db"),
        ("postgresql://u:p@host/db", "postgresql+psycopg://u:p@host/db"),
        ("postgres://u:p@host/db?sslmode=require", "postgresql+psycopg://u:p@host/db?sslmode=require"),
        ("postgresql+psycopg://u:p@host/db", "postgresql+psycopg://u:p@host/db"),
    ],
)
def test_the_address_of_the_database_as_people_write_it(given, url):
    settings = Settings(home="/h", database_url=given)
    assert settings.database_url == url
    assert "u:p" not in repr(settings)


@pytest.mark.parametrize("url", ["mysql://u:p@host/db", "postgresql+asyncpg://u@h/d", "nothing"])
def test_another_kind_of_database_is_refused(url):
    with pytest.raises(ValueError, match="postgresql"):
        Settings(database_url=url)
