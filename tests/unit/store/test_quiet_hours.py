"""Quiet hours: hours of Italy's day, over midnight and over the changes of the clocks."""

from datetime import UTC, datetime, time

import pytest

from hub.store.preferences import Quiet, quiet_until

NIGHT = Quiet(time(22), time(7))
NOON = Quiet(time(12, 30), time(15))


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        (None, "2026-11-26T23:00", None),
        (NIGHT, "2026-11-26T20:59", None),
        (NIGHT, "2026-11-26T21:00", "2026-11-27T06:00"),
        (NIGHT, "2026-11-26T23:30", "2026-11-27T06:00"),
        (NIGHT, "2026-11-27T05:59", "2026-11-27T06:00"),
        (NIGHT, "2026-11-27T06:00", None),
        (NIGHT, "2026-07-01T20:00", "2026-07-02T05:00"),
        (NOON, "2026-11-26T11:29", None),
        (NOON, "2026-11-26T11:30", "2026-11-26T14:00"),
        (NOON, "2026-11-26T14:00", None),
        (NIGHT, "2026-03-28T22:00", "2026-03-29T05:00"),  # the night has an hour less
        (NIGHT, "2026-10-24T21:00", "2026-10-25T06:00"),  # and one more
    ],
)
def test_until_when_nothing_is_sent(quiet, now, until):
    assert quiet_until(quiet, at(now)) == (until and at(until))


@pytest.mark.parametrize("end", [time(2, 0), time(2, 30), time(3, 0)])
def test_an_end_in_the_hour_that_there_is_not_or_twice_still_comes(end):
    for day in ("2026-03-29T00:30", "2026-10-25T00:10", "2026-10-24T23:50"):
        until = quiet_until(Quiet(time(22), end), at(day))
        assert until is None or at(day) < until
