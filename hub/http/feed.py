"""The portal's API: the HTTP face of the feed. Every answer about a citizen leaves one access record, durable first."""

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from contracts.items.subscription import RequestKind
from contracts.preferences import PreferencesPatch
from hub.clock import Clock
from hub.errors import DelegationInactive, HubError, NotAcceptable, RequestRefused
from hub.feed import handling, parameters
from hub.feed.catalogue import catalogue_wish
from hub.feed.preferences import patched, view_of
from hub.feed.query import Feed, Whole
from hub.feed.streams import Streams
from hub.feed.views import request_view
from hub.registry import Registry
from hub.security.portal import Reader, verify_reader
from hub.store.citizens import Subject
from hub.store.committer import Committer
from hub.store.preferences import WishesChange, WishesKeeper
from hub.store.readers import (
    Access,
    UserStateChange,
    UserStateChanges,
    change_user_state,
    change_user_states,
    record_access,
)
from hub.store.reading import Reading
from hub.store.requesting import Asked, Requesting, Wish

from . import user_states, wishes
from .accepting import names_svg, takes_svg_alone
from .content import export_response, file_response, picture_response
from .exchange import Exchange, Handler, json_response
from .limits import Limiter
from .operations import Operation
from .streaming import EVENT_STREAM, PAGE, EventStream, Page

_COLLECTION_OF = {
    "list_items": None,
    "list_messages": "messages",
    "list_documents": "documents",
    "list_payments": "payments",
    "list_receipts": "receipts",
    "list_applications": "applications",
    "list_subscriptions": "subscriptions",
    "list_deadlines": "deadlines",
}
_ITEM_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_BODY_LIMIT = 16 * 1024
"""A user state is small; nothing larger is read from whom is not known yet."""
_MANY_LIMIT = 32 * 1024
"""Of 100 user states."""

Read = Callable[[Reading, Exchange], Response]


