"""The open streams of a process, and what they are told when it stops."""

import asyncio

from hub.feed.streams import Streams, Waiting
from hub.store.citizens import Subject
from tests.harness import ENTE, ROSSI


def test_a_stream_that_opens_at_the_moment_of_the_stop_is_told_too():
    """It came in after the thread had seen who is there, and before that saw the stop: nobody told it any more."""

    class Open(set):
        def __iter__(self):
            yield from [*super().__iter__()]
            self.add(late)
            streams.end_soon()

    async def two():
        return [Waiting(Subject(ENTE, "person", ROSSI), portal=None) for _ in range(2)]

    first, late = asyncio.run(two())
    streams = Streams(database=None, citizens=None, registry=lambda: None, most_per_portal=2)
    streams._open = Open([first])
    streams._run()
    assert (first.end, late.end) == ("stopping", "stopping")
