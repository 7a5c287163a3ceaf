"""Answers as they are sent."""

from datetime import UTC

import orjson
from hypothesis import given
from hypothesis import strategies as st

from contracts.base import rfc3339
from hub.feed.answers import as_json


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_is_written_as_everywhere_else(moment):
    assert orjson.loads(as_json([moment])) == [rfc3339(moment)]
