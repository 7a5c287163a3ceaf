"""Subscription services as they are kept: read whole, with the registry."""

import logging
from collections.abc import Mapping
from types import MappingProxyType

import orjson
from pydantic import ValidationError
from sqlalchemy import Connection, select

from contracts.subscription_services import SubscriptionService

from .tables import subscription_services

log = logging.getLogger(__name__)


def load_subscription_services(connection: Connection) -> Mapping[tuple[str, str], SubscriptionService]:
    """All, by (ente_id, code); one that this version cannot read is left out, and nothing is published for it."""
    found = {}
    for row in connection.execute(select(subscription_services)):
        try:
            service = SubscriptionService.model_validate_json(orjson.dumps(row.record))
        except ValidationError:
            log.error("subscription_service.unreadable ente=%s code=%s", row.ente_id, row.code)  # noqa: TRY400 - the name says all
            continue
        found[row.ente_id, row.code] = service
    return MappingProxyType(found)
