"""Short-window limits, in this process: calls of a client, refusals of an address. Daily quotas are the store's.

A fixed window of one minute, counted on the event loop alone. The library tried first starts a timer thread again and
again; at the rate of publishing that cost more than a signature check (DECISIONS 12).
"""

import time

from hub.allowance import Allowance

_WINDOW_S = 60
_ACTS_PER_MINUTE = 10


class Limiter:
    """Counts by client once it is known, and by address what is refused before that."""

    def __init__(self, *, calls_per_minute: int, refusals_per_minute: int) -> None:
        self._calls = _Window(calls_per_minute)
        self._refusals = _Window(refusals_per_minute)
        self._strangers = _Window(refusals_per_minute)
        self._acts = _Window(_ACTS_PER_MINUTE)

    def count_call(self, client: str) -> Allowance:
        """One more call of a verified client. Raises QuotaExceeded when its minute is used up."""
        return self._calls.hit(client)

    def count_act(self, citizen: str) -> Allowance:
        """One more act of a citizen's that another system is called for. Raises QuotaExceeded when the citizen's minute
        is used up."""
        return self._acts.hit(citizen)

    def count_refusal(self, address: str) -> Allowance:
        """One more refused call of an address. Raises QuotaExceeded when its minute is used up.

        Only what is refused is ever stopped by it: a vendor behind the same proxy as somebody who guesses is not.
        """
        return self._refusals.hit(address)

    def count_stranger(self, address: str) -> Allowance:
        """One more call of an address that need not say who it is; as many a minute as may be refused. Raises
        QuotaExceeded when its minute is used up."""
        return self._strangers.hit(address)

    def peek(self, address: str) -> Allowance:
        """What an address has left before it is known who calls."""
        return self._refusals.left(address)


class _Window:
    """Counts of the present minute, forgotten together when it ends."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._number = 0
        self._counts: dict[str, int] = {}

    def hit(self, key: str) -> Allowance:
        self._roll()
        count = self._counts[key] = self._counts.get(key, 0) + 1
        allowance = self.left(key)
        if count > self._limit:
            raise allowance.exceeded()
        return allowance

    def left(self, key: str) -> Allowance:
        now = self._roll()
        remaining = max(0, self._limit - self._counts.get(key, 0))
        return Allowance(self._limit, remaining, _WINDOW_S - int(now) % _WINDOW_S)

    def _roll(self) -> float:
        now = time.monotonic()
        if (number := int(now) // _WINDOW_S) != self._number:
            self._number, self._counts = number, {}
        return now
