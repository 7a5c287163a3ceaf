"""The oracle sees on a shared hub as well: each deliberate bug turns its invariant red."""

from pathlib import Path

import pytest
from redis import Redis

from ..harness import eventually
from .bugs import BUGS
from .lives import Life
from .oracle import violations
from .topology import LIMITS, Servers, Shared

_KILLED_AT = {
    # bug -> (the part, the step it dies at, the call, the invariants that must be broken)
    "answer_before_commit": ("api-1", "before_commit", 3, {"I1"}),
    "skip_the_mark": ("worker-1", "message_sent", 2, {"I4"}),
    "resend_unconfirmed": ("worker-1", "message_sent", 2, {"I4"}),
    "unconfirmed_without_mark": ("worker-1", "claimed", 3, {"I4"}),
}
_IN_PEACE = {
    "drop_a_message": {"I1"},
    "drop_a_delivery": {"I2"},
    "mix_up_the_citizens": {"I3"},
    "skip_the_digest": {"I5"},
    "forget_tokens": {"I10"},
    "log_the_citizen": {"I9"},
    "fork_the_chain": {"I7"},
}
_LEFT = "SELECT count(*) AS n FROM deliveries WHERE state IN ('queued', 'waiting') OR claim_id IS NOT NULL"
_SLOW_IO = {"kind": "delay", "seconds": 2, "on": "profiles"}


def broken(world: Shared, bug: str, *, fresh: int = 4) -> set[str]:
    return {found.invariant for found in violations(world.recover(Life(bug=bug), fresh=fresh))}


@pytest.mark.parametrize("bug", _KILLED_AT)
def test_a_bug_shows_after_a_crash(tmp_path: Path, shared_servers: Servers, bug: str) -> None:
    part, step, times, expected = _KILLED_AT[bug]
    with Shared(tmp_path, shared_servers, lease_s=2) as world:
        world.start({part: Life(step, times, bug=bug)}, every=Life(bug=bug))
        with world.loading():
            world.died(part)
        assert broken(world, bug) >= expected


@pytest.mark.parametrize("bug", _IN_PEACE)
def test_a_bug_shows_without_a_crash(tmp_path: Path, shared_servers: Servers, bug: str) -> None:
    with Shared(tmp_path, shared_servers) as world:
        world.start(every=Life(bug=bug))
        assert broken(world, bug, fresh=20) >= _IN_PEACE[bug]


@pytest.mark.parametrize(("bug", "expected"), [("skip_the_fence", {"I2"}), ("settle_late", {"I2"})])
def test_a_late_worker_shows(tmp_path: Path, shared_servers: Servers, bug: str, expected: set[str]) -> None:
    with Shared(tmp_path, shared_servers, lease_s=0.6) as world:
        world.drain_within_s = 6
        world.start(every=Life(bug=bug))
        if bug == "skip_the_fence":
            world.io_faults(*[_SLOW_IO] * 3)
        world.load(4)
        world.drain(within_s=4)
        assert broken(world, bug) >= expected


def test_forgetting_the_order_shows(tmp_path: Path, shared_servers: Servers) -> None:
    bug = Life(bug="forget_the_order", ordered=True)
    with Shared(tmp_path, shared_servers) as world:
        world.ordered = True
        world.start({"api-1": bug})
        world.parts["worker-1"].kill_all()
        world.load(20, threads=1)
        assert "I6" in {found.invariant for found in violations(world.recover(bug))}


def test_sweeping_too_rarely_shows(tmp_path: Path, shared_servers: Servers) -> None:
    bug = Life(bug="sweep_too_rarely")
    with Shared(tmp_path, shared_servers, limits=LIMITS | {"retry_cap_s": 3600}) as world:
        world.drain_within_s = 6
        world.start(every=bug)
        world.io_faults(*[{"kind": "throttle", "retry_after": 3600, "on": "profiles"}] * 2)
        world.load(8)
        eventually(lambda: (world.rows(_LEFT), _rings(world)), lambda seen: seen == ([{"n": 2}], 0), within_s=60)
        # Nobody rings any more: what is due again is found by a sweep, or not at all.
        with world.connect() as connection:
            connection.execute("UPDATE deliveries SET due_at = 0 WHERE state = 'queued'")
        assert "I8" in {found.invariant for found in violations(world.recover(bug, fresh=0))}


def _rings(world: Shared) -> int:
    """Rings that nobody has answered yet, or that somebody answers now."""
    with Redis.from_url(world.on.redis.url) as redis:
        waiting = sum(redis.llen(key) for key in redis.keys("rq:queue:*"))
        return waiting + sum(redis.zcard(key) for key in redis.keys("rq:wip:*"))


def test_every_bug_is_planted() -> None:
    others = {"skip_the_fence", "settle_late", "forget_the_order", "sweep_too_rarely"}
    told_later = {"tell_nobody_later", "tell_blindly"}  # `test_told_later.py`
    assert {*_KILLED_AT, *_IN_PEACE, *others, *told_later} == set(BUGS)
