"""Large bodies: how much of them may be in memory at once. A signed head alone opens no more than that."""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from contracts.faults import bilingual
from hub.errors import QuotaExceeded, TokenReplayed


class LargeBodies:
    """Counts, on the event loop alone, the bytes that are announced and not yet answered."""

    def __init__(self, *, of_one: int, of_all: int) -> None:
        self._of_one = of_one
        self._of_all = of_all
        self._held: Counter[str] = Counter()
        self._tokens: set[str] = set()

    @contextmanager
    def held(self, client: str, tokens: Collection[str], size: int) -> Iterator[None]:
        """Room for `size` bytes of a client, until the block ends. Raises QuotaExceeded, or TokenReplayed where another
        body comes with one of these tokens already."""
        if not self._tokens.isdisjoint(tokens):
            raise TokenReplayed
        if self._held[client] + size > self._of_one or self._held.total() + size > self._of_all:
            raise QuotaExceeded(
                bilingual("Troppi corpi grandi insieme", "too many large bodies at once"), headers={"Retry-After": "5"}
            )
        self._tokens.update(tokens)
        self._held[client] += size
        try:
            yield
        finally:
            self._tokens.difference_update(tokens)
            self._held[client] -= size
            if not self._held[client]:
                del self._held[client]
