"""Steps that requests take together: each hears of its own, whatever becomes of the others."""

import asyncio

from hub.http.together import Together, each


class Panic(BaseException):
    """As a Rust library panics: it is no Exception."""


def test_each_hears_of_its_own():
    def half(value):
        if value == 2:
            raise Panic
        if value % 2:
            raise ValueError(value)
        return value // 2

    async def all_together():
        step = Together(each(half))
        return await asyncio.gather(*(step(value) for value in range(5)), return_exceptions=True)

    found = asyncio.run(asyncio.wait_for(all_together(), 5))
    assert [str(each) for each in found] == ["0", "1", "Panic", "3", "2"]


def test_where_the_step_itself_breaks_all_hear_of_it_and_nobody_waits_for_ever():
    def broken(_values):
        raise Panic

    async def all_together():
        step = Together(broken)
        return await asyncio.gather(*(step(value) for value in range(3)), return_exceptions=True)

    found = asyncio.run(asyncio.wait_for(all_together(), 5))
    assert [str(each) for each in found] == ["Panic"] * 3
