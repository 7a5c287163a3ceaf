"""Subscription services, as those need them who write to their subscribers or list them."""

from sqlalchemy import Connection

from contracts.faults import bilingual
from contracts.subscription_services import SubscriptionService
from hub.errors import SubscriptionServiceUnknown
from hub.store.directory import load_registry


def service_of(connection: Connection, ente_id: str, code: str) -> SubscriptionService:
    """The service of that code. Raises SubscriptionServiceUnknown."""
    found = load_registry(connection).subscription_services.get((ente_id, code))
    if found is None:
        raise SubscriptionServiceUnknown(
            bilingual(
                f"L'ente {ente_id} non ha un servizio di iscrizione {code!r}",
                f"there is no subscription service {code!r} in {ente_id}",
            )
        )
    return found
