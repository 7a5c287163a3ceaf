"""A body ends, or its connectors pause, while somebody else has to do with the same connectors and deliveries: the two
wait for each other in one order, and PostgreSQL has no deadlock to break."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from hub.store.configuration import Pause, hold, pause, set_status
from hub.store.directory import bump
from hub.store.ending import end_ente
from hub.store.outbox import Settlement, settle
from hub.store.pdnd_clients import VERSION, PdndClients, PdndCredentials
from hub.store.tables import connectors
from tests.harness import eventually
from tests.stores import waiting
from tests.unit.store.filling import fill
from tests.unit.store.making import ENTE, take
from tests.unit.store.test_writers import processes

NAMES = ("io", "mail")

pytestmark = pytest.mark.req("P12")


@pytest.fixture(scope="module")
def kind():
    return "postgresql"


@pytest.fixture
def body(store):
    """With two connectors, each with something held and something in a worker's hands."""
    for name in NAMES:
        store.connector(name)
        fill(store, name, 2, state="held", reason="x")
        fill(store, name, 2)
    return store


@contextmanager
def meanwhile(store, broken_off, handler, value=None):
    """Another process begins to do that, and waits for what is held here."""
    with processes(store, 1) as (other,), ThreadPoolExecutor(1) as hand:
        with store.database.write() as tx:

            def begin():
                begun = hand.submit(other.committer.write, handler, value)
                eventually(lambda: waiting(store.database), bool)
                return begun

            yield tx, begin
        hand.shutdown()
    assert not broken_off


def end(store):
    return lambda tx, wishes: [end_ente(tx, store.vault, ENTE) for _ in wishes]


def statuses(store):
    return {row["status"] for row in store.rows(connectors)}


def test_a_body_ends_while_one_of_its_connectors_is_activated(body, broken_off):
    with meanwhile(body, broken_off, end(body)) as (tx, begin):
        hold(tx, [(ENTE, "mail")])
        ended = begin()
        set_status(tx, ENTE, "mail", status="active")
    assert ended.result()["connectors"] == 2
    assert statuses(body) == {"removed"}


def test_a_body_ends_while_a_worker_finds_that_its_connector_is_set_wrong(body, broken_off):
    ours = [claim for claim in take(body) if claim.connector_id == "mail"]
    wrong = Settlement(ours[0], "held", "misconfigured", reason="io.key_refused", spent=False)
    with meanwhile(body, broken_off, settle, wrong) as (tx, begin):
        hold(tx, [(ENTE, name) for name in NAMES])
        settled = begin()
        end_ente(tx, body.vault, ENTE)
    assert settled.result() is False, "it was ended under the worker's hands"
    assert statuses(body) == {"removed"}


def test_two_connectors_pause_at_once_while_one_of_them_is_activated(body, broken_off):
    def both(tx, wishes):
        return [pause(tx, [Pause(ENTE, name, 1, "io.key_refused") for name in NAMES]) for _ in wishes]

    with meanwhile(body, broken_off, both) as (tx, begin):
        hold(tx, [(ENTE, "mail")])
        begin()
        set_status(tx, ENTE, "mail", status="active")
    assert {row["connector_id"]: row["status"] for row in body.rows(connectors)} == {"io": "paused", "mail": "active"}


def test_a_body_ends_while_one_of_its_clients_at_pdnd_is_set(body, broken_off):
    client = PdndCredentials(ENTE, "uno", "consumer", "c", "k", "https://auth.example.it", "auth", key_pem="chiave")
    with body.database.write() as tx:
        PdndClients(body.vault).save(tx, client)
    with meanwhile(body, broken_off, end(body)) as (tx, begin):
        bump(tx, VERSION)
        begin()
        PdndClients(body.vault).save(tx, client)
    with body.database.read() as connection:
        assert PdndClients(body.vault).load(connection) == {}
