"""What administrators did, as it stands in the access log: newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from .handling import ADMINISTRATORS
from .tables import access_log

Position = tuple[datetime, str]


def acts(
    connection: Connection,
    ente_id: str,
    *,
    after: Position | None,
    limit: int,
    operation: str | None = None,
    target: str | None = None,
) -> Sequence[Any]:
    """The acts of an ente's administrators after a position in the list, perhaps of one operation alone, or on one
    target and what belongs to it."""
    log = access_log.c
    query = select(access_log).where(log.ente_id == ente_id, log.act.is_not(None), log.portal_id.in_(ADMINISTRATORS))
    if operation is not None:
        query = query.where(log.operation == operation)
    if target is not None:
        query = query.where(log.act["target"].as_string() == target)
    if after is not None:
        at, access_id = after
        query = query.where(or_(log.at < at, and_(log.at == at, log.access_id < access_id)))
    return connection.execute(query.order_by(log.at.desc(), log.access_id.desc()).limit(limit)).all()
