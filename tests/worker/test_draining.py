"""One drain of a lane: as far as its rate, its time and its number go, and with hands that are not idle."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub.bootstrap import Hub
from hub.dispatch.draining import Drain
from hub.home import Home
from hub.store.outbox import Claim
from hub.store.standing import Lane
from hub.worker.jobs import drain_of

from .. import stores
from ..harness import ENTE, ROSSI, HubUnderTest, make_message, running_hub

pytestmark = pytest.mark.xdist_group("workers")
LANE, OTHER = Lane(ENTE, "slow"), Lane(ENTE, "other")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubUnderTest]:
    """A hub that delivers nothing by itself, with two lanes of 20 deliveries a second, two at once."""
    connectors: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, channel in (("slow", "io"), ("other", "email")):
        (tmp_path / name).mkdir()
        connectors[name] = ("loopback", {"folder": str(tmp_path / name), "channel": channel})
    limits = {"rate_per_s": 20.0, "burst": 2, "concurrency": 2}
    with (
        stores.in_use("postgresql"),
        running_hub(tmp_path / "home", connectors=connectors, limits=limits, dispatch="workers") as hub,
    ):
        yield hub


@contextmanager
def draining(hub: HubUnderTest, stopping: threading.Event | None = None, **changes: Any) -> Iterator[Drain]:
    worker = Hub(Home(hub.home.settings))
    with worker.working():
        yield replace(drain_of(worker, stopping or threading.Event()), **changes)


def held_up(drain: Drain, hub: HubUnderTest, answered: threading.Event) -> Drain:
    """One whose lane has no answer before both of the other lane's deliveries have theirs."""

    def run(claim: Claim) -> None:
        if claim.lane == LANE:
            assert answered.wait(20), "nobody else was served meanwhile"
        drain.run(claim)
        if claim.lane == OTHER and delivered(hub, OTHER) == 2:
            answered.set()

    return replace(drain, run=run)


def publish(hub: HubUnderTest, count: int, *, email: bool = False) -> None:
    recipient = {"tax_code": ROSSI} | ({"email": "mario@example.it"} if email else {})
    for n in range(count):
        hub.publish("messages", make_message(f"m-{n}", recipient=recipient)).raise_for_status()


def delivered(hub: HubUnderTest, lane: Lane = LANE) -> int:
    return sum(d["state"] == "delivered" and d["connector_id"] == lane.connector_id for d in hub.deliveries())


def test_a_lane_that_its_rate_holds_back_is_drained_at_that_rate(hub: HubUnderTest) -> None:
    publish(hub, 8)
    with draining(hub) as drain:
        started = time.monotonic()
        assert drain(LANE)
    assert delivered(hub) == 8
    assert time.monotonic() - started > 5 / 20


@pytest.mark.parametrize(("end", "counts"), [({"most": 3}, range(3, 4)), ({"budget_s": 0.1}, range(1, 8))])
def test_a_drain_with_something_left_says_so(hub: HubUnderTest, end: dict[str, Any], counts: range) -> None:
    publish(hub, 8)
    with draining(hub) as drain:
        assert not drain(LANE, **end)
    assert delivered(hub) in counts


def test_whoever_is_to_stop_takes_nothing_more(hub: HubUnderTest) -> None:
    publish(hub, 1)
    stopping = threading.Event()
    stopping.set()
    with draining(hub, stopping) as drain:
        assert not drain(LANE)
    assert delivered(hub) == 0


def test_while_one_lane_keeps_it_waiting_its_other_hands_serve_the_others(hub: HubUnderTest) -> None:
    publish(hub, 2, email=True)
    answered = threading.Event()
    with draining(hub) as drain:
        assert held_up(drain, hub, answered)(LANE)
    assert (delivered(hub), delivered(hub, OTHER)) == (2, 2)


@pytest.mark.parametrize(("threads", "most"), [(2, 1000), (8, 1)])
def test_a_slow_lane_leaves_others_a_hand_though_it_has_all_or_the_drain_is_over(
    hub: HubUnderTest, threads: int, most: int
) -> None:
    publish(hub, 2, email=True)
    answered = threading.Event()
    with draining(hub, threads=threads) as drain:
        held_up(drain, hub, answered)(LANE, most=most)
    assert delivered(hub) == min(2, most)
    assert answered.is_set()


def test_what_is_not_begun_to_be_sent_when_the_grace_is_over_is_handed_back(hub: HubUnderTest) -> None:
    publish(hub, 1)
    stopping, leave = threading.Event(), threading.Event()
    with draining(hub, stopping, grace_s=0.0) as drain:

        def hangs(_: Claim) -> None:
            stopping.set()
            assert leave.wait(20)

        assert not replace(drain, run=hangs)(LANE)
        (row,) = [d for d in hub.deliveries() if d["connector_id"] == "slow"]
        leave.set()
    assert (row["state"], row["attempts"]) == ("queued", 0)
