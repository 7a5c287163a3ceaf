"""The bell: rung once for the same work, again when that ring is gone, and never at the cost of who rings."""

import logging
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing

import pytest
from redis import Redis as Client

from hub.dispatch import doorbell
from hub.dispatch.doorbell import Doorbell, Ringer, Unheard
from hub.metrics import bell_heard
from hub.store.standing import Lane
from hub.worker import process
from hub.worker.process import Seldom

from ..harness import eventually
from ..real.redis import Redis

pytestmark = pytest.mark.xdist_group("workers")
LANES = [Lane("c_h501", "io"), Lane("c_h501", "posta")]
WAITING = "rq:queue:raccordo"


@pytest.fixture
def bell(redis_server: Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doorbell]:
    """One that gives a Redis on a crowded machine its time."""
    monkeypatch.setattr(doorbell, "_TIMEOUT_S", 3.0)
    bell = Doorbell(redis_server.url)
    yield bell
    bell.close()


def test_a_lane_is_not_rung_for_while_its_ring_waits(client: Client, bell: Doorbell) -> None:
    assert [bell.ring(LANES), bell.ring(LANES[:1]), bell.ring(LANES)] == [2, 0, 0]
    assert client.llen(WAITING) == 2


def test_whoever_takes_a_ring_makes_room_for_the_next(client: Client, bell: Doorbell) -> None:
    bell.ring(LANES)
    client.lpop(WAITING)
    assert bell.ring(LANES) == 1


def test_a_ring_that_redis_forgot_does_not_silence_the_next(client: Client, bell: Doorbell) -> None:
    bell.ring(LANES)
    client.delete(WAITING)
    assert bell.ring(LANES) == 2
    client.flushall()
    assert bell.ring(LANES) == 2


def test_whatever_stands_under_a_lanes_name_silences_nobody(client: Client, bell: Doorbell) -> None:
    client.set("raccordo:bell:c_h501:io", b"\xff\xfe")
    assert bell.ring(LANES) == 2
    client.flushall()
    client.lpush("raccordo:bell:c_h501:io", "a list")
    with pytest.raises(Unheard):  # so that the sweeper delivers
        bell.ring(LANES)
    assert client.llen(WAITING) == 1


def test_many_who_ring_at_once_ring_once(redis_server: Redis, client: Client) -> None:
    bells = [Doorbell(redis_server.url) for _ in range(8)]
    together = threading.Barrier(len(bells))

    def ring(bell: Doorbell) -> None:
        together.wait()
        bell.ring(LANES)
        bell.close()

    threads = [threading.Thread(target=ring, args=(bell,)) for bell in bells]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert client.llen(WAITING) == 2


def test_a_frozen_redis_holds_nobody_up_for_long(redis_server: Redis, client: Client, bell: Doorbell) -> None:
    bell.ring(LANES)
    redis_server.freeze()
    try:
        started = time.monotonic()
        with pytest.raises(Unheard):
            bell.ring(LANES)
        assert time.monotonic() - started < 10  # once, and no longer than it has: else there is no end
    finally:
        redis_server.thaw()
    assert bell.ring(LANES) == 0


def test_a_redis_that_is_full_is_as_good_as_none(client: Client, bell: Doorbell) -> None:
    client.config_set("maxmemory", "1kb")
    try:
        with pytest.raises(Unheard):
            bell.ring(LANES)
    finally:
        client.config_set("maxmemory", "0")


def test_the_metric_says_whether_a_ring_would_be_heard_also_where_nothing_is_due(
    redis_server: Redis, client: Client, bell: Doorbell
) -> None:
    """A Redis that was stopped, or refused the password, was a line in the log and no alert."""

    def heard() -> float:
        return next(iter(bell_heard.collect())).samples[0].value

    assert bell.call([]) == 0
    assert heard() == 1
    with closing(Doorbell(redis_server.url.replace(":", ":wrong", 2).replace(":wrong", ":", 1))) as stranger:
        with pytest.raises(Unheard):
            stranger.call([])
        assert heard() == 0
    assert bell.call(LANES) == 2
    assert heard() == 1


def test_what_stays_away_is_told_of_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    def line(name: str, text: str, level: int = logging.WARNING) -> logging.LogRecord:
        return logging.LogRecord(name, level, "", 0, text, (), None)

    seldom = Seldom()
    assert [seldom.filter(line("rq.worker", "Could not connect: %s")) for _ in range(3)] == [True, False, False]
    assert seldom.filter(line("rq.worker", "another"))
    assert all(seldom.filter(line("rq.worker", "at work", logging.INFO)) for _ in range(2))
    monkeypatch.setattr(process, "_SELDOM_S", 0.0)
    assert seldom.filter(line("rq.worker", "Could not connect: %s"))


def test_after_a_commit_the_lanes_with_something_due_are_rung_for(client: Client, bell: Doorbell) -> None:
    answered = threading.Event()

    def ring(lanes: Iterable[Lane]) -> int:
        assert answered.wait(20), "whoever rang waits for Redis"
        return bell.ring(lanes)

    with Ringer(lambda: LANES, ring) as ringer:
        for _ in range(1000):
            ringer.ring()
        answered.set()
        eventually(lambda: client.llen(WAITING), lambda found: found == 2)


def test_a_ringer_survives_that_nobody_hears_and_counts_it() -> None:
    def nobody(_: object) -> None:
        raise Unheard("ConnectionError")

    with Ringer(lambda: LANES, nobody) as ringer:
        ringer.ring()
        eventually(lambda: ringer.unheard, bool)
    assert ringer.unheard == 2


def test_what_was_committed_last_is_rung_for_before_it_stops(client: Client, bell: Doorbell) -> None:
    with Ringer(lambda: LANES, bell.ring):
        pass
    assert client.llen(WAITING) == 2
