"""What a scrape reads: right on both kinds of database, and by index."""

from datetime import timedelta

import pytest
from sqlalchemy import event, insert, update
from sqlalchemy.dialects import sqlite

from hub.registry import Ente
from hub.store import figures
from hub.store.batches import AcceptBatch, accept_batches
from hub.store.directory import add_ente
from hub.store.figures import Queue
from hub.store.intake import Signed
from hub.store.outbox import Due, claim
from hub.store.requests_of_rights import add_request, close_request, order_erasure
from hub.store.tables import batches, deliveries, rights_requests, trust_keys
from tests.unit.store.making import ENTE, START, make_draft


def read(store, what, *arguments):
    with store.database.read() as connection:
        return list(what(connection, *arguments))


def test_queues_tell_state_connector_count_and_the_oldest_that_nobody_has(store):
    store.connector()
    assert read(store, figures.queues) == []
    store.publish(make_draft("m-1"))
    store.clock.pass_by(minutes=5)
    store.publish(make_draft("m-2"), make_draft("m-3"))
    assert read(store, figures.queues) == [Queue(ENTE, "io", "queued", 3, START)]
    store.run(claim, Due(1, timedelta(minutes=1)))
    assert read(store, figures.queues) == [Queue(ENTE, "io", "queued", 3, START + timedelta(minutes=5))]
    with store.database.write() as tx:
        tx.connection.execute(update(deliveries).values(state="delivered"))
    assert read(store, figures.queues) == []


def test_a_long_queue_hides_no_other(store, monkeypatch: pytest.MonkeyPatch):
    """One connector stood still with more than the cap, and the trouble of the next was seen nowhere."""
    monkeypatch.setattr(figures, "CAP", 2)
    for name in ("io", "mail", "idle"):
        store.connector(name)
    store.publish(*(make_draft(f"m-{n}") for n in range(3)))
    store.clock.pass_by(minutes=5)
    store.publish(make_draft("m-3"))
    latest = START + timedelta(minutes=5)
    with store.database.write() as tx:
        tx.connection.execute(update(deliveries).where(deliveries.c.due_at == latest).values(connector_id="mail"))
    assert read(store, figures.queues) == [
        Queue(ENTE, "io", "queued", 2, START),
        Queue(ENTE, "mail", "queued", 1, latest),
    ]


def test_an_ente_without_deliveries_costs_no_statement(store):
    """A region has hundreds of enti; each was asked for each state at each scrape of each process."""
    store.connector()
    store.publish(make_draft())
    asked = []
    event.listen(store.database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    read(store, figures.queues)
    few = len(asked)
    with store.database.write() as tx:
        for n in range(20):
            add_ente(tx, Ente(f"e-{n}", "Altro", f"https://{n}.it", f"https://{n}.it/p", f"https://{n}.it/f", ""))
    asked.clear()
    read(store, figures.queues)
    assert few == len(asked) > 0


def test_the_oldest_batch_that_is_not_finished_is_told(store):
    def oldest():
        with store.database.read() as connection:
            return figures.oldest_batches(connection)

    assert oldest() == {ENTE: None}
    signed = Signed("r-1", "publish_batch", ENTE, "acme", "jwk:1", (), {}, b"", "")
    for name in ("b-1", "b-2"):
        with store.database.write() as tx:
            accept_batches(tx, [(signed, AcceptBatch(name, 1, "SHA-256=", b"", "c"))])
        store.clock.pass_by(minutes=5)
    assert oldest() == {ENTE: START}
    with store.database.write() as tx:
        tx.connection.execute(update(batches).where(batches.c.batch_id == "b-1").values(state="done"))
    assert oldest() == {ENTE: START + timedelta(minutes=5)}


def test_the_oldest_erasure_that_was_ordered_and_is_not_carried_out_is_told(store):
    def oldest():
        with store.database.read() as connection:
            return figures.oldest_erasures(connection)

    def note():
        with store.database.write() as tx:
            return add_request(tx, ENTE, "erasure", None, START.date())["request_id"]

    def change(request_id, **values):
        with store.database.write() as tx:
            its = rights_requests.c.request_id == request_id
            tx.connection.execute(update(rights_requests).where(its).values(values))

    wanted = [note(), note(), note()]
    assert oldest() == {ENTE: None}, "asked for, and nobody has ordered it"
    for request_id in wanted[:2]:
        with store.database.write() as tx:
            order_erasure(tx, ENTE, request_id, None)
        store.clock.pass_by(minutes=5)
    assert oldest() == {ENTE: START}
    change(wanted[0], erased_at=START)
    assert oldest() == {ENTE: START + timedelta(minutes=5)}
    with store.database.write() as tx:
        close_request(tx, ENTE, wanted[1], "refused")
    assert oldest() == {ENTE: None}


def test_leases_that_ran_out_are_counted(store):
    store.connector()
    store.publish(make_draft())
    store.run(claim, Due(1, timedelta(minutes=1)))

    def expired():
        with store.database.read() as connection:
            return figures.expired_leases(connection, store.clock.now())

    assert expired() == {ENTE: 0}
    store.clock.pass_by(minutes=2)
    assert expired() == {ENTE: 1}


def test_an_owner_ends_with_the_last_of_its_keys(store):
    def key(owner, number, valid_to, revoked_at=None):
        row = {"ente_id": ENTE, "owner": owner, "key_id": str(number), "kind": "jwk", "material": "{}"}
        with store.database.write() as tx:
            tx.connection.execute(insert(trust_keys), row | {"valid_to": valid_to, "revoked_at": revoked_at})

    day = timedelta(days=1)
    key("vendor:a", 1, START + day)
    key("vendor:a", 2, START + 2 * day)
    key("vendor:a", 3, START + 9 * day, revoked_at=START)
    key("vendor:b", 4, START + day)
    key("vendor:b", 5, None)
    assert [(row["owner"], row["ends_at"]) for row in read(store, figures.key_ends)] == [("vendor:a", START + 2 * day)]


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True, scope="module")
def test_no_figure_reads_a_whole_table_of_deliveries(store):
    named = {"ente_id": ENTE, "state": "queued", "connector_id": "io"}
    for query in (figures._WITH_SOME, figures._COUNTS, figures._COUNTS_OF_ONE):
        known = {name: value for name, value in named.items() if name in query.compile().params}
        statement = query.params(known).compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
        with store.database.read() as connection:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")
            plan = " ".join(row.detail for row in rows)
        assert "ix_deliveries_due (ente_id=? AND state=?)" in plan
        assert "SCAN deliveries" not in plan
