"""What an answer is read from: one statement by itself, or a picture that is held; alike on both kinds of database."""

import os

import pytest
from sqlalchemy import func, literal, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from hub.store.citizens import Citizen, Subject
from hub.store.filters import Filters
from hub.store.reading import Reading
from hub.store.tables import items, versions
from tests.unit.store.making import ENTE, make_draft

PERSON = Subject(ENTE, "person", "RSSMRA80A01H501U")
COUNT = select(versions.c.value).where(versions.c.name == "trust")


def change(store, value):
    with store.database.write() as tx:
        tx.connection.execute(versions.update().values(value=value))


def reading_of(store, look):
    citizen = store.citizens.find(look.hold(), PERSON) if look.is_held else store.citizens.known(PERSON)
    assert isinstance(citizen, Citizen)
    return Reading(look, store.vault, citizen, PERSON, 3, store.clock.moment)


def test_each_statement_alone_sees_its_own_moment_and_those_of_a_held_look_one(store):
    with store.database.look() as look:
        change(store, 7)
        assert look.rows(COUNT, {}) == [(7,)]
        change(store, 8)
        assert look.rows(COUNT, {}) == [(8,)]
        look.hold()
        assert look.rows(COUNT, {}) == [(8,)]
        change(store, 9)
        assert look.rows(COUNT, {}) == [(8,)]
    with store.database.look() as look:
        assert look.rows(COUNT, {}) == [(9,)]


def test_a_glance_leaves_no_transaction_behind_and_its_connection_serves_the_next(store):
    database = store.database
    checked_out = database.engine.pool.checkedout
    before = checked_out()
    with database.look() as look:
        for _ in range(3):
            look.rows(COUNT, {})
            assert checked_out() == before + 1
    kept = database._glances._free[-1]._connection
    driver = kept.connection.driver_connection
    assert driver.info.transaction_status.name == "IDLE" if database.is_shared else not driver.in_transaction
    database._glances.close()
    assert checked_out() == before


def test_a_glance_that_fails_says_so_as_core_does_and_its_connection_is_not_kept(store):
    database = store.database
    with database.look() as look:
        look.rows(COUNT, {})
        with pytest.raises(DBAPIError):
            look.rows(select(func.no_such_function()), {})
        assert database._glances._free == []
        assert look.rows(COUNT, {}) == [(store.rows(versions)[0]["value"],)]


def test_after_its_server_closed_them_idle_connections_are_made_anew(store, monkeypatch):
    if not store.database.is_shared:
        return
    with store.database.look() as look:
        ((pid,),) = look.rows(select(func.pg_backend_pid()), {})
        with store.database.write() as tx:
            tx.connection.execute(select(func.pg_terminate_backend(pid)))
        with pytest.raises(SQLAlchemyError):
            look.rows(COUNT, {})
        assert len(look.rows(COUNT, {})) == 1


def test_a_forked_process_looks_through_connections_of_its_own(store):
    if not store.database.is_shared:
        return
    mine = select(func.pg_backend_pid(), literal("x"))
    with store.database.look() as look:
        ((before, _),) = look.rows(mine, {})
        out, into = os.pipe()
        if not (child := os.fork()):
            try:
                os.write(into, str(look.rows(mine, {})[0][0]).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        theirs = int(os.read(out, 20))
        assert look.rows(mine, {})[0][0] == before != theirs
    os.close(out)
    os.close(into)


def test_a_page_needs_no_more_than_a_glance(store):
    store.publish(make_draft())
    with store.database.look() as look:
        rows, more = reading_of(store, look).page(Filters(), sort="-occurred_at", after=None, limit=5)
        assert (len(rows), more, look.is_held) == (1, False, False)


def test_a_row_that_stands_for_several_is_read_with_them_from_one_picture(store):
    store.publish(make_draft())
    (item,) = store.rows(items)
    with store.database.write() as tx:
        tx.connection.execute(items.update().values(folded_into=item["item_id"]))
    with store.database.look() as look:
        reading = reading_of(store, look)
        rows, _ = reading.page(Filters(), sort="-occurred_at", after=None, limit=5)
        with store.database.write() as tx:
            tx.connection.execute(items.update().values(own_state="paid"))
        (others,) = reading.contributors(rows).values()
        assert [each["own_state"] for each in others] == [rows[0].own_state] == [None]
