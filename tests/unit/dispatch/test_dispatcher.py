"""The embedded dispatcher: what it holds when it is to stop, and that a free hand is not left idle."""

import logging
import threading
import time
from datetime import timedelta

import pytest

from hub.dispatch.dispatcher import Dispatcher
from hub.dispatch.runner import MarkFailed
from hub.errors import StoreUnavailable
from hub.store.committer import Committer
from hub.store.outbox import Settlement, settle
from tests.harness import eventually
from tests.unit.store.filling import fill


@pytest.fixture
def committer(store):
    store.connector()
    made = Committer(store.database)
    made.start()
    yield made
    made.close()


def dispatcher(committer, run, **settings):
    nobody = frozenset()
    return Dispatcher(committer=committer, run=run, resending=lambda: nobody, lease=timedelta(minutes=3), **settings)


def test_stopping_waits_no_longer_than_the_grace_for_what_is_not_being_sent(store, committer, caplog):
    """A grace of a tenth of a second took as long as the slowest provider."""
    caplog.set_level(logging.INFO)
    fill(store, "io", 1)
    begun, leave = threading.Event(), threading.Event()

    def hangs(_claim):
        begun.set()
        leave.wait(5)
        raise RuntimeError("its connector was closed")

    one = dispatcher(committer, hangs, grace_s=0.1)
    one.start()
    assert begun.wait(10)
    started = time.monotonic()
    one.stop()
    assert time.monotonic() - started < 3
    (row,) = store.deliveries()
    assert (row["state"], row["attempts"], row["claim_id"]) == ("queued", 0, None)
    leave.set()
    eventually(lambda: caplog.text, lambda text: "delivery.left" in text)
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


def test_what_is_due_besides_the_outbox_has_its_turn_where_the_outbox_cannot_be_swept(committer, caplog):
    turns, begun = threading.Semaphore(0), []

    def resending():
        if begun:
            raise ZeroDivisionError
        begun.append("it starts")
        return frozenset()

    one = Dispatcher(
        committer=committer,
        run=print,
        resending=resending,
        after_sweep=turns.release,
        lease=timedelta(minutes=3),
        sweep_s=0.01,
    )
    one.start()
    assert turns.acquire(timeout=30)
    assert turns.acquire(timeout=30)
    one.stop()
    assert "sweep.failed error=ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("of_a_mark", [True, False])
def test_a_claim_that_a_lost_store_left_unsettled_is_a_line_and_no_trace(committer, store, caplog, of_a_mark):
    """A trace for each delivery under way buried the one line that said why."""
    fill(store, "io", 1)

    def run(_claim):
        lost = StoreUnavailable(cause="OperationalError (nothing listens there)")
        raise (MarkFailed if of_a_mark else lost) from lost

    one = dispatcher(committer, run)
    one.start()
    told = eventually(lambda: [each for each in caplog.records if "delivery.unsettled" in each.getMessage()], bool)[0]
    one.stop()
    assert (told.getMessage().partition(" error=")[2], told.exc_info) == (
        "OperationalError (nothing listens there)",
        None,
    )


def test_a_hand_that_is_free_takes_the_next_at_once(store, committer):
    fill(store, "io", 12)

    def run(claimed):
        committer.write(settle, Settlement(claimed, "delivered", "done"))

    one = dispatcher(committer, run, threads=2, poll_s=30)
    one.start()
    eventually(store.deliveries, lambda rows: {row["state"] for row in rows} == {"delivered"})
    one.stop()
