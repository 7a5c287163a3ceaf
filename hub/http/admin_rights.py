"""Requests of data subjects over HTTP, and erasures: what they would do, and the order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from contracts.rights_administration import ErasureOrder, ErasureWish, NewRightsRequest, RightsClosure
from hub.admin.acting import Actor, Order
from hub.admin.erasures import ErasureDesk
from hub.admin.rights import RightsDesk

from .admin_access import AdminAccess, answered, body_of
from .exchange import Exchange, Handler, json_response
from .operations import Operation


@dataclass(frozen=True, slots=True)
class RightsApi:
    """Handlers of what citizens ask for, by operation_id."""

    access: AdminAccess
    rights: RightsDesk
    erasures: ErasureDesk
    told: Callable[[], None]
    """A notice may be due."""

    def handler(self, operation: Operation) -> Handler | None:
        """The handler of an operation; None for one that is not of these."""
        access = self.access
        handlers: Mapping[str, Handler] = {
            "list_rights_requests": access.lists(operation, self._all),
            "add_rights_request": access.acts(operation, self._add, _added),
            "show_rights_request": access.acts(operation, self._show, answered),
            "close_rights_request": access.acts(operation, self._close, self._closed),
            "preview_erasure": access.acts(operation, self._preview, answered),
            "order_erasure": access.acts(operation, self._order, answered),
        }
        return handlers.get(operation.operation_id)

    def _all(self, connection: Connection, actor: Actor, _exchange: Exchange) -> list[tuple[str, dict[str, Any]]]:
        return self.rights.all_of(connection, actor.ente_id, closed=True)

    def _add(self, actor: Actor, exchange: Exchange) -> Order:
        return self.rights.add(actor, body_of(exchange, NewRightsRequest))

    def _close(self, actor: Actor, exchange: Exchange) -> Order:
        closure = body_of(exchange, RightsClosure)
        return self.rights.close(actor, exchange.request.path_params["request_id"], closure)

    def _closed(self, exchange: Exchange, view: dict[str, Any]) -> Response:
        self.told()
        return answered(exchange, view)

    def _show(self, actor: Actor, exchange: Exchange) -> Order:
        return self.rights.show(actor, exchange.request.path_params["request_id"])

    def _preview(self, actor: Actor, exchange: Exchange) -> Order:
        return self.erasures.preview(actor, body_of(exchange, ErasureWish).tax_code)

    def _order(self, actor: Actor, exchange: Exchange) -> Order:
        wish = body_of(exchange, ErasureOrder)
        return self.erasures.order(actor, exchange.request.path_params["request_id"], wish)


def _added(exchange: Exchange, view: dict[str, Any]) -> Response:
    where = f"{exchange.request.url.path}/{view['request_id']}"
    return json_response(view, status=201, headers={"Location": where})
