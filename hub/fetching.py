"""Files that stay at their vendors, over connections that reach no host inside."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from hub.ingest.references import Fetch, NotThere
from hub.trust.outside import Outside, Unreachable


@asynccontextmanager
async def fetching(internal_hosts: frozenset[str]) -> AsyncIterator[Fetch]:
    """Connections to wherever vendors keep files: public addresses alone, unless an operator listed the host."""
    outside = Outside(internal_hosts=internal_hosts)

    async def fetch(url: str, take: Callable[[bytes], None], most: int, within_s: float) -> None:
        try:
            await outside.take(url, take, most=most, within_s=within_s)
        except Unreachable as exc:
            raise NotThere(exc.problem) from None

    try:
        yield fetch
    finally:
        await outside.aclose()
