"""What a citizen changes through the portal: user states, preferences, requests about a subscription."""

from collections.abc import Sequence

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from contracts.items.subscription import RequestKind
from contracts.preferences import PreferencesPatch
from hub.errors import HubError
from hub.feed import parameters
from hub.feed.preferences import patched, view_of
from hub.feed.query import Feed
from hub.feed.views import request_view
from hub.security.portal import Reader
from hub.store.committer import Committer
from hub.store.preferences import WishesChange, WishesKeeper
from hub.store.readers import UserStateChange, UserStateChanges, change_user_state, change_user_states
from hub.store.requesting import Asked, Requesting, Wish

from . import user_states, wishes
from .exchange import Exchange, Handler, json_response
from .feed_access import FeedAccess, access_of, subject_of
from .operations import Operation
from .tags import if_match, tag_of

_MANY_LIMIT = 32 * 1024
"""Of 100 user states."""


class FeedChanges:
    """Handlers of the operations by which a citizen changes something."""

    def __init__(
        self,
        *,
        feed: Feed,
        committer: Committer,
        keeper: WishesKeeper,
        requesting: Requesting,
        access: FeedAccess,
    ) -> None:
        self._feed = feed
        self._committer = committer
        self._wishes = keeper
        self._requesting = requesting
        self._access = access

    def handler(self, operation: Operation) -> Handler | None:
        """The handler of an operation that changes something; None for any other."""
        makers = {
            "change_user_state": self._change,
            "change_user_states": self._change_many,
            "change_preferences": self._change_preferences,
            "request_subscription_change": self._request,
        }
        make = makers.get(operation.operation_id)
        return None if make is None else make(operation)

    def _change(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            reader = await self._access.reader(exchange, scope="feed:write", change=True)
            delegation_id = await self._access.delegation(reader, exchange, operation)
            patch: dict[str, bool] = {}
            refusal: HubError | None = None
            try:
                patch = user_states.patch(exchange)
            except HubError as error:
                refusal = error
            citizen_id = await run_in_threadpool(self._access.citizen_id, reader)
            change = UserStateChange(
                access=access_of(exchange, operation, reader, citizen_id, "ok", delegation_id),
                signer=f"portal:{reader.portal.portal_id}",
                used=reader.used,
                level=reader.level,
                patch=patch,
                if_match=if_match(exchange),
                refusal=refusal,
            )
            await self._committer.submit(change_user_state, change)
            return await run_in_threadpool(self._state_of, reader, exchange)

        return handle

    def _change_many(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            reader = await self._access.reader(exchange, scope="feed:write", change=True, limit=_MANY_LIMIT)
            delegation_id = await self._access.delegation(reader, exchange, operation)
            patches: dict[str, dict[str, bool]] = {}
            refusal: HubError | None = None
            try:
                patches = user_states.patches(exchange)
            except HubError as error:
                refusal = error
            citizen_id = await run_in_threadpool(self._access.citizen_id, reader)
            changes = UserStateChanges(
                access=access_of(exchange, operation, reader, citizen_id, "ok", delegation_id),
                signer=f"portal:{reader.portal.portal_id}",
                used=reader.used,
                level=reader.level,
                patches=patches,
                refusal=refusal,
            )
            refused: list[HubError | None] = await self._committer.submit(change_user_states, changes)
            states = await run_in_threadpool(self._states_of, reader, list(patches))
            return json_response(user_states.outcomes(patches, refused, states))

        return handle

    def _states_of(self, reader: Reader, item_ids: Sequence[str]) -> dict[str, dict[str, bool]]:
        with self._access.reading(reader) as reading:
            return self._feed.user_states(reading, item_ids)

    def _change_preferences(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            reader = await self._access.reader(exchange, scope="feed:write", change=True)
            delegation_id = await self._access.delegation(reader, exchange, operation)
            refusal: HubError | None = None
            patch = PreferencesPatch()
            try:
                parameters.nothing(exchange.request.query_params.multi_items())
                patch = wishes.preferences_patch(exchange)
            except HubError as error:
                refusal = error
            citizen_id = await run_in_threadpool(self._access.citizen_id, reader)
            change = WishesChange(
                access=access_of(exchange, operation, reader, citizen_id, "ok", delegation_id),
                subject=subject_of(reader),
                signer=f"portal:{reader.portal.portal_id}",
                used=reader.used,
                change=lambda held: patched(held, patch),
                if_match=if_match(exchange),
                refusal=refusal,
            )
            changed = await self._committer.submit(self._wishes.change, change)
            exchange.headers["ETag"] = f'"{changed.tag}"'
            return json_response(view_of(changed))

        return handle

    def _request(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            reader = await self._access.reader(exchange, scope="feed:write", change=True)
            delegation_id = await self._access.delegation(reader, exchange, operation)
            kind: RequestKind | None = None
            refusal: HubError | None = None
            try:
                parameters.nothing(exchange.request.query_params.multi_items())
                kind = wishes.request_kind(exchange)
            except HubError as error:
                refusal = error
            citizen_id = await run_in_threadpool(self._access.citizen_id, reader)
            wish = Wish(
                access=access_of(exchange, operation, reader, citizen_id, "ok", delegation_id),
                signer=f"portal:{reader.portal.portal_id}",
                used=reader.used,
                level=reader.level,
                kind=kind,
                refusal=refusal,
            )
            asked: Asked = await self._committer.submit(self._requesting.ask, wish)
            response = json_response(request_view(asked.row), status=201 if asked.new else 200)
            if asked.new:
                # Where it is followed: a request is no resource of its own.
                exchange.headers["Location"] = f"{reader.ente.public_url}/feed/v1/items/{asked.row['item_id']}"
            return response

        return handle

    def _state_of(self, reader: Reader, exchange: Exchange) -> Response:
        with self._access.reading(reader) as reading:
            whole = self._feed.whole(reading, exchange.request.path_params["item_id"])
        exchange.headers["ETag"] = tag_of(whole, orjson.dumps(whole.view))
        return json_response(whole.view["user_state"])
