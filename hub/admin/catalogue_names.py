"""What an administrator names of the ente's own lists outside of them: vendors, services, types of documents.

One that is not in its list is a slip of the pen, and what depends on the name would never come to be.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from contracts.connector import ConnectorType
from contracts.faults import Bilingual, bilingual
from contracts.naming import Named, NamedKind
from hub.dispatch.building import BadConfiguration, names_in
from hub.errors import ContractViolation, Fault
from hub.store.catalogue import services_of
from hub.store.configuration import ConnectorConfig
from hub.store.directory import vendors_of
from hub.store.document_types import types_of
from hub.store.subscription_services import subscription_services_of

_SAID: Final[Mapping[NamedKind, tuple[str, str]]] = {
    "vendor": ("non è un fornitore dell'ente: va prima registrato", "is no vendor of the ente: register it first"),
    "service": ("non è nel catalogo: va prima aggiunto", "is not in the catalogue: add it there first"),
    "document_type": (
        "non è tra i tipi di documento ammessi: va prima aggiunto",
        "is no listed type of documents: list it first",
    ),
    "subscription_service": (
        "non è un servizio di iscrizione: va prima aggiunto",
        "is no service to subscribe to: add it first",
    ),
}


_LISTED: Final[Mapping[NamedKind, Callable[[Connection, str], set[str] | None]]] = {
    "vendor": vendors_of,
    "service": services_of,
    "document_type": types_of,
    "subscription_service": subscription_services_of,
}
"""The names of an ente's list; None where any other name will do."""


def not_in_catalogue(connection: Connection, ente_id: str, service_ids: Iterable[str]) -> list[str]:
    """Those of the names that no service of the ente has, in order."""
    return sorted(set(service_ids) - services_of(connection, ente_id))


def must_be_known(connection: Connection, ente_id: str, named: Iterable[Named]) -> None:
    """Raises ContractViolation for each of the names, by its place, that is in none of the ente's lists."""
    unknown = _unknown(connection, ente_id, tuple(named))
    if unknown:
        faults = [Fault(one.place[:500], f"{one.kind}.unknown", _said(one)) for one in unknown]
        raise ContractViolation(faults=tuple(faults[:100]))


def named_anew(
    types: Mapping[str, ConnectorType], config: ConnectorConfig, before: ConnectorConfig | None
) -> list[Named]:
    """What a connector's settings name and did not before: what was saved once is not held against who changes
    something else. Raises BadConfiguration."""
    named = names_in(types, config)
    try:
        known = {(one.kind, one.name) for one in names_in(types, before)} if named and before is not None else set()
    except BadConfiguration:  # of another version of its type: nobody can tell what it named
        known = set()
    return [one for one in named if (one.kind, one.name) not in known]


def services_named(
    types: Mapping[str, ConnectorType], configs: Iterable[ConnectorConfig]
) -> Mapping[str, Sequence[str]]:
    """The ids of those connectors whose settings name a service, by service."""
    found: dict[str, list[str]] = {}
    for config in configs:
        try:
            named = names_in(types, config)
        except BadConfiguration:  # it does not work either
            continue
        for one in named:
            if one.kind == "service":
                found.setdefault(one.name, []).append(config.connector_id)
    return found


def vendor_named(
    types: Mapping[str, ConnectorType], configs: Iterable[ConnectorConfig], vendor_id: str
) -> list[tuple[str, str]]:
    """The ids of the connectors whose settings name a vendor, each with where."""
    found = []
    for config in configs:
        try:
            named = names_in(types, config)
        except BadConfiguration:  # it does not work either
            continue
        mine = (one for one in named if one.kind == "vendor" and one.name == vendor_id)
        found += [(config.connector_id, one.place) for one in mine]
    return found


def _unknown(connection: Connection, ente_id: str, named: tuple[Named, ...]) -> list[Named]:
    listed = {kind: _LISTED[kind](connection, ente_id) for kind in {one.kind for one in named}}
    return [one for one in named if (names := listed[one.kind]) is not None and one.name not in names]


def _said(one: Named) -> Bilingual:
    italian, english = _SAID[one.kind]
    return bilingual(f"{one.name[:64]!r} {italian}", f"{one.name[:64]!r} {english}")
