"""The portal's API: the HTTP face of the feed. Every answer about a citizen leaves one access record, durable first."""

import hashlib
import re
from collections.abc import Callable
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from contracts.feed import SubscriptionRequest, UserStatePatch
from contracts.items.subscription import RequestKind
from hub.clock import Clock
from hub.errors import HubError, MediaUnsupported, RequestInvalid, RequestRefused
from hub.feed import parameters
from hub.feed.query import Feed, Whole
from hub.feed.views import request_view
from hub.ingest.canonical import refusal_of
from hub.registry import Registry
from hub.security.portal import Reader, verify_reader
from hub.store.citizens import Subject
from hub.store.committer import Committer
from hub.store.readers import Access, UserStateChange, change_user_state, record_access
from hub.store.reading import Reading
from hub.store.requesting import Asked, Requesting, Wish

from .content import file_response
from .exchange import Exchange, Handler, json_response
from .limits import Limiter
from .operations import Operation

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
        requesting: Requesting,
    ) -> None:
        self._requesting = requesting
        self._feed = feed
        self._committer = committer
        self._registry = registry
        self._clock = clock
        self._limiter = limiter

    def handler(self, operation: Operation) -> Handler:
        """The handler of an operation of the table. Raises KeyError for one that has none."""
        if operation.operation_id in _COLLECTION_OF:
            collection = _COLLECTION_OF[operation.operation_id]
            return self._reads(operation, lambda reading, exchange: self._list(reading, exchange, collection))
        if operation.operation_id == "change_user_state":
            return self._change(operation)
        if operation.operation_id == "request_subscription_change":
            return self._request(operation)
        reads: dict[str, Read] = {
            "show_summary": self._summary,
            "show_item": self._show,
            "list_changes": self._changes,
            "read_document_content": self._content,
            "describe_document_content": self._content,
        }
        return self._reads(operation, reads[operation.operation_id])

    def _reads(self, operation: Operation, read: Read) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            reader = await self._reader(exchange, scope="feed:read", change=False)
            response, citizen_id, refusal = await run_in_threadpool(self._answer, reader, exchange, read)
            access = _access(exchange, operation, reader, citizen_id, refusal.code if refusal else "ok")
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
        parameters.nothing(exchange.request.query_params.multi_items())
        return _tagged(exchange, self._feed.summary(reading))

    def _show(self, reading: Reading, exchange: Exchange) -> Response:
        parameters.nothing(exchange.request.query_params.multi_items())
        whole = self._feed.whole(reading, exchange.request.path_params["item_id"])
        body = orjson.dumps(whole.view)
        return _with_tag(exchange, _tag_of(whole, body), body)

    def _changes(self, reading: Reading, exchange: Exchange) -> Response:
        after, limit = parameters.changes_wish(exchange.request.query_params.multi_items())
        return json_response(self._feed.changes(reading, after, limit))

    def _content(self, reading: Reading, exchange: Exchange) -> Response:
        parameters.nothing(exchange.request.query_params.multi_items())
        return file_response(exchange, self._feed.file(reading, exchange.request.path_params["item_id"]))

    def _change(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            reader = await self._reader(exchange, scope="feed:write", change=True)
            patch: dict[str, bool] = {}
            refusal: HubError | None = None
            try:
                patch = _patch(exchange)
            except HubError as error:
                refusal = error
            citizen_id = await run_in_threadpool(self._citizen_id, reader)
            change = UserStateChange(
                access=_access(exchange, operation, reader, citizen_id, "ok"),
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

    def _request(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            reader = await self._reader(exchange, scope="feed:write", change=True)
            kind: RequestKind | None = None
            refusal: HubError | None = None
            try:
                kind = _request_kind(exchange)
            except HubError as error:
                refusal = error
            citizen_id = await run_in_threadpool(self._citizen_id, reader)
            wish = Wish(
                access=_access(exchange, operation, reader, citizen_id, "ok"),
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

    def _citizen_id(self, reader: Reader) -> str | None:
        with self._feed.open() as connection:
            citizen = self._feed.citizen(connection, _subject(reader))
        return citizen.citizen_id if citizen else None

    async def _reader(self, exchange: Exchange, *, scope: str, change: bool) -> Reader:
        request = await exchange.signed_request(_BODY_LIMIT)
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
    return Subject(reader.ente.ente_id, reader.subject_kind, reader.tax_code)


def _access(
    exchange: Exchange,
    operation: Operation,
    reader: Reader,
    citizen_id: str | None,
    outcome: str,
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
    )


def _patch(exchange: Exchange) -> dict[str, bool]:
    media_type = exchange.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/merge-patch+json":
        error = MediaUnsupported("send the patch as application/merge-patch+json")
        error.headers["Accept"] = error.headers["Accept-Patch"] = "application/merge-patch+json"
        raise error
    try:
        patch = UserStatePatch.model_validate_json(exchange.body)
    except ValidationError as exc:
        raise refusal_of(exc) from None
    given = patch.model_dump(exclude_unset=True)
    if not given or None in given.values():
        raise RequestInvalid("the patch sets at least one of read, archived, starred, confirmed to true or false")
    return given


def _request_kind(exchange: Exchange) -> RequestKind:
    media_type = exchange.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise MediaUnsupported("send the request as application/json", headers={"Accept": "application/json"})
    try:
        return SubscriptionRequest.model_validate_json(exchange.body).kind
    except ValidationError as exc:
        raise refusal_of(exc) from None


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
