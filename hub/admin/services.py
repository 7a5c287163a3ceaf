"""The catalogue of services, which is the administrator's (`settled` 15)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection

from contracts.connector import ConnectorType
from contracts.vendor_administration import NewServiceCard, ServiceCardPatch
from hub.catalogue import Card, card_of, record_of
from hub.errors import ContractViolation, Fault
from hub.store.catalogue import set_service, show_service
from hub.store.configuration import Configuration
from hub.store.database import Tx
from hub.store.directory import AlreadyThere, NotThere, add_service, bump, load_registry

from .acting import Acted, Actor, Matches, Order
from .catalogue_names import services_named
from .errors import ServiceCardExists, ServiceCardUnknown
from .vendors import CANNOT_BE_TAKEN_AWAY, changed_parts


@dataclass(frozen=True, slots=True)
class Services:
    """The catalogues of all enti; each reading and each order is of one."""

    types: Mapping[str, ConnectorType]
    configuration: Configuration

    def all_of(self, connection: Connection, ente_id: str) -> list[tuple[str, dict[str, Any]]]:
        """contracts.vendor_administration.ServiceCard of each, by id."""
        found, naming = load_registry(connection).services, self.naming(connection, ente_id)
        return [
            (service_id, _view(card_of(service_id, record), naming.get(service_id, ())))
            for (owner, service_id), record in sorted(found.items())
            if owner == ente_id
        ]

    def one_of(self, connection: Connection, ente_id: str, service_id: str) -> dict[str, Any]:
        """contracts.vendor_administration.ServiceCard. Raises ServiceCardUnknown."""
        try:
            card = show_service(connection, ente_id, service_id)
        except NotThere:
            raise ServiceCardUnknown from None
        return _view(card, self.naming(connection, ente_id).get(service_id, ()))

    def naming(self, connection: Connection, ente_id: str) -> Mapping[str, Sequence[str]]:
        """By service the connectors in force whose settings name it: they go on with it, whatever its card says."""
        configs = self.configuration.load(connection).values()
        return services_named(self.types, [one for one in configs if one.ente_id == ente_id])

    def add(self, actor: Actor, wish: NewServiceCard) -> Order:
        """Put a service into the catalogue. The order raises ServiceCardExists."""
        given = wish.model_dump()
        card = Card(given.pop("service_id"), given.pop("display_name"), **given)

        def do(tx: Tx) -> Acted:
            try:
                add_service(tx, actor.ente_id, card.service_id, record_of(card))
            except AlreadyThere:
                raise ServiceCardExists from None
            view = _view(card, self.naming(tx.connection, actor.ente_id).get(card.service_id, ()))
            return Acted(view, f"services/{card.service_id}", after=view)

        return Order("add_service", actor, do, f"services/{card.service_id}")

    def change(self, actor: Actor, service_id: str, patch: ServiceCardPatch, matches: Matches) -> Order:
        """Change fields of a card. Items already published keep what followed from it."""
        given = patch.model_dump(exclude_unset=True)
        for name in ("display_name", "state"):
            if name in given and given[name] is None:
                raise ContractViolation(faults=(Fault(f"/{name}", "field.missing", CANNOT_BE_TAKEN_AWAY),))
        if "display_name" in given:
            given["name"] = given.pop("display_name")
        if "life_events" in given:
            given["life_events"] = tuple(given["life_events"] or ())

        def do(tx: Tx) -> Acted:
            bump(tx, "trust")  # who changes something at this moment is waited for, and what came of it is seen
            before = self.one_of(tx.connection, actor.ente_id, service_id)
            matches(before)
            after = _view(set_service(tx, actor.ente_id, service_id, given), before["named_by"])
            return Acted(after, f"services/{service_id}", *changed_parts(before, after))

        return Order("change_service", actor, do, f"services/{service_id}")


def _view(card: Card, naming: Sequence[str]) -> dict[str, Any]:
    values = asdict(card)
    return (
        {"service_id": values.pop("service_id"), "display_name": values.pop("name")}
        | values
        | {"life_events": list(card.life_events), "named_by": list(naming)}
    )
