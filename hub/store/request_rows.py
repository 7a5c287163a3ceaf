"""The requests that were made about a subscription, as they are kept."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select

from .tables import subscription_requests


def requests_of(connection: Connection, item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All requests ever made about an item, oldest first."""
    query = select(subscription_requests).where(about(item)).order_by(subscription_requests.c.request_id)
    return [dict(row) for row in connection.execute(query).mappings()]


def about(item: Mapping[str, Any]) -> ColumnElement[bool]:
    """Those of one item."""
    its = subscription_requests.c
    return and_(its.ente_id == item["ente_id"], its.citizen_id == item["citizen_id"], its.item_id == item["item_id"])
