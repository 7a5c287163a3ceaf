"""The vendors' API: the HTTP face of the intake line."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from contracts.base import rfc3339
from contracts.faults import unknown_parameter
from hub.errors import HubError, NotAcceptable, RequestInvalid, RequestRefused
from hub.ingest.batch_view import BatchView
from hub.ingest.batches import Batches
from hub.ingest.events_view import EventsView, events_wish
from hub.ingest.pipeline import Inbound, Pipeline, sha256_hex
from hub.ingest.uploads import Uploads
from hub.ingest.vendor_view import VendorView, find_wish
from hub.registry import Vendor
from hub.security.digest import header_of
from hub.security.modi import SignedRequest, Verified, Wanted, unsigned_tokens
from hub.security.sign import SigningKey, sign_response
from hub.store.amendments import Uploaded, Withdrawn
from hub.store.committer import Committer
from hub.store.drafts import Published
from hub.store.intake import Intake, Submission, Unsigned
from hub.store.works import Coming

from .accepting import takes_json
from .batches import BatchesApi, ReplyTo
from .exchange import Exchange, Handler, json_response
from .large import LargeBodies
from .limits import Limiter
from .operations import Operation
from .prepared import Prepared
from .resolving import NothingElsewhere, Resolver, resolved
from .together import Together, each

log = logging.getLogger(__name__)

_COLLECTION_OF = {
    "publish_message": "messages",
    "publish_document": "documents",
    "publish_payment": "payments",
    "publish_receipt": "receipts",
    "publish_application": "applications",
    "publish_subscription": "subscriptions",
    "publish_deadline": "deadlines",
    "publish_service": "services",
}


class PublishApi:
    """Handlers of the publish API, by operation_id."""

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        uploads: Uploads,
        batches: Batches,
        batch_view: BatchView,
        batch_accepted: Callable[[], None],
        reply_to: ReplyTo,
        events_view: EventsView,
        vendor_view: VendorView,
        committer: Committer,
        intake: Intake,
        limiter: Limiter,
        signing_key: Callable[[], SigningKey],
        body_limit: int,
        batch_limit: int,
        content_limit: int,
        accepted: Callable[[], None],
        resolver: Resolver | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._uploads = uploads
        self._view = vendor_view
        self._events_view = events_view
        self._committer = committer
        self._intake = intake
        self._limiter = limiter
        self._signing_key = signing_key
        self._body_limit = body_limit
        self._content_limit = content_limit
        self._accepted = accepted
        self._resolver = resolver or NothingElsewhere()
        largest = max(content_limit, batch_limit)
        self._large = LargeBodies(of_one=4 * largest, of_all=16 * largest)
        self._batches = BatchesApi(
            batches=batches,
            view=batch_view,
            accepted=batch_accepted,
            reply_to=reply_to,
            limit=batch_limit,
            verified=self._verified,
            submit=self._submit,
            read=self._read,
            sign=self._evidence,
        )
        self._verify = Together(pipeline.verify)
        self._judge: Together[tuple[Inbound, Verified, str], Submission[Any]] = Together(
            each(lambda request: pipeline.publication(*request))
        )

    def handler(self, operation: Operation) -> Handler:
        """The handler of an operation of the table. Raises KeyError for one that has none."""
        collection = _COLLECTION_OF.get(operation.operation_id)
        if collection is not None:
            return self._publish(operation, collection)
        if operation.operation_id in BatchesApi.OPERATIONS:
            return self._batches.handler(operation)
        return {
            "withdraw_item": self._withdraw,
            "upload_document_content": self._upload,
            "show_published_item": self._show,
            "find_published_items": self._find,
            "list_events": self._events,
        }[operation.operation_id](operation)

    def _publish(self, operation: Operation, collection: str) -> Handler:
        async def publish(exchange: Exchange) -> Response:
            coming = Coming(self._committer)
            exchange.until_answered.callback(coming.end)
            inbound, verified = await self._verified(exchange, operation, self._body_limit, coming)

            def receipt(answer: Published) -> Response:
                content = {
                    "item_id": answer.item_id,
                    "external_id": answer.external_id,
                    "version": answer.version,
                    "lifecycle": answer.lifecycle,
                    "outcome": answer.outcome,
                    "notification": answer.notification,
                }
                return self._signed(content, answer.received_at, verified, inbound, answer.outcome == "created")

            return await self._answered(await self._judge((inbound, verified, collection)), receipt, coming)

        return publish

    def _withdraw(self, operation: Operation) -> Handler:
        async def withdraw(exchange: Exchange) -> Response:
            inbound, verified = await self._verified(exchange, operation, self._body_limit)
            item_id = exchange.request.path_params["item_id"]

            def receipt(answer: Withdrawn) -> Response:
                content = {"item_id": answer.item_id, "lifecycle": "withdrawn"}
                return self._signed(content, answer.received_at, verified, inbound, True)

            return await self._answered(self._pipeline.withdrawal(inbound, verified, item_id), receipt)

        return withdraw

    def _upload(self, operation: Operation) -> Handler:
        async def upload(exchange: Exchange) -> Response:
            inbound, verified = await self._verified(exchange, operation, self._content_limit)
            item_id = exchange.request.path_params["item_id"]
            submission = await run_in_threadpool(self._uploads.submission, inbound, verified, item_id)

            def receipt(answer: Uploaded) -> Response:
                content = {
                    "item_id": answer.item_id,
                    "state": answer.state,
                    "outcome": answer.outcome,
                    "notification": answer.notification,
                }
                return self._signed(content, answer.received_at, verified, inbound, answer.outcome == "created")

            return await self._answered(submission, receipt)

        return upload

    def _show(self, operation: Operation) -> Handler:
        async def show(exchange: Exchange) -> Response:
            inbound, verified = await self._verified(exchange, operation, self._body_limit)

            def act() -> dict[str, Any]:
                if exchange.request.query_params:
                    raise RequestInvalid(unknown_parameter(()))
                return self._view.one(verified.vendor, exchange.request.path_params["item_id"])

            content = await self._read(inbound, verified, act)
            tag = f'"{content["version"]}-{sha256_hex(orjson.dumps(content))[:16]}"'
            exchange.headers["ETag"] = tag
            if exchange.request.headers.get("if-none-match") == tag:
                return Response(status_code=304)
            return json_response(content)

        return show

    def _find(self, operation: Operation) -> Handler:
        async def find(exchange: Exchange) -> Response:
            inbound, verified = await self._verified(exchange, operation, self._body_limit)
            query = exchange.request.query_params.multi_items()
            content = await self._read(inbound, verified, lambda: self._view.find(verified.vendor, find_wish(query)))
            return json_response(content)

        return find

    def _events(self, operation: Operation) -> Handler:
        async def events(exchange: Exchange) -> Response:
            inbound, verified = await self._verified(exchange, operation, self._body_limit)
            query = exchange.request.query_params.multi_items()

            def act() -> dict[str, Any]:
                after, limit = events_wish(query)
                return self._events_view.after(verified.vendor, after, limit)

            return json_response(await self._read(inbound, verified, act))

        return events

    async def _verified(
        self, exchange: Exchange, operation: Operation, limit: int, coming: Coming | None = None
    ) -> tuple[Inbound, Verified]:
        """`coming` is told when the whole request is here, and that it is not while something is fetched for it."""

        def inbound_of(request: SignedRequest) -> Inbound:
            return Inbound(request, exchange.request_id, operation.operation_id, operation.signed_body)

        async def make_room(bare: SignedRequest, size: int) -> None:
            async def run() -> Vendor:
                return self._pipeline.authenticate(inbound_of(bare))

            vendor = await resolved(run, self._resolver, exchange.address)
            client = f"{vendor.ente_id}/{vendor.vendor_id}"
            exchange.allowance = self._limiter.count_call(client)
            tokens = [*bare.values("authorization"), *bare.values("agid-jwt-signature")]
            exchange.until_answered.enter_context(self._large.held(client, tokens, size))

        body = b""
        try:
            request = await exchange.signed_request(limit, before_large=make_room)
            inbound, body = inbound_of(request), request.body

            async def verify() -> Verified:
                if coming is not None:
                    coming.begin()
                try:
                    return await self._verify(inbound)
                except Wanted:
                    if coming is not None:
                        coming.end()
                    raise

            verified = await resolved(verify, self._resolver, exchange.address)
            if not takes_json(next(iter(request.values("accept")), None)):
                # Its signatures hold: the token is used up, and the sender is told why.
                verified = replace(verified, refusal=verified.refusal or NotAcceptable())
        except RequestRefused as refused:
            exchange.allowance = self._limiter.count_refusal(exchange.address)
            tokens, private = unsigned_tokens(exchange.bodiless_request())
            row = Unsigned(
                exchange.request_id,
                operation.operation_id,
                refused.cause,
                sha256_hex(body),
                refused.code,
                tokens=tokens,
                private=private,
                peer=exchange.peer_kind,
            )
            await self._committer.submit(self._intake.record_unsigned, row, coming=coming)
            raise
        if exchange.allowance is None:
            exchange.allowance = self._limiter.count_call(f"{verified.ente.ente_id}/{verified.vendor.vendor_id}")
        return inbound, verified

    async def _answered(
        self, submission: Submission[Any], receipt: Callable[[Any], Response], coming: Coming | None = None
    ) -> Response:
        prepared = Prepared(receipt)
        return prepared.of(await self._submit(submission, prepared.early, coming))

    async def _submit(
        self,
        submission: Submission[Any],
        early: Callable[[Any], None] | None = None,
        coming: Coming | None = None,
    ) -> Any:
        size = len(submission.signed.body)
        try:
            answer = await self._committer.submit(
                self._intake.record, submission, size=size, early=early, coming=coming
            )
        except HubError:
            raise
        except Exception:
            # A bug of ours: its transaction is undone, but the token is used up and the evidence kept all the same.
            log.exception("intake.failed request_id=%s", submission.signed.request_id)
            await self._committer.submit(self._intake.record, replace(submission, act=None, refusal=HubError()))
            raise
        if getattr(answer, "notification", "") == "pending":
            self._accepted()
        return answer

    async def _read(self, inbound: Inbound, verified: Verified, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """A read by a vendor: its token is consumed and the read recorded like any other request."""
        refusal: HubError | None = None
        try:
            if verified.refusal is not None:
                raise verified.refusal
            content = await run_in_threadpool(act)
        except HubError as error:
            content, refusal = {}, error
        submission = self._pipeline.read_submission(inbound, verified, refusal)
        await self._committer.submit(self._intake.record, submission)
        return content

    def _signed(
        self, content: dict[str, Any], received_at: datetime, verified: Verified, inbound: Inbound, created: bool
    ) -> Response:
        """The receipt: signed by the hub over the bytes sent, tied to the request by its digest."""
        request_digest = header_of(inbound.request.body_digest)
        content |= {"received_at": rfc3339(received_at), "request_digest": request_digest}
        if verified.message_id:
            content["message_id"] = verified.message_id
        body = orjson.dumps(content)
        proof = self._evidence(verified, body, request_digest)
        location = {"Location": f"{verified.ente.publish_audience}/items/{content['item_id']}"} if created else {}
        return Response(body, 201 if created else 200, {**location, **proof}, media_type="application/json")

    def _evidence(self, verified: Verified, body: bytes, request_digest: str) -> dict[str, str]:
        """The headers that sign an answer to a vendor, and tie it to the request of that digest."""
        return sign_response(
            self._signing_key(),
            iss=verified.ente.publish_audience,
            aud=verified.vendor.vendor_id,
            body=body,
            content_type="application/json",
            request_digest=request_digest,
            now=self._pipeline.now(),
        )
