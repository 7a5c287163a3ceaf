"""Requests that are ready at the same moment go through a step together.

A step run over thirty requests in a row finds its code and data in the processor's cache; run once between all the
other steps of a request it takes half as long again (measured, DECISIONS 17). Nothing waits for company: the step runs
in the same turn of the event loop in which its requests became ready.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

from hub.outcomes import outcome

A = TypeVar("A")
B = TypeVar("B")


def each(work: Callable[[A], B]) -> Callable[[Sequence[A]], list[B | Exception]]:
    """A step in which one follows the other."""
    return lambda values: [*map(partial(outcome, work), values)]


class Together(Generic[A, B]):
    """`await step(value)` is what `work` makes of the value among those that are ready with it; an exception is
    raised."""

    def __init__(self, work: Callable[[Sequence[A]], Sequence[B | Exception]]) -> None:
        self._work = work
        self._waiting: list[tuple[A, asyncio.Future[B]]] = []

    async def __call__(self, value: A) -> B:
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._run)
        future: asyncio.Future[B] = loop.create_future()
        self._waiting.append((value, future))
        return await future

    def _run(self) -> None:
        waiting = [one for one in self._waiting if not one[1].done()]  # others have gone away
        self._waiting = []
        results = outcome(self._work, [value for value, _ in waiting])
        if isinstance(results, Exception):  # a bug of ours: they must not wait for ever
            results = [results] * len(waiting)
        for (_, future), result in zip(waiting, results, strict=True):
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
