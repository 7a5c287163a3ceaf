"""Requests that are ready at the same moment go through a step together.

A step run over thirty requests in a row finds its code and data in the processor's cache; run once between all the
other steps of a request it takes half as long again (measured, DECISIONS 17). Nothing waits for company: the step runs
in the same turn of the event loop in which its requests became ready.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")


class Together(Generic[A, B]):
    """`await step(value)` is `work(value)`, with its result or its exception, for each on its own."""

    def __init__(self, work: Callable[[A], B]) -> None:
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
        waiting, self._waiting = self._waiting, []
        for value, future in waiting:
            if future.done():  # the caller went away
                continue
            try:
                future.set_result(self._work(value))
            except Exception as exc:  # noqa: BLE001 - it is the caller's, who awaits it
                future.set_exception(exc)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as exc:  # noqa: BLE001 - a panic of a Rust library; those after it wait as well
                future.set_exception(RuntimeError(type(exc).__name__))
