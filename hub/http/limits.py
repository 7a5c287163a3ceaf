"""Short-window limits, in this process: calls of a client, refusals of an address. Daily quotas are the store's."""

import time
from dataclasses import dataclass

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

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
        self._window = FixedWindowRateLimiter(MemoryStorage())
        self._calls = RateLimitItemPerMinute(calls_per_minute)
        self._refusals = RateLimitItemPerMinute(refusals_per_minute)

    def count_call(self, client: str) -> Allowance:
        """One more call of a verified client. Raises QuotaExceeded when its minute is used up."""
        allowed = self._window.hit(self._calls, "call", client)
        allowance = self._left(self._calls, "call", client)
        if not allowed:
            raise QuotaExceeded(headers={"Retry-After": str(allowance.reset_s), **allowance.headers()})
        return allowance

    def count_refusal(self, address: str) -> Allowance:
        """One more refused call of an address. Raises QuotaExceeded when its minute is used up.

        Only what is refused is ever stopped by it: a vendor behind the same proxy as somebody who guesses is not.
        """
        allowed = self._window.hit(self._refusals, "refusal", address)
        allowance = self.peek(address)
        if not allowed:
            raise QuotaExceeded(headers={"Retry-After": str(allowance.reset_s), **allowance.headers()})
        return allowance

    def peek(self, address: str) -> Allowance:
        """What an address has left before it is known who calls."""
        return self._left(self._refusals, "refusal", address)

    def _left(self, item: RateLimitItemPerMinute, *key: str) -> Allowance:
        stats = self._window.get_window_stats(item, *key)
        reset = max(1, round(stats.reset_time - time.time()))
        return Allowance(item.amount, max(0, stats.remaining), min(reset, 60))
