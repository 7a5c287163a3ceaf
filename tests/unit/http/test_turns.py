"""Turns: so many at once, never all one ente's of several; a turn that nobody has any more is free."""

import asyncio

import pytest

from hub.errors import QuotaExceeded
from hub.http.turns import Room, Slots, SlottedResponse, Turns


def several(at_once):
    """Room in a hub of several enti."""
    return Room(at_once, lambda: 2)


class Guest:
    """Wants a turn, and keeps it until it is told to leave."""

    def __init__(self, turns, ente_id):
        self.leave = asyncio.Event()
        self.there = False
        self.task = asyncio.get_running_loop().create_task(self._come(turns, ente_id))

    async def _come(self, turns, ente_id):
        async with turns.turn(ente_id):
            self.there = True
            await self.leave.wait()
        self.there = False


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


def test_one_ente_leaves_another_a_turn_however_many_it_wants():
    async def play():
        turns = Turns(several(2))
        ours = [Guest(turns, "a") for _ in range(5)]
        await settle()
        assert [guest.there for guest in ours] == [True, False, False, False, False]
        theirs = Guest(turns, "b")
        await settle()
        assert theirs.there
        for guest in (theirs, *ours):
            guest.leave.set()
        await asyncio.wait_for(asyncio.gather(theirs.task, *(guest.task for guest in ours)), 10)

    asyncio.run(play())


def test_the_one_ente_of_a_hub_has_all_turns_until_another_comes_and_is_next():
    async def play():
        enti = ["a"]
        turns = Turns(Room(2, lambda: len(enti)))
        ours = [Guest(turns, "a") for _ in range(4)]
        await settle()
        assert [guest.there for guest in ours] == [True, True, False, False]
        enti.append("b")
        theirs = [Guest(turns, "b") for _ in range(2)]
        await settle()
        assert not any(guest.there for guest in theirs)
        ours[0].leave.set()
        await settle()
        assert [guest.there for guest in (*ours, *theirs)] == [False, True, False, False, True, False]
        ours[1].leave.set()
        await settle()
        assert [guest.there for guest in (*ours, *theirs)] == [False, False, True, False, True, False]
        for guest in (*ours, *theirs):
            guest.leave.set()
        await asyncio.wait_for(asyncio.gather(*(guest.task for guest in (*ours, *theirs))), 10)

    asyncio.run(play())


def test_the_one_ente_of_a_hub_has_all_slots():
    slots = Slots(Room(2, lambda: 1))
    held = [slots.take("a"), slots.take("a")]
    with pytest.raises(QuotaExceeded):
        slots.take("a")
    held.pop().free()
    slots.take("a")


def test_next_is_who_has_fewest_and_of_those_who_waits_longest():
    async def play():
        turns = Turns(several(3))
        first, second = Guest(turns, "a"), Guest(turns, "a")
        third = Guest(turns, "b")
        await settle()
        assert all(guest.there for guest in (first, second, third))
        waiting = {name: Guest(turns, name) for name in ("a", "b", "c", "d")}
        await settle()
        came = []
        for guest in (first, third, second):
            guest.leave.set()
            await settle()
            came += [name for name, one in waiting.items() if one.there and name not in came]
        # When the first left, a and b had one each; when the third did, b had none and had waited longer than d.
        assert came == ["c", "b", "a"]
        for guest in waiting.values():
            guest.leave.set()
        await asyncio.wait_for(asyncio.gather(*(guest.task for guest in waiting.values())), 10)

    asyncio.run(play())


def test_who_gives_up_waiting_or_with_its_turn_leaves_it_to_the_next():
    async def play():
        turns = Turns(several(1))
        holder, quitter, last = (Guest(turns, "a") for _ in range(3))
        await settle()
        quitter.task.cancel()
        await settle()
        holder.task.cancel()
        await settle()
        assert last.there
        last.leave.set()
        await asyncio.wait_for(last.task, 10)
        again = Guest(turns, "a")
        await settle()
        assert again.there
        again.task.cancel()

    asyncio.run(play())


def test_slots_are_refused_beyond_their_number_and_one_is_left_for_another_ente():
    slots = Slots(several(3))
    ours = [slots.take("a"), slots.take("a")]
    with pytest.raises(QuotaExceeded) as refused:
        slots.take("a")
    assert int(refused.value.headers["Retry-After"]) > 0
    theirs = slots.take("b")
    with pytest.raises(QuotaExceeded):
        slots.take("c")
    theirs.free()
    slots.take("c").free()
    ours.pop()  # nobody has it any more: the request failed on its way
    slots.take("a")


@pytest.mark.parametrize("reader_goes", [False, True])
def test_a_slot_is_free_when_the_body_was_sent_or_its_reader_went(reader_goes):
    slots = Slots(several(1))

    async def send(message):
        if reader_goes and message["type"] == "http.response.body":
            raise OSError
        with pytest.raises(QuotaExceeded):
            slots.take("a")

    async def receive():
        await asyncio.Event().wait()

    async def play():
        response = SlottedResponse(iter([b"one", b"two"]))
        response.slot = slots.take("a")
        try:
            await response({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send)
        except Exception:
            assert reader_goes
        return response

    kept = asyncio.run(play())
    assert kept.slot.ente_id == "a"
    slots.take("a")


def test_whoever_gets_no_slot_is_told_of_what_and_until_when():
    slots = Slots(several(1), "carts", retry_after_s=5)
    first = slots.take("c_h501")
    with pytest.raises(QuotaExceeded) as caught:
        slots.take("c_a944")
    assert ("carts" in caught.value.detail, caught.value.headers) == (True, {"Retry-After": "5"})
    slots.free(first)
    slots.take("c_a944").free()
