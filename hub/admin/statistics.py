"""Statistics of the subscribers of a service (S42-S44)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.base import ROME, rfc3339
from contracts.faults import bilingual
from contracts.subscription_services import SubscriptionService
from hub.errors import SubscriptionServiceUnknown
from hub.ingest.statistics import COUNTED, Cell, TooManyAreas, statistics
from hub.ingest.subscribers import subscribers
from hub.store.database import Database
from hub.store.ports import Vault

from .errors import AreasTooMany, SubscriptionServiceMissing
from .subscription_services import service_of


@dataclass(frozen=True, slots=True)
class Counted:
    """The cells at a moment, and the service whose policy they keep to."""

    service: SubscriptionService
    at: datetime
    cells: list[Cell]

    def view(self) -> dict[str, Any]:
        """contracts.statistics_administration.SubscriptionStatistics."""
        about = {"subscription_service": self.service.code, "counted_at": rfc3339(self.at)}
        smallest = self.service.statistics.smallest
        return about | {"smallest": smallest, "cells": [cell._asdict() for cell in self.cells]}


def count(database: Database, vault: Vault, ente_id: str, code: str) -> Counted:
    """Every subscription of the ente is read, page by page. Raises SubscriptionServiceMissing, AreasTooMany."""
    with database.read() as connection:
        try:
            service = service_of(connection, ente_id, code)
        except SubscriptionServiceUnknown as unknown:
            raise SubscriptionServiceMissing(unknown.detail) from None
        now = database.now(connection)
    found = subscribers(database, vault, ente_id, code, COUNTED, now)
    try:
        return Counted(service, now, statistics(found, service.statistics, now.astimezone(ROME).date()))
    except TooManyAreas as attribute:
        raise AreasTooMany(
            bilingual(
                f"L'attributo {attribute} ha troppi valori per essere una zona",
                f"the attribute {attribute} has too many values: it is no area",
            )
        ) from None
