"""When to try again: full jitter over a doubling delay, the provider's own wish honoured within bounds."""

from collections.abc import Callable
from datetime import datetime, timedelta

from contracts.connector import Limits

_SHORTEST = timedelta(seconds=1)


def next_attempt(
    *,
    attempt: int,
    after: timedelta | None,
    now: datetime,
    expires_at: datetime,
    limits: Limits,
    draw: Callable[[], float],
) -> datetime | None:
    """The next attempt's time, or None when the attempts or the age are used up.

    `attempt` counts those made, `after` is the provider's Retry-After, `draw` gives a number in [0, 1). A wish is never
    undercut, and never honoured beyond twice the cap: a provider that says ten years does not decide for us.
    """
    if attempt >= limits.max_attempts:
        return None
    ceiling = min(limits.retry_cap_s, limits.retry_base_s * 2 ** min(attempt, 40))
    delay = max(_SHORTEST, timedelta(seconds=ceiling * draw()))
    if after is not None:
        wish = min(max(after, _SHORTEST), timedelta(seconds=2 * limits.retry_cap_s))
        # Jitter on top, so that all who were throttled together do not come back together.
        delay = wish + timedelta(seconds=min(ceiling, wish.total_seconds()) * draw() * 0.5)
    due = now + delay
    return due if due < expires_at else None
