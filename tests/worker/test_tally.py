"""What a process that ends has counted is counted by the one that is scraped."""

import multiprocessing
import os

import pytest

from hub import metrics
from hub.worker.tally import Tally
from tests.harness import eventually

ATTEMPT = {"ente_id": "c_t", "connector_id": "tally", "outcome": "done", "state": "delivered", "seconds": 0.2}


def counted() -> float:
    labels = {"ente": "c_t", "connector": "tally", "outcome": "done", "state": "delivered"}
    return metrics.REGISTRY.get_sample_value("raccordo_delivery_attempts_total", labels) or 0.0


@pytest.fixture(autouse=True)
def _counting_here():
    yield
    metrics.send_attempts(None)


def test_what_children_count_arrives():
    tally, before = Tally(), counted()
    tally.give()

    def child() -> None:
        for _ in range(50):
            metrics.count_attempt(**ATTEMPT)

    children = [multiprocessing.get_context("fork").Process(target=child) for _ in range(3)]
    for each in children:
        each.start()
    for each in children:
        each.join()
    assert counted() == before
    tally.take()
    eventually(counted, lambda seen: seen == before + 150)
    metrics.count_attempt(**ATTEMPT)
    assert counted() == before + 151


def test_a_full_pipe_holds_nobody_up():
    tally = Tally()
    tally.give()
    for _ in range(5000):
        metrics.count_attempt(**ATTEMPT)


def test_nonsense_in_the_pipe_is_logged_and_skipped(caplog):
    tally, before = Tally(), counted()
    for line in (b"nonsense\n", b"[]\n", b'{"a": 1}\n'):
        os.write(tally._writing, line)
    tally._send(ATTEMPT)
    tally.take()
    eventually(counted, lambda seen: seen == before + 1)
    assert caplog.text.count("tally.unreadable") == 3
