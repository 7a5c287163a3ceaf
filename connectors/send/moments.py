"""When an element of SEND's timeline happened."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def moment(element: Mapping[str, Any]) -> datetime:
    """Its own time in UTC; now, where it has none that can be read."""
    for name in ("eventTimestamp", "timestamp", "ingestionTimestamp"):
        try:
            found = datetime.fromisoformat(element[name])
        except (KeyError, TypeError, ValueError):
            continue
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    return datetime.now(UTC)
