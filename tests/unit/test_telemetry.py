"""Log lines: what one turn of the event loop says is written at once, and nothing that matters is kept back."""

import asyncio
import io
import logging
import re
import sys
import threading

import orjson
import pytest

from hub.telemetry import _LONG_WORD, _TAX_CODE, JsonLines, Lines


class Stream(io.StringIO):
    """Counts how often it was written to."""

    writes = 0

    def write(self, text):
        self.writes += 1
        return super().write(text)

    def events(self):
        return [orjson.loads(line)["event"] for line in self.getvalue().splitlines()]


@pytest.fixture
def stream():
    return Stream()


@pytest.fixture
def log(stream):
    made = logging.Logger("lines")
    handler = Lines(stream)
    handler.setFormatter(JsonLines())
    made.addHandler(handler)
    return made


def test_the_lines_of_one_turn_are_written_together_at_its_end(log, stream):
    async def two_turns():
        log.info("a.one")
        log.info("a.two")
        assert stream.events() == []
        await asyncio.sleep(0)
        assert (stream.events(), stream.writes) == (["a.one", "a.two"], 1)
        log.info("a.three")
        await asyncio.sleep(0)

    asyncio.run(two_turns())
    assert (stream.events(), stream.writes) == (["a.one", "a.two", "a.three"], 2)


def test_a_warning_is_written_on_the_spot_after_what_was_said_before_it(log, stream):
    async def turn():
        log.info("a.one")
        log.warning("a.two")
        assert stream.events() == ["a.one", "a.two"]

    asyncio.run(turn())


def test_what_a_thread_says_is_written_on_the_spot(log, stream):
    async def turn():
        log.info("a.one")
        thread = threading.Thread(target=log.info, args=("a.two",))
        thread.start()
        thread.join()
        assert stream.events() == ["a.one", "a.two"]

    asyncio.run(turn())


def test_a_loop_that_ends_with_a_line_unwritten_leaves_it_to_the_next(log, stream):
    async def last_words(word):
        log.info(word)

    loops = [asyncio.new_event_loop() for _ in range(2)]
    for loop, word in zip(loops, ("a.one", "a.two"), strict=True):
        loop.call_soon(loop.stop)
        loop.create_task(last_words(word))
        loop.run_forever()
    loops[1].run_until_complete(asyncio.sleep(0))
    assert stream.events() == ["a.one", "a.two"]
    for loop in loops:
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def test_the_search_for_long_words_sees_each_letter_that_may_stand_in_a_tax_code():
    letters = re.findall("[A-Z]", "".join(map(chr, range(sys.maxunicode + 1))), re.IGNORECASE)
    assert len(letters) > 52  # four more than both cases
    for letter in letters:
        word = f"{letter * 6}00{letter}00{letter}000{letter}"
        assert _TAX_CODE.search(word), letter
        assert _LONG_WORD.search(word), letter
