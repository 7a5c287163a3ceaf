"""Which connector of pagoPA acts for a creditor: makes its carts, prints its notices."""

from collections.abc import Callable
from dataclasses import dataclass

from contracts.connector import Connector

from .owing import Owed
from .pool import ConnectorPool


@dataclass(frozen=True, slots=True)
class Acting:
    """A connector in force, for a creditor."""

    connector_id: str
    connector: Connector
    name: str
    """The creditor's, as its settings have it; empty where they leave it out."""


def acting_for(pool: ConnectorPool, owed: Owed, can: Callable[[Connector], object]) -> Acting | None:
    """The preferred one in force for the creditor of what is owed, of those that `can`; None where there is none."""
    for connector_id in pool.acting().get((owed.payment.ente_id, owed.notice.creditor_tax_code, owed.environment), ()):
        connector = pool.get(owed.payment.ente_id, connector_id)
        if connector is not None and connector.numbering is not None and can(connector) is not None:
            return Acting(connector_id, connector, connector.numbering.creditor_name)
    return None


def is_served(pool: ConnectorPool, ente_id: str) -> bool:
    """Whether a connector in force acts for any creditor of an ente: where none does, no payment need be looked at."""
    return any(its == ente_id for its, *_ in pool.acting())
