"""The portal's API: the HTTP face of the feed. Every answer about a citizen leaves one access record, durable first."""

import hashlib
from collections.abc import Callable
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from contracts.faults import bilingual
from hub.admin.errors import RightsRequestUnknown
from hub.clock import Clock
from hub.errors import HubError, NotAcceptable, RequestInvalid
from hub.feed import handling, parameters, rights
from hub.feed.answers import as_json
from hub.feed.catalogue import catalogue_wish
from hub.feed.preferences import view_of
from hub.feed.profile import profile_view
from hub.feed.query import Feed
from hub.feed.streams import Streams
from hub.registry import Registry
from hub.security.portal import Reader
from hub.store.committer import Committer
from hub.store.readers import record_access
from hub.store.reading import Reading

from .accepting import names_svg, takes_svg_alone
from .content import export_response, file_response, picture_response
from .exchange import Exchange, Handler, json_response
from .feed_access import FeedAccess, Read, access_of, subject_of
from .feed_changes import Desks, FeedChanges
from .limits import Limiter
from .operations import Operation
from .streaming import EVENT_STREAM, PAGE, EventStream, Page
from .tags import tag_of, tagged, with_tag
from .turns import Slots

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
        desks: Desks,
        streams: Streams,
        exports: Slots,
    ) -> None:
        self._feed = feed
        self._committer = committer
        self._registry = registry
        self._clock = clock
        self._streams = streams
        self._exports = exports
        self._access = FeedAccess(feed=feed, committer=committer, registry=registry, clock=clock, limiter=limiter)
        self._changing = FeedChanges(feed=feed, committer=committer, desks=desks, access=self._access)

    def handler(self, operation: Operation) -> Handler:
        """The handler of an operation of the table. Raises KeyError for one that has none."""
        if operation.operation_id in _COLLECTION_OF:
            collection = _COLLECTION_OF[operation.operation_id]
            return self._reads(operation, lambda reading, exchange: self._list(reading, exchange, collection))
        changes = self._changing.handler(operation)
        if changes is not None:
            return changes
        if operation.operation_id == "stream_events":
            return self._events(operation)
        reads: dict[str, Read] = {
            "show_summary": self._summary,
            "list_services": self._services,
            "show_item": self._show,
            "list_changes": self._changes,
            "show_profile": self._profile,
            "show_preferences": self._preferences,
            "read_document_content": self._content,
            "describe_document_content": self._content,
            "list_accesses": lambda reading, exchange: self._handled(reading, exchange, handling.access_page),
            "export_everything": self._export,
            "list_own_rights_requests": lambda reading, exchange: self._handled(reading, exchange, rights.own_page),
            "show_own_rights_request": self._rights_request,
            "list_sharing": lambda reading, exchange: self._handled(reading, exchange, handling.sharing_page),
        }
        return self._reads(operation, reads[operation.operation_id])

    def _reads(self, operation: Operation, read: Read) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            reader = await self._access.reader(exchange, scope="feed:read", change=False)
            delegation_id = await self._access.delegation(reader, exchange, operation)
            response, citizen_id, refusal = await run_in_threadpool(self._access.answer, reader, exchange, read)
            access = access_of(
                exchange, operation, reader, citizen_id, refusal.code if refusal else "ok", delegation_id
            )
            await self._committer.submit(record_access, access)
            if refusal is not None:
                raise refusal
            assert response is not None
            return response

        return handle

    def _list(self, reading: Reading, exchange: Exchange, collection: str | None) -> Response:
        wish = parameters.list_wish(exchange.request.query_params.multi_items(), collection=collection)
        return _json_of(self._feed.page(reading, wish))

    def _summary(self, reading: Reading, exchange: Exchange) -> Response:
        view = parameters.view_wish(exchange.request.query_params.multi_items())
        return tagged(exchange, self._feed.summary(reading, view))

    def _services(self, reading: Reading, exchange: Exchange) -> Response:
        wish = catalogue_wish(exchange.request.query_params.multi_items())
        cards = self._registry().catalogue(reading.citizen.ente_id)
        view, said = self._feed.services(reading, cards, wish)
        return with_tag(exchange, f'"{hashlib.sha256(said.encode()).hexdigest()[:24]}"', orjson.dumps(view))

    def _show(self, reading: Reading, exchange: Exchange) -> Response:
        parameters.nothing(exchange.request.query_params.multi_items())
        whole = self._feed.whole(reading, exchange.request.path_params["item_id"])
        body = as_json(whole.view)
        return with_tag(exchange, tag_of(whole, body), body)

    def _changes(self, reading: Reading, exchange: Exchange) -> Response:
        after, limit = parameters.changes_wish(exchange.request.query_params.multi_items())
        return _json_of(self._feed.changes(reading, after, limit))

    def _events(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            reader = await self._access.reader(exchange, scope="feed:read", change=False)
            delegation_id = await self._access.delegation(reader, exchange, operation)
            query, headers = exchange.request.query_params.multi_items(), exchange.request.headers
            position, citizen_id, refusal = 0, None, None
            try:
                after = parameters.events_wish(query, headers.get("last-event-id"))
                position, citizen_id = await run_in_threadpool(
                    self._begin, reader, after, heard="last-event-id" in headers
                )
            except HubError as error:
                refusal = error
            access = access_of(
                exchange, operation, reader, citizen_id, refusal.code if refusal else "ok", delegation_id
            )
            await self._committer.submit(record_access, access)
            if refusal is not None:
                raise refusal
            if exchange.request.method == "HEAD":
                return Response(media_type=EVENT_STREAM)
            waiting = self._streams.enter(subject_of(reader), reader.portal)

            def read(number: int) -> Page:
                self._access.must_be_served(reader)
                if delegation_id is not None:
                    self._access.delegation_id(reader)  # it may have ended meanwhile
                with self._access.reading(reader) as reading:
                    return self._feed.events(reading, number, PAGE)

            async def log_access() -> None:
                await self._committer.submit(record_access, access)

            left_s = (reader.expires_at - self._clock.now()).total_seconds()
            return EventStream(waiting, read, log_access, position, left_s, leave=self._streams.leave)

        return handle

    def _begin(self, reader: Reader, after: str | None, *, heard: bool) -> tuple[int, str | None]:
        with self._access.reading(reader) as reading:
            try:
                return self._feed.position(reading, after), reading.citizen.citizen_id or None
            except RequestInvalid as wrong:
                raise (parameters.wrong_event_id() if heard else wrong) from None

    def _handled(self, reading: Reading, exchange: Exchange, page: handling.Page) -> Response:
        cursor, limit = parameters.page_wish(exchange.request.query_params.multi_items())
        return json_response(page(reading, cursor, limit))

    def _rights_request(self, reading: Reading, exchange: Exchange) -> Response:
        parameters.nothing(exchange.request.query_params.multi_items())
        found = rights.own_request(reading, exchange.request.path_params["request_id"])
        if found is None:
            raise RightsRequestUnknown
        return tagged(exchange, found)

    def _export(self, reading: Reading, exchange: Exchange) -> Response:
        parameters.nothing(exchange.request.query_params.multi_items())
        slot = self._exports.take(reading.citizen.ente_id)
        return export_response(exchange, slot, lambda zipped: self._feed.export(reading, zipped=zipped))

    def _content(self, reading: Reading, exchange: Exchange) -> Response:
        parameters.nothing(exchange.request.query_params.multi_items())
        item_id, accept = exchange.request.path_params["item_id"], exchange.request.headers.get("accept")
        card = self._feed.card(reading, item_id)
        if card is not None and (names_svg(accept) or not card.has_file):
            return picture_response(exchange, card)
        if card is None and takes_svg_alone(accept):
            raise NotAcceptable(
                bilingual(
                    "Questo documento non è una tessera: non ha un'immagine",
                    "this document is no card: it has no picture",
                )
            )
        return file_response(exchange, self._feed.file(reading, item_id))

    def _profile(self, reading: Reading, exchange: Exchange) -> Response:
        parameters.nothing(exchange.request.query_params.multi_items())
        held = self._feed.profile(reading)
        return with_tag(exchange, f'"{held.tag}"', orjson.dumps(profile_view(held, reading.now)))

    def _preferences(self, reading: Reading, exchange: Exchange) -> Response:
        parameters.nothing(exchange.request.query_params.multi_items())
        held = self._feed.preferences(reading)
        return with_tag(exchange, f'"{held.tag}"', orjson.dumps(view_of(held)))


def _json_of(view: dict[str, Any]) -> Response:
    return Response(as_json(view), media_type="application/json")
