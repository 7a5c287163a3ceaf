"""What a caller has left of a limit, and how it is told: RAC_ROBUSTEZZA_001."""

from dataclasses import dataclass

from contracts.faults import Bilingual

from .errors import QuotaExceeded


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of `limit`, which holds anew after `reset_s` seconds."""

    limit: int
    remaining: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset_s),
        }

    def exceeded(self, detail: Bilingual | None = None) -> QuotaExceeded:
        """The error of a caller who wants more than is left: of this limit it is told, whatever others there are."""
        return QuotaExceeded(detail, headers={"Retry-After": str(self.reset_s), **self.headers()})