class FeedApi:
    """Handlers of the feed API, by operation_id."""

    def __init__(
        self,
        *,
        feed: Feed,
        committer: Committer,
        registry: Callable[[], Registry],
        clock: Clock,
        limiter: Limiter,
        keeper: WishesKeeper,
        requesting: Requesting,
        streams: Streams,
    ) -> None:
        self._wishes = keeper
        self._requesting = requesting
        self._feed = feed
        self._committer = committer
        self._registry = registry
        self._clock = clock
        self._limiter = limiter
        self._streams = streams

    def handler(self, operation: Operation) -> Handler:
        """The handler of an operation of the table. Raises KeyError for one that has none."""
        if operation.operation_id in _COLLECTION_OF:
            collection = _COLLECTION_OF[operation.operation_id]
            return self._reads(operation, lambda reading, exchange: self._list(reading, exchange, collection))
        if operation.operation_id == "change_user_state":
            return self._change(operation)
        if operation.operation_id == "change_preferences":
            return self._change_preferences(operation)
        if operation.operation_id == "request_subscription_change":
            return self._request(operation)
        if operation.operation_id == "change_user_states":
            return self._change_many(operation)
        if operation.operation_id == "stream_events":
            return self._events(operation)
        reads: dict[str, Read] = {
            "show_summary": self._summary,
            "list_services": self._services,
            "show_item": self._show,
            "list_changes": self._changes,
            "show_preferences": self._preferences,
            "read_document_content": self._content,
            "describe_document_content": self._content,
            "list_accesses": lambda reading, exchange: self._handled(reading, exchange, handling.access_page),
            "export_everything": self._export,
            "list_sharing": lambda reading, exchange: self._handled(reading, exchange, handling.sharing_page),
        }
        return self._reads(operation, reads[operation.operation_id])

    def _reads(self, operation: Operation, read: Read) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            reader = await self._reader(exchange, scope="feed:read", change=False)
            delegation_id = await self._delegation(reader, exchange, operation)
            response, citizen_id, refusal = await run_in_threadpool(self._answer, reader, exchange, read)
            access = _access(exchange, operation, reader, citizen_id, refusal.code if refusal else "ok", delegation_id)
            await self._committer.submit(record_access, access)
            if refusal is not None:
                raise refusal
            assert response is not None
            return response

        return handle

    def _answer(
        self, reader: Reader, exchange: Exchange, read: Read
    ) -> tuple[Response | None, str | None, HubError | None]:
        subject = _subject(reader)
        with self._feed.open() as connection:
            citizen = self._feed.citizen(connection, subject)
            citizen_id = citizen.citizen_id if citizen else None
            reading = self._feed.reading(connection, subject, citizen, reader.level)
            try:
                return read(reading, exchange), citizen_id, None
            except HubError as refusal:
                return None, citizen_id, refusal

    def _list(self, reading: Reading, exchange: Exchange, collection: str | None) -> Response:
        wish = parameters.list_wish(exchange.request.query_params.multi_items(), collection=collection)
        return json_response(self._feed.page(reading, wish))

    def _summary(self, reading: Reading, exchange: Exchange) -> Response:
        view = parameters.view_wish(exchange.request.query_params.multi_items())
        return _tagged(exchange, self._feed.summary(reading, view))

    def _services(self, reading: Reading, exchange: Exchange) -> Response:
        wish = catalogue_wish(exchange.request.query_params.multi_items())
        cards = self._registry().catalogue(reading.citizen.ente_id)
        view, said = self._feed.services(reading, cards, wish)
        return _with_tag(exchange, f'"{hashlib.sha256(said.encode()).hexdigest()[:24]}"', orjson.dumps(view))

    def _show(self, reading: Reading, exchange: Exchange) -> Response:
        parameters.nothing(exchange.request.query_params.multi_items())
        whole = self._feed.whole(reading, exchange.request.path_params["item_id"])
        body = orjson.dumps(whole.view)
        return _with_tag(exchange, _tag_of(whole, body), body)

    def _changes(self, reading: Reading, exchange: Exchange) -> Response:
        after, limit = parameters.changes_wish(exchange.request.query_params.multi_items())
        return json_response(self._feed.changes(reading, after, limit))

    def _events(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            reader = await self._reader(exchange, scope="feed:read", change=False)
            delegation_id = await self._delegation(reader, exchange, operation)
            query, headers = exchange.request.query_params.multi_items(), exchange.request.headers
            position, citizen_id, refusal = 0, None, None
            try:
                after = parameters.events_wish(query, headers.get("last-event-id"))
                position, citizen_id = await run_in_threadpool(self._begin, reader, after)
            except HubError as error:
                refusal = error
            access = _access(exchange, operation, reader, citizen_id, refusal.code if refusal else "ok", delegation_id)
            await self._committer.submit(record_access, access)
            if refusal is not None:
                raise refusal
            if exchange.request.method == "HEAD":
                return Response(media_type=EVENT_STREAM)
            subject = _subject(reader)
            waiting = self._streams.enter(subject, reader.portal)

            def read(number: int) -> Page:
                if delegation_id is not None:
                    self._delegation_id(reader)  # it may have ended meanwhile
                with self._feed.open() as connection:
                    citizen = self._feed.citizen(connection, subject)
                    reading = self._feed.reading(connection, subject, citizen, reader.level)
                    return self._feed.events(reading, number, PAGE)

            async def log_access() -> None:
                await self._committer.submit(record_access, access)

            left_s = (reader.expires_at - self._clock.now()).total_seconds()
            return EventStream(waiting, read, log_access, position, left_s, leave=self._streams.leave)

        return handle

    def _begin(self, reader: Reader, after: str | None) -> tuple[int, str | None]:
        subject = _subject(reader)
        with self._feed.open() as connection:
            citizen = self._feed.citizen(connection, subject)
            reading = self._feed.reading(connection, subject, citizen, reader.level)
            return self._feed.position(reading, after), citizen.citizen_id if citizen else None

    def _handled(self, reading: Reading, exchange: Exchange, page: handling.Page) -> Response:
        cursor, limit = parameters.page_wish(exchange.request.query_params.multi_items())
        return json_response(page(reading, cursor, limit))

    def _export(self, reading: Reading, exchange: Exchange) -> Response:
        parameters.nothing(exchange.request.query_params.multi_items())
        return export_response(exchange, lambda zipped: self._feed.export(reading, zipped=zipped))

    def _content(self, reading: Reading, exchange: Exchange) -> Response:
        parameters.nothing(exchange.request.query_params.multi_items())
        item_id, accept = exchange.request.path_params["item_id"], exchange.request.headers.get("accept")
        card = self._feed.card(reading, item_id)
        if card is not None and (names_svg(accept) or not card.has_file):
            return picture_response(exchange, card)
        if card is None and takes_svg_alone(accept):
            raise NotAcceptable("this document is no card: it has no picture")
        return file_response(exchange, self._feed.file(reading, item_id))

    def _change(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            reader = await self._reader(exchange, scope="feed:write", change=True)
            delegation_id = await self._delegation(reader, exchange, operation)
            patch: dict[str, bool] = {}
            refusal: HubError | None = None
            try:
                patch = user_states.patch(exchange)
            except HubError as error:
                refusal = error
            citizen_id = await run_in_threadpool(self._citizen_id, reader)
            change = UserStateChange(
                access=_access(exchange, operation, reader, citizen_id, "ok", delegation_id),
                signer=f"portal:{reader.portal.portal_id}",
                used=reader.used,
                level=reader.level,
                patch=patch,
                if_match=_if_match(exchange),
                refusal=refusal,
            )
            await self._committer.submit(change_user_state, change)
            response, _, failed = await run_in_threadpool(self._answer, reader, exchange, self._state_of)
            if failed is not None:
                raise failed
            assert response is not None
            return response

        return handle

    def _change_many(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            reader = await self._reader(exchange, scope="feed:write", change=True, limit=_MANY_LIMIT)
            delegation_id = await self._delegation(reader, exchange, operation)
            patches: dict[str, dict[str, bool]] = {}
            refusal: HubError | None = None
            try:
                patches = user_states.patches(exchange)
            except HubError as error:
                refusal = error
            citizen_id = await run_in_threadpool(self._citizen_id, reader)
            changes = UserStateChanges(
                access=_access(exchange, operation, reader, citizen_id, "ok", delegation_id),
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
        with self._feed.open() as connection:
            citizen = self._feed.citizen(connection, _subject(reader))
            reading = self._feed.reading(connection, _subject(reader), citizen, reader.level)
            return self._feed.user_states(reading, item_ids)

    def _preferences(self, reading: Reading, exchange: Exchange) -> Response:
        parameters.nothing(exchange.request.query_params.multi_items())
        held = self._feed.preferences(reading)
        return _with_tag(exchange, f'"{held.tag}"', orjson.dumps(view_of(held)))

    def _change_preferences(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            reader = await self._reader(exchange, scope="feed:write", change=True)
            delegation_id = await self._delegation(reader, exchange, operation)
            refusal: HubError | None = None
            patch = PreferencesPatch()
            try:
                parameters.nothing(exchange.request.query_params.multi_items())
                patch = wishes.preferences_patch(exchange)
            except HubError as error:
                refusal = error
            citizen_id = await run_in_threadpool(self._citizen_id, reader)
            change = WishesChange(
                access=_access(exchange, operation, reader, citizen_id, "ok", delegation_id),
                subject=_subject(reader),
                signer=f"portal:{reader.portal.portal_id}",
                used=reader.used,
                change=lambda held: patched(held, patch),
                if_match=_if_match(exchange),
                refusal=refusal,
            )
            changed = await self._committer.submit(self._wishes.change, change)
            exchange.headers["ETag"] = f'"{changed.tag}"'
            return json_response(view_of(changed))

        return handle

    def _request(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            reader = await self._reader(exchange, scope="feed:write", change=True)
            delegation_id = await self._delegation(reader, exchange, operation)
            kind: RequestKind | None = None
            refusal: HubError | None = None
            try:
                parameters.nothing(exchange.request.query_params.multi_items())
                kind = wishes.request_kind(exchange)
            except HubError as error:
                refusal = error
            citizen_id = await run_in_threadpool(self._citizen_id, reader)
            wish = Wish(
                access=_access(exchange, operation, reader, citizen_id, "ok", delegation_id),
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

    def _state_of(self, reading: Reading, exchange: Exchange) -> Response:
        whole = self._feed.whole(reading, exchange.request.path_params["item_id"])
        exchange.headers["ETag"] = _tag_of(whole, orjson.dumps(whole.view))
        return json_response(whole.view["user_state"])

    async def _delegation(self, reader: Reader, exchange: Exchange, operation: Operation) -> str | None:
        """Under which delegation the reader acts for another; None for who acts for himself. A refusal is in the access
        log of whom it was about. Raises DelegationInactive."""
        if reader.on_behalf_of is None:
            return None
        try:
            return await run_in_threadpool(self._delegation_id, reader)
        except DelegationInactive as refusal:
            citizen_id = await run_in_threadpool(self._citizen_id, reader)
            refused = _access(exchange, operation, reader, citizen_id, refusal.code)
            await self._committer.submit(record_access, refused)
            raise

    def _delegation_id(self, reader: Reader) -> str:
        delegate = Subject(reader.ente.ente_id, reader.subject_kind, reader.tax_code)
        with self._feed.open() as connection:
            return self._feed.delegation(connection, _subject(reader), delegate)

    def _citizen_id(self, reader: Reader) -> str | None:
        with self._feed.open() as connection:
            citizen = self._feed.citizen(connection, _subject(reader))
        return citizen.citizen_id if citizen else None

    async def _reader(self, exchange: Exchange, *, scope: str, change: bool, limit: int = _BODY_LIMIT) -> Reader:
        request = await exchange.signed_request(limit)
        exchange.body = request.body
        now = self._clock.now()
        try:
            reader = verify_reader(request, scope=scope, change=change, registry=self._registry(), now=now)
        except RequestRefused:
            exchange.allowance = self._limiter.count_refusal(exchange.address)
            raise
        exchange.allowance = self._limiter.count_call(f"{reader.ente.ente_id}/portal/{reader.portal.portal_id}")
        return reader


def _subject(reader: Reader) -> Subject:
    return Subject(reader.ente.ente_id, reader.subject_kind, reader.on_behalf_of or reader.tax_code)


def _access(
    exchange: Exchange,
    operation: Operation,
    reader: Reader,
    citizen_id: str | None,
    outcome: str,
    delegation_id: str | None = None,
) -> Access:
    # What stands in the path is the sender's own text, and may be a tax code: only a real id is written down.
    item_id = exchange.request.path_params.get("item_id", "")
    return Access(
        request_id=exchange.request_id,
        ente_id=reader.ente.ente_id,
        portal_id=reader.portal.portal_id,
        pseudonym=reader.pseudonym,
        acr=reader.acr,
        operation=operation.operation_id,
        outcome=outcome,
        citizen_id=citizen_id,
        item_id=item_id if _ITEM_ID.fullmatch(item_id) else None,
        delegation_id=delegation_id,
    )


def _if_match(exchange: Exchange) -> str | None:
    header = exchange.request.headers.get("if-match")
    if header is None or header.strip() == "*":
        return None
    return header.strip().strip('"').partition("-")[0]


def _tag_of(whole: Whole, body: bytes) -> str:
    """Before the dash, what If-Match compares; after it, what else the answer shows (deliveries)."""
    return f'"{whole.tag}-{hashlib.sha256(body).hexdigest()[:16]}"'


def _tagged(exchange: Exchange, view: dict[str, Any]) -> Response:
    body = orjson.dumps(view)
    return _with_tag(exchange, f'"{hashlib.sha256(body).hexdigest()[:24]}"', body)


def _with_tag(exchange: Exchange, tag: str, body: bytes) -> Response:
    exchange.headers["Cache-Control"] = "private, no-cache"
    if exchange.is_known(tag):
        return Response(status_code=304)
    return Response(body, media_type="application/json")
