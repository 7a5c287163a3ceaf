"""Turns at what takes much memory or time: so many at once in a process, and, where the hub has several enti, never all
of them one's, so that whatever one ente does, another's comes.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from weakref import WeakSet

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from contracts.faults import Bilingual, bilingual
from hub.errors import QuotaExceeded


@dataclass(frozen=True, slots=True)
class Room:
    """For how many there is room at once; `enti` tells how many enti the hub has now."""

    at_once: int
    enti: Callable[[], int]

    def takes(self, ente_id: str, held: Counter[str]) -> bool:
        """Whether one more of the ente may begin, while each has what is `held`."""
        most = self.at_once if self.enti() < 2 else max(1, self.at_once - 1)
        return held.total() < self.at_once and held[ente_id] < most


class Turns:
    """Whoever gets none waits. Next is the ente that has the fewest, and of those who waits longest. On one event loop,
    without a lock."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._held: Counter[str] = Counter()
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def turn(self, ente_id: str) -> AsyncIterator[None]:
        """A turn of that ente's, until the block ends."""
        mine = asyncio.get_running_loop().create_future()
        self._waiting.append((ente_id, mine))
        self._give()
        try:
            await mine
            yield
        finally:
            if (ente_id, mine) in self._waiting:  # it gave up
                self._waiting.remove((ente_id, mine))
            else:
                self._held[ente_id] -= 1
                self._give()

    def _give(self) -> None:
        while able := [
            (ente_id, its) for ente_id, its in self._waiting if not its.done() and self._room.takes(ente_id, self._held)
        ]:
            first = min(able, key=lambda each: self._held[each[0]])
            self._waiting.remove(first)
            self._held[first[0]] += 1
            first[1].set_result(None)


TOO_MANY_EXPORTS: Final = bilingual("Troppe esportazioni insieme", "too many exports at once")


class Slots:
    """Of exports, or of what `too_many` tells of. Whoever gets none is told to come again, after so many seconds."""

    def __init__(self, room: Room, too_many: Bilingual = TOO_MANY_EXPORTS, retry_after_s: int = 30) -> None:
        self._room = room
        self._too_many = too_many
        self._retry_after_s = retry_after_s
        self._taken: WeakSet[Slot] = WeakSet()
        self._lock = threading.Lock()

    def take(self, ente_id: str) -> "Slot":
        """It is free again when it is freed, or when nobody has it any more, whatever became of the request that took
        it. Raises QuotaExceeded where there is none."""
        with self._lock:
            held = Counter(each.ente_id for each in self._taken)
            if not self._room.takes(ente_id, held):
                raise QuotaExceeded(self._too_many, headers={"Retry-After": str(self._retry_after_s)})
            slot = Slot(self, ente_id)
            self._taken.add(slot)
            return slot

    def free(self, slot: "Slot") -> None:
        with self._lock:
            self._taken.discard(slot)


@dataclass(frozen=True, eq=False)
class Slot:
    """One of `Slots`."""

    of: Slots
    ente_id: str

    def free(self) -> None:
        self.of.free(self)


class SlottedResponse(StreamingResponse):
    """A body that is made while it is sent, in a slot that is free once it was sent or its reader has gone."""

    slot: Slot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.slot.free()
