"""Short-window limits, in this process: calls of a client, refusals of an address. Daily quotas are the store's."""

import time
from dataclasses import dataclass
from functools import lru_cache

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage

from hub.errors import QuotaExceeded


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller has left: RAC_ROBUSTEZZA_001, `reset` in seconds to wait."""

    limit: int
    remaining: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset_s),
        }


class Limiter:
    """Counts by client once it is known, and by address what is refused before that."""

    def __init__(self, *, calls_per_minute: int, refusals_per_minute: int) -> None:
        # A fixed window is one counter: read back from the hit itself, for the library's own way counts it twice.
        self._counters = MemoryStorage()
        self._calls = RateLimitItemPerMinute(calls_per_minute)
        self._refusals = RateLimitItemPerMinute(refusals_per_minute)

    def count_call(self, client: str) -> Allowance:
        """One more call of a verified client. Raises QuotaExceeded when its minute is used up."""
        return self._hit(self._calls, _key(self._calls, "call", client))

    def count_refusal(self, address: str) -> Allowance:
        """One more refused call of an address. Raises QuotaExceeded when its minute is used up.

        Only what is refused is ever stopped by it: a vendor behind the same proxy as somebody who guesses is not.
        """
        return self._hit(self._refusals, _key(self._refusals, "refusal", address))

    def peek(self, address: str) -> Allowance:
        """What an address has left before it is known who calls."""
        key = _key(self._refusals, "refusal", address)
        return self._left(self._refusals, key, self._counters.get(key))

    def _hit(self, item: RateLimitItemPerMinute, key: str) -> Allowance:
        count = self._counters.incr(key, item.get_expiry())
        allowance = self._left(item, key, count)
        if count > item.amount:
            raise QuotaExceeded(headers={"Retry-After": str(allowance.reset_s), **allowance.headers()})
        return allowance

    def _left(self, item: RateLimitItemPerMinute, key: str, count: int) -> Allowance:
        reset = max(1, round(self._counters.get_expiry(key) - time.time()))
        return Allowance(item.amount, max(0, item.amount - count), min(reset, 60))


@lru_cache(maxsize=4096)
def _key(item: RateLimitItemPerMinute, kind: str, client: str) -> str:
    return item.key_for(kind, client)
