"""A dead and a slow provider beside a fine one, with the real claims, runner and settlements, on a virtual clock."""

import heapq
from collections import Counter
from datetime import timedelta
from itertools import count

import pytest

from connectors.base.conformance import make_notice
from contracts.connector import Connector, Done, Limits, Manifest
from contracts.failures import Deferred
from hub.dispatch.draining import wishes
from hub.dispatch.runner import Runner
from hub.store.lanes import standings
from hub.store.outbox import Due, claim
from hub.store.standing import Lane
from hub.store.tables import attempts
from tests.unit.store.filling import fill
from tests.unit.store.making import ENTE, START, FakeClock, Store, fresh_database

LEASE = timedelta(seconds=180)
THREADS = 8


class Provider:
    """Takes `takes` seconds for everything; until `up_at` there is no answer after them."""

    def __init__(self, takes, *, up_at=0, **limits):
        self.takes = timedelta(seconds=takes)
        self.up_at = START + timedelta(seconds=up_at)
        self.limits = Limits(**{"rate_per_s": 1000, "burst": 1000, "retry_base_s": 5} | limits)
        self.manifest = Manifest(name="x", title="X", channel="io", limits=self.limits)


class Town:
    """A hub of eight threads and its providers. A call takes virtual time, everything else none."""

    def __init__(self, store, providers):
        self.store, self.clock, self.providers = store, store.clock, providers
        self.delivered = {name: [] for name in providers}
        self.under_way = Counter()
        self.most_under_way = Counter()
        self._numbers = count()
        self._events = []
        self._free = THREADS + 1
        connectors = {
            name: Connector(provider.manifest, self._call(name, provider), lambda: "")
            for name, provider in providers.items()
        }
        self.runner = Runner(
            store, self.clock, lambda _: make_notice(), lambda _, name, __: connectors[name], LEASE, lambda: 0.5
        )
        for name in providers:
            store.connector(name)

    def _call(self, name, provider):
        def advance(_notice, _memo):
            if self.clock.moment < provider.up_at:
                raise Deferred("x.down")
            self.delivered[name].append(self.clock.moment)
            return Done()

        return advance

    def live(self, until_s):
        """Let so many seconds pass from the start."""
        end = START + timedelta(seconds=until_s)
        self._claim()
        while self._events and self._events[0][0] <= end:
            self.clock.moment, _, each = heapq.heappop(self._events)
            if each is not None:
                self.runner.run(each)
                self.under_way[each.connector_id] -= 1
                self._free += 1
            self._claim()
        self.clock.moment = end

    def _claim(self):
        while self._free and (claims := self._claims()):
            for each in claims:
                self._free -= 1
                self.under_way[each.connector_id] += 1
                self._at(self.clock.moment + self.providers[each.connector_id].takes, each)
            self.most_under_way |= self.under_way
        if all(each is not None for _, _, each in self._events):
            self._at(self.clock.moment + timedelta(seconds=0.5), None)  # the poll

    def _claims(self):
        limits = {(ENTE, name): provider.limits for name, provider in self.providers.items()}
        busy = {Lane(ENTE, name) for name, many in self.under_way.items() if many}
        found = (self.store.write(claim, wish) for wish in self._wishes(self._free, busy, LEASE, limits))
        return next(filter(None, found), [])

    def _wishes(self, *standing):
        return [Due.sparing(*standing)]

    def _at(self, moment, each):
        heapq.heappush(self._events, (moment, next(self._numbers), each))


class Worker(Town):
    """A worker's only work-horse, at the drain of a lane."""

    lane = Lane(ENTE, "slow")

    def _wishes(self, *standing):
        return wishes(*standing, self.lane)


@pytest.fixture
def town(tmp_path):
    clock = FakeClock()
    with fresh_database("sqlite", tmp_path, clock) as database:
        yield lambda **providers: Town(Store(database, clock), providers)


FINE = {"takes": 0.25}


def alone(tmp_path):
    clock = FakeClock()
    (tmp_path / "alone").mkdir()
    with fresh_database("sqlite", tmp_path / "alone", clock) as database:
        one = Town(Store(database, clock), {"fine": Provider(**FINE)})
        fill(one.store, "fine", 600)
        one.live(20)
        return len(one.delivered["fine"])


def test_a_dead_and_a_slow_provider_take_nothing_from_a_fine_one(town, tmp_path):
    three = town(fine=Provider(**FINE), dead=Provider(0, up_at=10_000), slow=Provider(30, up_at=10_000))
    for name in three.providers:
        fill(three.store, name, 600)
    three.live(20)
    assert len(three.delivered["fine"]) >= 0.98 * alone(tmp_path) > 300
    assert three.most_under_way["slow"] == Limits().concurrency < THREADS


def test_slow_providers_that_fill_all_threads_leave_a_fine_one_the_spare(town):
    """Two that answered after 30 seconds had four threads each, and a third waited for one of them."""
    three = town(fine=Provider(**FINE), slow=Provider(30), slower=Provider(40))
    for name in ("slow", "slower"):
        fill(three.store, name, 600)
    three.live(1)
    fill(three.store, "fine", 600)
    three.live(20)
    assert len(three.delivered["fine"]) >= 60


def test_a_slow_lane_whose_drain_it_is_takes_no_slot_from_the_others(tmp_path):
    """Its limit let it have every thread, and the one worker there was came to the others after its time."""
    clock = FakeClock()
    with fresh_database("sqlite", tmp_path, clock) as database:
        one = Worker(Store(database, clock), {"slow": Provider(30, concurrency=50), "fine": Provider(**FINE)})
        for name in one.providers:
            fill(one.store, name, 600)
        one.live(20)
    assert one.most_under_way["slow"] == THREADS
    assert len(one.delivered["fine"]) >= 60


def test_a_dead_provider_is_asked_seldom_and_the_waiting_spend_no_attempt(town):
    one = town(dead=Provider(1, up_at=100_000))
    fill(one.store, "dead", 50)
    one.live(3600)
    # Eight at first; then one each 30, 60, 120, ... up to 900 seconds.
    assert len(one.store.rows(attempts)) <= 8 + 8
    assert sum(row["attempts"] for row in one.store.deliveries()) <= 8
    assert {row["state"] for row in one.store.deliveries()} == {"queued"}


def test_after_an_outage_all_go_out_at_the_rate_and_not_faster(town):
    one = town(io=Provider(0.1, up_at=100, rate_per_s=10, burst=20))
    fill(one.store, "io", 300)
    one.live(100)
    assert one.delivered["io"] == []
    one.live(1000)
    gone = one.delivered["io"]
    assert len(gone) == 300
    for first, last in zip(gone, gone[29:], strict=False):
        assert (last - first).total_seconds() >= 0.9, "thirty within less than a second: more than burst and rate"
    with one.store.database.read() as connection:
        assert standings(connection)[Lane(ENTE, "io")].breaker(one.clock.moment) == "closed"
