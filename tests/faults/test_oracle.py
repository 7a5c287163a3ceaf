"""The oracle sees: each deliberate bug turns its invariant red."""

import pytest

from ..harness import eventually
from .lives import Life
from .oracle import violations
from .world import World

_KILLED_AT = {
    # bug -> (the step to die at, its call, the invariants that must be broken)
    "answer_before_commit": ("before_commit", 3, {"I1"}),
    "skip_the_mark": ("message_sent", 2, {"I4"}),
    "resend_unconfirmed": ("message_sent", 2, {"I4"}),
    "unconfirmed_without_mark": ("claimed", 3, {"I4"}),
}
_IN_PEACE = {
    "drop_a_message": {"I1"},
    "drop_a_delivery": {"I2"},
    "skip_the_digest": {"I5"},
    "forget_tokens": {"I10"},
    "log_the_citizen": {"I9"},
    "fork_the_chain": {"I7"},
}
_LATE = {"skip_the_fence": {"I4"}}


def broken(world: World, life: Life, *, fresh: int = 4) -> set[str]:
    return {found.invariant for found in violations(world.recover(life, fresh=fresh))}


@pytest.mark.parametrize("bug", _KILLED_AT)
def test_a_bug_shows_after_a_crash(world: World, bug: str) -> None:
    step, times, expected = _KILLED_AT[bug]
    with world.life(Life(step, times, bug=bug)) as hub:
        world.generator.load(hub, 12, alive=world.alive)
        world.died()
    assert broken(world, Life(bug=bug)) >= expected


@pytest.mark.parametrize("bug", _IN_PEACE)
def test_a_bug_shows_without_a_crash(world: World, bug: str) -> None:
    assert broken(world, Life(bug=bug), fresh=20) >= _IN_PEACE[bug]


def test_a_late_worker_shows(world: World) -> None:
    world.io_faults({"kind": "delay", "seconds": 1.5, "on": "profiles"})
    with world.life(Life(bug="skip_the_fence", lease_s=0.4)) as hub:
        world.generator.load(hub, 2)
        eventually(lambda: world.told_by("io"), lambda had: had > 2, within_s=30)
    assert broken(world, Life()) >= _LATE["skip_the_fence"]


def test_without_bug_and_crash_all_is_well(world: World) -> None:
    assert violations(world.recover(fresh=20)) == []
