"""What was handed to the committer, and how those who wait for it are told."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from .database import Tx

log = logging.getLogger(__name__)

V = TypeVar("V")
R = TypeVar("R")
Handler = Callable[[Tx, Sequence[V]], Sequence[R | Exception]]


class Awaited(Protocol):
    """Whose next batch waits for what is on its way."""

    coming: int


class Coming:
    """A value that may be on its way: the batch in the making waits for it. For the event loop's thread alone."""

    __slots__ = ("_awaited", "_is_on_its_way")

    def __init__(self, awaited: Awaited) -> None:
        self._awaited = awaited
        self._is_on_its_way = False

    def begin(self) -> None:
        """From here on it takes moments, and waits for nobody else."""
        self._is_on_its_way = True
        self._awaited.coming += 1

    def end(self) -> None:
        """It has come, or will not."""
        if self._is_on_its_way:
            self._is_on_its_way = False
            self._awaited.coming -= 1


@dataclass(slots=True)
class Work:
    handler: Handler[Any, Any]
    value: Any
    loop: asyncio.AbstractEventLoop | None
    future: Any
    """An asyncio future of `loop`, a concurrent one, or None where nobody waits for this one alone."""
    size: int = 0
    early: Callable[[Any], None] | None = None
    coming: "Coming | None" = None
    result: Any = None


def _by_loop(works: Iterable[Work]) -> dict[asyncio.AbstractEventLoop, list[Work]]:
    """Those for whom an event loop waits, by loop: each is woken once, as that costs more than resolving a future."""
    found: dict[asyncio.AbstractEventLoop, list[Work]] = {}
    for work in works:
        if work.loop is not None:
            found.setdefault(work.loop, []).append(work)
    return found


def tell_early(batch: list[Work]) -> None:
    """While the disk is waited for, the event loop would have nothing to do for those who wait for this commit."""
    told = (work for work in batch if work.early is not None and not isinstance(work.result, Exception))
    for loop, works in _by_loop(told).items():
        with suppress(RuntimeError):  # the loop is gone
            loop.call_soon_threadsafe(_prepare, works)


def _prepare(works: list[Work]) -> None:
    for work in works:
        if work.early is not None and not work.future.done() and not isinstance(work.result, Exception):
            with suppress(Exception):  # it is prepared once more for the answer, and told there
                work.early(work.result)


def answer(batch: list[Work]) -> None:
    _resolve([work for work in batch if work.loop is None and work.future is not None])
    for loop, works in _by_loop(batch).items():
        try:
            loop.call_soon_threadsafe(_resolve, works)
        except RuntimeError:
            log.warning("commit.unheard answers=%d", len(works))  # the loop is gone; what was written stays


def _resolve(works: list[Work]) -> None:
    for work in works:
        if work.future.done():  # the caller went away
            continue
        if isinstance(work.result, Exception):
            work.future.set_exception(work.result)
        else:
            work.future.set_result(work.result)
