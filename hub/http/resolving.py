"""Verification that may need something from elsewhere: fetched between two rounds, never while a check runs."""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from hub.errors import RequestRefused
from hub.security.material import Wanted

ROUNDS: Final = 8
"""A voucher's keys and that of a token; or an `x5u`, and two for each of three certificates; and one to spare."""

T = TypeVar("T")


class Resolver(Protocol):
    """Fetches what a check wants (hub.trust)."""

    async def resolve(self, wanted: Wanted, *, caller: str) -> None:
        """Put it, or that it cannot be had, on the shelf. Raises RequestRefused over the caller's budget."""


class NothingElsewhere:
    """A hub that fetches nothing: what is not at hand is refused."""

    async def resolve(self, wanted: Wanted, *, caller: str) -> None:
        raise RequestRefused(cause=f"material.wanted: {wanted.source}, which this hub does not fetch")


async def resolved(verdict: Callable[[], Awaitable[T]], resolver: Resolver, caller: str) -> T:
    """`verdict()`, each time anew after what it wanted was fetched.

    Raises:
        RequestRefused: over the caller's budget, or still wanting after some rounds.
    """
    for _ in range(ROUNDS):
        try:
            return await verdict()
        except Wanted as wanted:
            missing = wanted.source
            await resolver.resolve(wanted, caller=caller)
    raise RequestRefused(cause=f"material.wanted: {missing}, still after {ROUNDS} rounds")
