"""The resolver without a network: one fetch for each name, the budget, what is kept when a fetch fails."""

import asyncio
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from hub.errors import RequestRefused
from hub.security.material import Held, Shelf, Wanted
from hub.trust import resolver as module
from hub.trust.budget import Budget
from hub.trust.resolver import Resolver
from tests.harness import eventually

ADDRESS = "192.0.2.1"


class Clock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 25, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def pass_(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)

    @property
    def epoch(self) -> float:
        return self.moment.timestamp()


class Source:
    """A fetcher that is told what to answer, and when."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.asked: list[str] = []
        self.problem = ""
        self.value: object = "key"
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    async def __call__(self, name: str) -> Held:
        self.asked.append(name)
        value = self.value
        self.entered.set()
        while not self.gate.is_set():
            await asyncio.sleep(0.005)
        if self.error:
            raise self.error
        if self.problem or value is None:
            until = self.clock.epoch + 5
            return Held(None, until, until, self.problem)
        return Held(value, self.clock.epoch + 100, self.clock.epoch + 1000)


class World:
    def __init__(self, **budget: int) -> None:
        self.clock = Clock()
        self.shelf = Shelf()
        self.source = Source(self.clock)
        self.resolver = Resolver(
            self.shelf,
            {"pdnd-key": self.source, "pdnd-jwks": self.source},
            self.clock,
            budget=Budget(**budget, clock=lambda: 30.0),
        )

    def resolve(self, *names: str, caller: str = ADDRESS, source="pdnd-key") -> list[BaseException | None]:
        async def all_() -> list[BaseException | None]:
            asking = (self.resolver.resolve(Wanted(source, name), caller=caller) for name in names)
            return await asyncio.gather(*asking, return_exceptions=True)

        return asyncio.run(all_())

    def held(self, name: str = "a", source="pdnd-key") -> Held:
        return self.shelf.get(source, name, self.clock.epoch)


@contextmanager
def working(**budget: int):
    world = World(**budget)
    world.resolver.start()
    try:
        yield world
    finally:
        world.source.gate.set()
        world.resolver.stop()


@pytest.fixture
def world():
    with working() as world:
        yield world


def test_what_was_wanted_is_on_the_shelf_afterwards(world):
    assert world.resolve("a") == [None]
    assert world.held().value == "key"
    assert world.resolver.held() == 1


def test_a_name_wanted_by_many_is_fetched_once(world):
    assert world.resolve(*["a"] * 100) == [None] * 100
    assert world.source.asked == ["a"]


def test_two_loops_share_a_fetch(world):
    world.source.gate.clear()
    threads = [threading.Thread(target=world.resolve, args=("a",)) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert world.source.entered.wait(20)
    world.source.gate.set()
    for thread in threads:
        thread.join(20)
    assert world.source.asked == ["a"]


def test_who_goes_away_does_not_take_the_fetch_from_the_others(world):
    world.source.gate.clear()

    async def both() -> None:
        leaving, staying = (
            asyncio.create_task(world.resolver.resolve(Wanted("pdnd-key", "a"), caller=ADDRESS)) for _ in range(2)
        )
        await asyncio.sleep(0.02)
        leaving.cancel()
        await asyncio.sleep(0)
        world.source.gate.set()
        await staying

    asyncio.run(both())
    assert world.held().value == "key"


def test_what_does_not_exist_is_asked_once(world):
    world.source.value = None
    for _ in range(10):
        world.resolve("a")
    assert world.source.asked == ["a"]
    assert world.held() == Held(None, world.clock.epoch + 5, world.clock.epoch + 5)
    world.clock.pass_(6)
    world.resolve("a")
    assert len(world.source.asked) == 2


def test_an_address_has_a_budget_and_others_have_theirs():
    with working(each=5, all_=1000) as world:
        world.source.value = None
        refused = [one for one in world.resolve(*(f"k{n}" for n in range(200))) if one is not None]
        assert len(refused) == 195
        assert all(isinstance(one, RequestRefused) and one.cause.startswith("trust.budget") for one in refused)
        assert len(world.source.asked) == 5
        assert world.resolve("other", caller="192.0.2.2") == [None]


def test_what_is_found_costs_its_address_nothing_but_counts_for_all():
    with working(each=5, all_=30) as world:
        for n in range(30):
            assert world.resolve(f"k{n}") == [None]
        (refused,) = world.resolve("one too many")
        assert isinstance(refused, RequestRefused)


def test_all_addresses_together_have_a_budget():
    with working(each=5, all_=12) as world:
        for n in range(20):
            world.resolve(*(f"k{n}-{i}" for i in range(3)), caller=f"192.0.2.{n}")
        assert len(world.source.asked) == 12


def test_a_budget_is_that_of_a_minute_and_of_an_ipv6_network():
    now = 30.0
    budget = Budget(each=2, all_=10, clock=lambda: now)
    assert [budget.spend(f"2001:db8:1:2::{n}") for n in range(3)] == [True, True, False]
    assert budget.spend("2001:db8:1:3::1")
    assert [budget.spend(f"::ffff:192.0.2.{n}") for n in (1, 1, 1)] == [True, True, False]
    assert not budget.spend("192.0.2.1")
    assert budget.spend("maggioli")
    now = 60.0
    assert budget.spend("2001:db8:1:2::1")
    budget.refund("192.0.2.1")  # of the minute before
    budget.refund("2001:db8:1:2::9")
    assert [budget.spend("2001:db8:1:2::1") for _ in range(3)] == [True, True, False]


def test_what_is_on_the_shelf_costs_no_budget():
    with working(each=1, all_=1) as world:
        world.source.value = None
        assert world.resolve("a") == world.resolve("a") == [None]


def test_a_fetcher_that_breaks_is_a_failure_and_hides_its_text(world, caplog):
    world.source.error = ValueError("RSSMRA80A01H501U")
    assert world.resolve("a") == [None]
    assert world.held().problem == "ValueError"
    assert "RSSMRA80A01H501U" not in caplog.messages


def test_a_fetch_that_never_ends_is_given_up(world, monkeypatch):
    monkeypatch.setattr(module, "DEADLINE_S", 0.1)
    world.source.gate.clear()
    started = time.monotonic()
    world.resolve("a")
    assert time.monotonic() - started < 5  # the fetcher waits for ever
    assert world.held().problem == "timeout"


def test_what_is_stale_is_used_and_fetched_in_the_background(world, monkeypatch):
    world.resolve("a")
    world.source.value = "new key"
    world.clock.pass_(101)
    assert world.resolve("a") == [None]  # still on the shelf: nobody waits
    eventually(lambda: world.held().value, lambda value: value == "new key")
    assert len(world.source.asked) == 2


def test_what_is_usable_outlives_failures_and_then_is_refused_with_the_reason(world):
    world.resolve("a")
    world.source.problem = "pdnd.unreachable"
    world.clock.pass_(101)
    eventually(lambda: len(world.source.asked), lambda times: times == 2)
    assert world.held().value == "key"
    world.clock.pass_(900)
    world.resolve("a")
    assert (world.held().value, world.held().problem) == (None, "pdnd.unreachable")


def test_what_was_deleted_is_not_used_although_it_was_usable(world):
    world.resolve("a")
    world.source.value = None
    world.clock.pass_(101)
    eventually(lambda: world.held().value, lambda value: value is None)


def test_a_key_revoked_while_it_was_fetched_is_fetched_again(world):
    world.source.gate.clear()
    waiting = threading.Thread(target=world.resolve, args=("a",))
    waiting.start()
    assert world.source.entered.wait(20)
    world.source.value = None  # the answer under way is still the old one
    world.resolver.drop("pdnd-key", "a")
    world.source.gate.set()
    waiting.join(20)
    assert world.held().value is None
    assert len(world.source.asked) == 2


def test_all_of_a_source_is_forgotten_at_once(world):
    world.resolve("a", "b")
    world.resolve("i", source="pdnd-jwks")
    world.resolver.drop_all("pdnd-key")
    for name in ("a", "b"):
        with pytest.raises(Wanted):
            world.held(name)
    assert world.held("i", source="pdnd-jwks").value == "key"


def test_a_jwks_that_lacks_a_key_is_fetched_again_but_not_for_each_caller(world):
    for _ in range(5):
        world.resolve("i", source="pdnd-jwks")
    assert len(world.source.asked) == 1
    world.clock.pass_(31)
    world.source.value = "rotated"
    for _ in range(5):
        world.resolve("i", source="pdnd-jwks")
    assert len(world.source.asked) == 2
    assert world.held("i", source="pdnd-jwks").value == "rotated"


def test_a_stopped_resolver_refuses_and_lets_nobody_wait():
    with working() as world:
        world.source.gate.clear()
        waiting = threading.Thread(target=world.resolve, args=("a",))
        waiting.start()
        assert world.source.entered.wait(20)
        world.resolver.stop()
        waiting.join(20)
        assert not waiting.is_alive()
        (refused,) = world.resolve("b")
        assert isinstance(refused, RequestRefused)
        assert refused.cause.startswith("trust.stopped")
