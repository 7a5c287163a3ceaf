"""Vendors, their keys and reports, and the catalogue of services over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from contracts.vendor_administration import (
    NewReport,
    NewServiceCard,
    NewVendor,
    NewVendorKey,
    ServiceCardPatch,
    VendorPatch,
)
from hub.admin.acting import Actor, Order
from hub.admin.services import Services
from hub.admin.vendors import Vendors

from .admin_access import AdminAccess, added, body_of, changed, gone, made, matching
from .exchange import Exchange, Handler
from .operations import Operation

Listed = list[tuple[str, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class VendorsApi:
    """Handlers of vendors and services, by operation_id."""

    access: AdminAccess
    vendors: Vendors
    services: Services

    def handler(self, operation: Operation) -> Handler | None:
        """The handler of an operation; None for one that is not of these."""
        access = self.access
        handlers: Mapping[str, Handler] = {
            "list_vendors": access.lists(operation, self._all),
            "show_vendor": access.shows(operation, self._one),
            "add_vendor": access.acts(operation, self._add, made("vendors", "vendor_id")),
            "change_vendor": access.acts(operation, self._change, changed),
            "list_vendor_keys": access.lists(operation, self._keys),
            "add_vendor_keys": access.acts(operation, self._add_keys, added),
            "revoke_vendor_key": access.acts(operation, self._revoke, gone),
            "list_quota_days": access.lists(operation, self._quota_days),
            "list_conformance_reports": access.lists(operation, self._reports),
            "show_conformance_report": access.shows(operation, self._report),
            "attach_conformance_report": access.acts(operation, self._attach, added),
            "list_services": access.lists(operation, lambda c, a, _: self.services.all_of(c, a.ente_id)),
            "show_service": access.shows(operation, self._service),
            "add_service": access.acts(operation, self._add_service, made("services", "service_id")),
            "change_service": access.acts(operation, self._change_service, changed),
        }
        return handlers.get(operation.operation_id)

    def _all(self, connection: Connection, actor: Actor, _exchange: Exchange) -> Listed:
        return self.vendors.all_of(connection, actor.ente_id, self.access.database.now(connection))

    def _one(self, connection: Connection, actor: Actor, exchange: Exchange) -> dict[str, Any]:
        now = self.access.database.now(connection)
        return self.vendors.view(connection, actor.ente_id, _vendor_id(exchange), now)

    def _keys(self, connection: Connection, actor: Actor, exchange: Exchange) -> Listed:
        now = self.access.database.now(connection)
        return self.vendors.keys(connection, actor.ente_id, _vendor_id(exchange), now)

    def _quota_days(self, connection: Connection, actor: Actor, exchange: Exchange) -> Listed:
        found = self.vendors.quota_days(connection, actor.ente_id, _vendor_id(exchange))
        return [(f"{n:06d}", view) for n, view in enumerate(found)]

    def _reports(self, connection: Connection, actor: Actor, exchange: Exchange) -> Listed:
        found = self.vendors.reports(connection, actor.ente_id, _vendor_id(exchange))
        return [(f"{n:06d}", view) for n, view in enumerate(found)]

    def _report(self, connection: Connection, actor: Actor, exchange: Exchange) -> dict[str, Any]:
        report_id = exchange.request.path_params["report_id"]
        return self.vendors.report(connection, actor.ente_id, _vendor_id(exchange), report_id)

    def _add(self, actor: Actor, exchange: Exchange) -> Order:
        return self.vendors.add(actor, body_of(exchange, NewVendor))

    def _change(self, actor: Actor, exchange: Exchange) -> Order:
        patch = body_of(exchange, VendorPatch, patch=True)
        return self.vendors.change(actor, _vendor_id(exchange), patch, matching(exchange))

    def _add_keys(self, actor: Actor, exchange: Exchange) -> Order:
        wish = body_of(exchange, NewVendorKey)
        with self.access.database.read() as connection:
            now = self.access.database.now(connection)
        return self.vendors.add_keys(actor, _vendor_id(exchange), wish, now)

    def _revoke(self, actor: Actor, exchange: Exchange) -> Order:
        return self.vendors.revoke(actor, _vendor_id(exchange), exchange.request.path_params["key_id"])

    def _attach(self, actor: Actor, exchange: Exchange) -> Order:
        wish = body_of(exchange, NewReport, is_long=True)
        return self.vendors.attach(actor, _vendor_id(exchange), wish.report)

    def _service(self, connection: Connection, actor: Actor, exchange: Exchange) -> dict[str, Any]:
        return self.services.one_of(connection, actor.ente_id, exchange.request.path_params["service_id"])

    def _add_service(self, actor: Actor, exchange: Exchange) -> Order:
        return self.services.add(actor, body_of(exchange, NewServiceCard))

    def _change_service(self, actor: Actor, exchange: Exchange) -> Order:
        patch = body_of(exchange, ServiceCardPatch, patch=True)
        return self.services.change(actor, exchange.request.path_params["service_id"], patch, matching(exchange))


def _vendor_id(exchange: Exchange) -> str:
    found: str = exchange.request.path_params["vendor_id"]
    return found
