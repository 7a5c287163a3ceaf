"""Broadcasts and ranked lists over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from contracts.broadcasts import Broadcast
from contracts.outreach_administration import BroadcastWish, ListCorrection, ListPublication, NewRankedList
from hub.admin.acting import Actor, Order
from hub.admin.broadcasts import BroadcastDesk
from hub.admin.ranked_lists import RankedListDesk

from .admin_access import AdminAccess, body_of, changed, made
from .exchange import Exchange, Handler, json_response
from .operations import Operation


@dataclass(frozen=True, slots=True)
class OutreachApi:
    """Handlers of broadcasts and ranked lists, by operation_id."""

    access: AdminAccess
    broadcasts: BroadcastDesk
    lists: RankedListDesk

    def handler(self, operation: Operation) -> Handler | None:
        """The handler of an operation; None for one that is not of these."""
        access = self.access
        handlers: Mapping[str, Handler] = {
            "list_broadcasts": access.lists(operation, lambda c, a, _: self.broadcasts.all_of(c, a.ente_id)),
            "show_broadcast": access.shows(operation, self._broadcast),
            "show_broadcast_outcome": access.shows(operation, self._outcome),
            "preview_broadcast": self._previewing(operation),
            "start_broadcast": access.acts(operation, self._start, made("broadcasts", "broadcast_id")),
            "stop_broadcast": access.acts(
                operation, lambda actor, exchange: self.broadcasts.stop(actor, _broadcast_id(exchange)), changed
            ),
            "resume_broadcast": access.acts(
                operation, lambda actor, exchange: self.broadcasts.resume(actor, _broadcast_id(exchange)), changed
            ),
            "list_ranked_lists": access.lists(operation, lambda c, a, _: self.lists.all_of(c, a.ente_id)),
            "show_ranked_list": access.shows(operation, self._list),
            "draft_ranked_list": access.acts(operation, self._draft, made("ranked-lists", "list_id")),
            "publish_ranked_list": access.acts(operation, self._publish, changed),
            "correct_ranked_list": access.acts(operation, self._correct, changed),
            "withdraw_ranked_list": access.acts(
                operation, lambda actor, exchange: self.lists.withdraw(actor, _list_id(exchange)), changed
            ),
        }
        return handlers.get(operation.operation_id)

    def _broadcast(self, connection: Connection, actor: Actor, exchange: Exchange) -> dict[str, Any]:
        return self.broadcasts.one_of(connection, actor.ente_id, _broadcast_id(exchange))

    def _outcome(self, connection: Connection, actor: Actor, exchange: Exchange) -> dict[str, Any]:
        return self.broadcasts.outcome_of(connection, actor.ente_id, _broadcast_id(exchange))

    def _previewing(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            caller = await self.access.sent(exchange, operation)
            content = body_of(exchange, Broadcast)
            return json_response(await run_in_threadpool(self.broadcasts.preview, caller.actor.ente_id, content))

        return handle

    def _start(self, actor: Actor, exchange: Exchange) -> Order:
        wish = body_of(exchange, BroadcastWish)
        return self.broadcasts.start(actor, wish.broadcast, wish.expected_persons)

    def _list(self, connection: Connection, actor: Actor, exchange: Exchange) -> dict[str, Any]:
        return self.lists.one_of(connection, actor.ente_id, _list_id(exchange))

    def _draft(self, actor: Actor, exchange: Exchange) -> Order:
        wish = body_of(exchange, NewRankedList)
        return self.lists.draft(actor, wish.code, wish.title)

    def _publish(self, actor: Actor, exchange: Exchange) -> Order:
        return self.lists.publish(actor, _list_id(exchange), body_of(exchange, ListPublication).until)

    def _correct(self, actor: Actor, exchange: Exchange) -> Order:
        return self.lists.correct(actor, _list_id(exchange), body_of(exchange, ListCorrection).reason)


def _broadcast_id(exchange: Exchange) -> str:
    found: str = exchange.request.path_params["broadcast_id"]
    return found


def _list_id(exchange: Exchange) -> str:
    found: str = exchange.request.path_params["list_id"]
    return found
