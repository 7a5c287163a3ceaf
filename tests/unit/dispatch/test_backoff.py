"""When to try again: the bounds, whatever is drawn and whatever a provider wishes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contracts.connector import Limits
from hub.dispatch.backoff import next_attempt

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
FAR = NOW + timedelta(days=10_000)
DRAWS = st.floats(0, 1, exclude_max=True)
LIMITS = st.builds(
    Limits, retry_base_s=st.floats(0.01, 3600), retry_cap_s=st.floats(0.01, 86_400), max_attempts=st.integers(1, 1000)
)
ATTEMPTS = st.integers(1, 1000)
WISHES = st.timedeltas(timedelta(days=-1), timedelta(days=4000))


@given(ATTEMPTS, LIMITS, DRAWS)
def test_without_a_wish_the_delay_is_between_a_second_and_the_doubling_ceiling(attempt, limits, draw):
    assume(attempt < limits.max_attempts)
    due = next_attempt(attempt=attempt, after=None, now=NOW, expires_at=FAR, limits=limits, draw=lambda: draw)
    ceiling = min(limits.retry_cap_s, limits.retry_base_s * 2 ** min(attempt, 40))
    assert timedelta(seconds=1) <= due - NOW <= max(timedelta(seconds=1), timedelta(seconds=ceiling))


@given(ATTEMPTS, LIMITS, DRAWS, WISHES)
def test_a_wish_is_never_undercut_within_twice_the_cap_and_never_honoured_far_beyond(attempt, limits, draw, wish):
    assume(attempt < limits.max_attempts)
    due = next_attempt(attempt=attempt, after=wish, now=NOW, expires_at=FAR, limits=limits, draw=lambda: draw)
    most = timedelta(seconds=2 * limits.retry_cap_s)
    assert due - NOW >= min(wish, most)
    assert due - NOW <= 1.5 * max(most, timedelta(seconds=1)) + timedelta(milliseconds=1)


@given(LIMITS, DRAWS)
def test_the_attempts_are_used_up_at_their_limit(limits, draw):
    due = next_attempt(
        attempt=limits.max_attempts, after=None, now=NOW, expires_at=FAR, limits=limits, draw=lambda: draw
    )
    assert due is None


@given(ATTEMPTS, LIMITS, DRAWS, st.none() | WISHES, st.timedeltas(timedelta(days=-1), timedelta(days=30)))
def test_nothing_is_due_when_it_will_be_too_old(attempt, limits, draw, wish, age):
    due = next_attempt(attempt=attempt, after=wish, now=NOW, expires_at=NOW + age, limits=limits, draw=lambda: draw)
    assert due is None or NOW < due < NOW + age


@pytest.mark.parametrize(("attempt", "ceiling"), [(1, 20), (2, 40), (3, 80), (8, 2560), (9, 3600), (49, 3600)])
def test_the_ceiling_doubles_up_to_the_cap(attempt, ceiling):
    limits = Limits(retry_base_s=10, retry_cap_s=3600)
    due = next_attempt(attempt=attempt, after=None, now=NOW, expires_at=FAR, limits=limits, draw=lambda: 0.5)
    assert due - NOW == timedelta(seconds=ceiling / 2)


def test_those_who_were_throttled_together_do_not_come_back_together():
    wish = timedelta(seconds=10)
    dues = {
        next_attempt(attempt=1, after=wish, now=NOW, expires_at=FAR, limits=Limits(), draw=lambda d=d: d / 10)
        for d in range(10)
    }
    assert len(dues) == 10
