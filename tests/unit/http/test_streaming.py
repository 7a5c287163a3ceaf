"""An event stream that has much to catch up with ends when it must, as one that waits does."""

import asyncio

import pytest

from hub.feed.streams import Waiting
from hub.http.streaming import EventStream
from hub.store.citizens import Subject
from tests.harness import ENTE, ROSSI


async def nobody():
    return None


@pytest.mark.parametrize("end", ["trust_changed", "stopping"])
def test_who_has_much_to_catch_up_with_is_ended_between_two_pages(end):
    """It was handed page after page, whatever had become of the portal's keys meanwhile."""

    async def play():
        waiting = Waiting(Subject(ENTE, "person", ROSSI), portal=None)

        def read(position):
            if position == 2:
                waiting.stir(end)
            return [(str(position), {"n": position})], position + 1, position < 50

        stream = EventStream(waiting, read, nobody, 0, 60.0, leave=lambda _: None)
        return [piece async for piece in stream.body_iterator]

    pieces = asyncio.run(asyncio.wait_for(play(), 30))
    assert pieces[-1] == b'event: end\ndata: {"reason":"%s"}\n\n' % end.encode()
    assert [piece[:5] for piece in pieces[1:-1]] == [b"id: 0", b"id: 1", b"id: 2"]
