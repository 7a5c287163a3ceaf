"""kill -9 at each step and at random moments: nothing acknowledged is lost, nothing is told twice, nothing is stuck."""

import random
import threading
import time

import pytest

from ..harness import eventually
from .lives import Life
from .oracle import violations
from .steps import BELL, DELIVERY, INBOUND, OF_PARTIES, REQUEST, STEPS, UPKEEP
from .world import World

MESSAGES = 18
# Requests pass their steps soon; a delivery's steps want some deliveries under way at once.
NTH = {"before_insert": 3, "before_commit": 3, "after_commit": 3, "marked": 7, "connected": 1}


def test_every_step_is_one_of_a_request_a_delivery_or_upkeep() -> None:
    of_parties = {step for steps in OF_PARTIES.values() for step in steps}
    assert {*REQUEST, *DELIVERY, *INBOUND, *of_parties, *UPKEEP, *BELL} == set(STEPS)


@pytest.mark.parametrize("step", [*REQUEST, *DELIVERY])
def test_killed_at_a_step_nothing_is_lost_or_told_twice(world: World, step: str) -> None:
    with world.life(Life(step, NTH.get(step, 5))) as hub:
        world.generator.load(hub, MESSAGES, alive=world.alive)
        world.died()
    assert violations(world.recover()) == []
    assert world.generator.counts()["acked"] >= 6


def test_killed_while_it_takes_over_from_a_life_before(world: World) -> None:
    with world.life(Life("marked", 4)) as hub:
        world.generator.load(hub, MESSAGES, alive=world.alive)
        world.died()
    with world.life(Life("within_sweep")):
        world.died()
    assert violations(world.recover()) == []


def test_killed_while_app_io_keeps_it_waiting_the_message_is_unconfirmed_and_not_sent_again(world: World) -> None:
    world.io_faults({"kind": "hang", "seconds": 60})
    with world.life() as hub:
        world.generator.load(hub, 3)
        delivered = "SELECT count(*) AS n FROM deliveries WHERE channel = 'io' AND state = 'delivered'"
        eventually(
            lambda: (world.told_by("io"), world.count(delivered)),
            lambda seen: seen == (3, 2),
            within_s=60,
        )
        world.kill()
    seen = world.recover()
    assert violations(seen) == []
    assert [row["state"] for row in seen.deliveries].count("unconfirmed") == 1


def test_a_worker_whose_lease_ran_out_neither_sends_nor_writes(world: World) -> None:
    world.io_faults({"kind": "delay", "seconds": 1.5, "on": "profiles"})
    with world.life(Life(lease_s=0.4)) as hub:
        world.generator.load(hub, 2)
        world.drain()
        # The slow worker is back, and has found its claim in other hands.
        eventually(lambda: "delivery.claim_lost" in world.logs(), bool, within_s=30)
    assert violations(world.recover()) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_moments_under_load(world: World, seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(3):
        with world.life() as hub:
            load = threading.Thread(
                target=world.generator.load, args=(hub, 60), kwargs={"alive": world.alive, "threads": 6}
            )
            load.start()
            # a moment of the load: how soon it comes is the machine's affair
            world.takes(draw.randint(4, 40), within_s=30)
            time.sleep(draw.uniform(0, 0.02))
            world.kill()
            load.join()
    assert violations(world.recover()) == []
