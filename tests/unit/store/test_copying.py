"""The database as values: out of one kind, into the other, and the same."""

import json

import pytest
from sqlalchemy import insert, select, update

from hub.store.copying import fill, settle_restored, taken
from hub.store.database import Database
from hub.store.sweeping import Sweep, sweep
from hub.store.tables import chain_roots, deliveries, delivery_requests, items, metadata
from tests import stores
from tests.stores import KINDS
from tests.unit.store.making import ENTE, FakeClock, make_draft


@pytest.fixture(params=KINDS)
def target(request, tmp_path):
    """An empty database at the newest migration."""
    made = stores.Store(request.param, tmp_path / "target")
    database = Database(made.url, FakeClock())
    database.migrate()
    yield database
    database.close()
    made.drop()


def content(database):
    with database.read() as connection:
        return {
            name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for name, table in metadata.tables.items()
        }


def copy(source, target):
    with taken(source) as picture:
        for name, columns in picture.tables.items():
            through_json = (json.loads(json.dumps(row)) for row in picture.rows(name))
            fill(target, name, columns, through_json)


@pytest.fixture
def filled(store):
    """Values of every type, absent ones among them."""
    store.connector()
    store.publish(*[make_draft(f"m-{n}") for n in range(5)])
    with store.database.write() as tx:
        tx.connection.execute(update(deliveries).values(memo={"a": [1, None, "è"], "b": True}))
        request = {
            "ente_id": ENTE,
            "delivery_id": "d",
            "citizen_id": "c",
            "at": tx.now,
            "request_sealed": bytes(range(256)),
        }
        tx.connection.execute(insert(delivery_requests), request)
        root = {"writer_id": "w", "root_number": 2**62, "at": tx.now, "entries": 1, "root": "r"}
        tx.connection.execute(insert(chain_roots), root)
    return store


def test_all_values_come_over_to_either_kind(filled, target):
    copy(filled.database, target)
    before = content(filled.database)
    assert len(before["items"]) == 5
    assert content(target) == before


def test_what_was_there_before_is_replaced(filled, target):
    copy(filled.database, target)
    filled.publish(make_draft("m-6"))
    copy(filled.database, target)
    assert content(target) == content(filled.database)


def test_a_picture_does_not_move_while_others_write(filled, target):
    before = content(filled.database)
    with taken(filled.database) as picture:
        columns = picture.tables
        list(picture.rows("enti"))  # SQLite takes its picture with the first row that is read
        filled.publish(make_draft("m-7"))
        for name in columns:
            fill(target, name, columns[name], picture.rows(name))
    assert content(target) == before


def test_the_files_of_the_picture_are_named(filled):
    with filled.database.write() as tx:
        its = items.c
        first = select(its.item_id).limit(1).scalar_subquery()
        tx.connection.execute(update(items).where(its.item_id == first).values(content_key="c_h501/x/y"))
    with taken(filled.database) as picture:
        assert list(picture.file_keys()) == ["c_h501/x/y"]


def test_what_a_provider_accepted_goes_on_being_asked_for(filled):
    with filled.database.write() as tx:
        claimed = {"state": "waiting", "claim_id": "x", "lease_until": tx.now}
        tx.connection.execute(update(deliveries).values(claimed))
    assert settle_restored(filled.database) == 0
    assert {(row["state"], row["claim_id"], row["lease_until"]) for row in filled.deliveries()} == {
        ("waiting", None, None)
    }


def test_what_is_held_after_a_restore_does_not_end_as_unsent(filled):
    assert settle_restored(filled.database) == 5
    filled.clock.pass_by(days=30)
    filled.run(sweep, Sweep(frozenset()))
    assert {(row["state"], row["reason"]) for row in filled.deliveries()} == {("unconfirmed", "restored")}
