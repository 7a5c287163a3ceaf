"""Services that an administrator names outside of the catalogue: one that is not in it is a slip of the pen, and what
depends on the name would never come to be."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from hub.errors import ContractViolation, Fault
from hub.store.catalogue import services_of


def not_in_catalogue(connection: Connection, ente_id: str, service_ids: Iterable[str]) -> list[str]:
    """Those of the names that no service of the ente has, in order."""
    return sorted(set(service_ids) - services_of(connection, ente_id))


def must_be_in_catalogue(connection: Connection, ente_id: str, named: Mapping[str, str]) -> None:
    """Raises ContractViolation for each of the names, by the JSON pointers where they stand, that is no service."""
    unknown = set(not_in_catalogue(connection, ente_id, named.values())) if named else set()
    if unknown:
        faults = [
            Fault(pointer, "service.unknown", f"{name[:64]!r} is not in the catalogue: add it there first")
            for pointer, name in named.items()
            if name in unknown
        ]
        raise ContractViolation(faults=tuple(faults[:100]))
