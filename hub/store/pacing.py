"""When a lane that its own rate holds back may go on."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from contracts.connector import Limits

from .lanes import standings
from .standing import Lane, LimitsOf, free_at, interval_of
from .tables import claimable, deliveries

_SLACK = timedelta(milliseconds=50)
"""For so long after its moment the rate may still be what held a lane back; what rests longer has other reasons."""


def resumes_at(connection: Connection, now: datetime, lane: Lane, limits: LimitsOf) -> datetime | None:
    """None where nothing is due, or something else than the rate holds it back."""
    standing, its = standings(connection, [lane]).get(lane), limits.get(lane) or Limits()
    if standing is None or standing.tat is None or standing.breaker(now) != "closed":
        return None
    at = free_at(standing, its, now)
    if at < now - min(interval_of(its), _SLACK):
        return None
    due = select(deliveries.c.delivery_id).where(
        deliveries.c.ente_id == lane.ente_id,
        deliveries.c.connector_id == lane.connector_id,
        claimable,
        deliveries.c.due_at <= now,
    )
    return at if connection.execute(due.limit(1)).first() else None
