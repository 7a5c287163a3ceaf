"""Deliveries, quarantine and previews over HTTP."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from contracts.feed import DeliveryState
from contracts.work_administration import MappingPreviewWish, ReplayWish
from hub.admin.acting import Actor, Order, carry_out
from hub.admin.connectors import Connectors
from hub.admin.deliveries import Deliveries, view
from hub.admin.previews import preview
from hub.admin.quarantine import discarded
from hub.admin.quarantine import view as quarantined
from hub.feed.parameters import once, one_of
from hub.store.operations import Wanted, list_deliveries
from hub.store.quarantine import Entry, entries
from hub.store.taking import absent

from .admin_access import AdminAccess, body_of, gone, place_in_time, time_of
from .exchange import Exchange, Handler, json_response
from .operations import Operation


@dataclass(frozen=True, slots=True)
class WorkApi:
    """Handlers of what operators look after, by operation_id."""

    access: AdminAccess
    deliveries: Deliveries
    connectors: Connectors

    def handler(self, operation: Operation) -> Handler | None:
        """The handler of an operation; None for one that is not of these."""
        access = self.access
        handlers: Mapping[str, Handler] = {
            "list_deliveries": access.reads(operation, self._list),
            "show_delivery": access.shows(operation, self._one),
            "replay_delivery": self._replaying(operation),
            "list_quarantine": access.reads(operation, self._quarantine),
            "discard_quarantine": access.acts(operation, self._discard, gone),
            "preview_mapping": self._previewing(operation),
        }
        return handlers.get(operation.operation_id)

    def _list(self, connection: Connection, actor: Actor, exchange: Exchange) -> dict[str, Any]:
        given = once(exchange.request.query_params.multi_items(), ("state", "connector_id", "limit", "cursor"))
        state, connector_id = one_of(given, "state", get_args(DeliveryState)), given.get("connector_id")
        wanted = Wanted(() if state is None else (state,), connector_id=connector_id, ente_id=actor.ente_id)

        def after(place: list[Any] | None, number: int) -> list[dict[str, Any]]:
            return list_deliveries(connection, replace(wanted, before=time_of(place)), limit=number)

        return self.access.page(
            actor,
            f"deliveries|{state}|{connector_id}",
            given,
            after,
            place=lambda row: place_in_time(row["created_at"], row["delivery_id"]),
            view=view,
        )

    def _one(self, connection: Connection, actor: Actor, exchange: Exchange) -> dict[str, Any]:
        return self.deliveries.one(connection, actor.ente_id, exchange.request.path_params["delivery_id"])

    def _replaying(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            caller = await self.access.sent(exchange, operation)
            wish, delivery_id = body_of(exchange, ReplayWish), exchange.request.path_params["delivery_id"]
            if wish.dry_run:
                return json_response(await run_in_threadpool(self._dry_run, caller.actor, delivery_id))
            order = self.deliveries.replay(caller.actor, delivery_id)
            return json_response(await self.access.committer.submit(carry_out, order))

        return handle

    def _dry_run(self, actor: Actor, delivery_id: str) -> dict[str, Any]:
        with self.access.database.read() as connection:
            return self.deliveries.dry_run(connection, actor.ente_id, delivery_id)

    def _quarantine(self, connection: Connection, actor: Actor, exchange: Exchange) -> dict[str, Any]:
        given = once(exchange.request.query_params.multi_items(), ("connector_id", "limit", "cursor"))
        connector_id = given.get("connector_id")

        def after(place: list[Any] | None, number: int) -> list[Entry]:
            since = None if place is None else place[0]
            return entries(connection, actor.ente_id, connector_id=connector_id, after=since, limit=number)

        return self.access.page(
            actor, f"quarantine|{connector_id}", given, after, place=lambda each: [each.quarantine_id], view=quarantined
        )

    def _discard(self, actor: Actor, exchange: Exchange) -> Order:
        return discarded(actor, exchange.request.path_params["quarantine_id"])

    def _previewing(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            caller = await self.access.sent(exchange, operation)
            wish = body_of(exchange, MappingPreviewWish, is_long=True)
            return json_response(await run_in_threadpool(self._preview, caller.actor, wish))

        return handle

    def _preview(self, actor: Actor, wish: MappingPreviewWish) -> dict[str, Any]:
        with self.access.database.read() as connection:
            one = self.connectors.one_of(connection, actor.ente_id, wish.connector_id)
        version = one.newest if wish.version is None else one.version(wish.version)
        connector = self.connectors.connector_of(one, version)

        def lacking(all_names: Mapping[str, Container[str]]) -> Iterator[str]:
            with self.access.database.read() as connection:
                for beginning, there in all_names.items():
                    yield from absent(connection, actor.ente_id, wish.connector_id, beginning, there)

        try:
            return preview(connector, wish.sample, lacking)
        finally:
            connector.close()
