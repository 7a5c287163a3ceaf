"""Batches over HTTP (NONBLOCK_PULL_REST): 202 and where to ask, 200 while running, 303 when done, the result."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from contracts.base import rfc3339
from contracts.faults import unknown_parameter
from hub.errors import RequestInvalid
from hub.ingest.batch_view import BatchView, status_of
from hub.ingest.batches import Batches
from hub.ingest.pipeline import Inbound, sha256_hex
from hub.security.digest import header_of
from hub.security.modi import Verified
from hub.store.batches import AcceptedBatch, Batch
from hub.store.intake import Submission

from .exchange import Exchange, Handler
from .operations import Operation

Verify = Callable[[Exchange, Operation, int], Awaitable[tuple[Inbound, Verified]]]
Submit = Callable[[Submission[Any]], Awaitable[Any]]
Read = Callable[[Inbound, Verified, Callable[[], Any]], Awaitable[Any]]
ReplyTo = Callable[[str, str, list[str]], str | None]
Sign = Callable[[Verified, bytes, str], dict[str, str]]

_ASK_AGAIN_S = "1"


class BatchesApi:
    """Handlers of batches, by operation_id; `verified`, `submit`, `read` and `sign` are those of the publish API."""

    OPERATIONS = frozenset({"publish_batch", "show_batch", "show_batch_result"})

    def __init__(
        self,
        *,
        batches: Batches,
        view: BatchView,
        accepted: Callable[[], None],
        reply_to: ReplyTo,
        limit: int,
        verified: Verify,
        submit: Submit,
        read: Read,
        sign: Sign,
    ) -> None:
        self._batches = batches
        self._view = view
        self._accepted = accepted
        self._reply_to = reply_to
        self._limit = limit
        self._verified = verified
        self._submit = submit
        self._read = read
        self._sign = sign

    def handler(self, operation: Operation) -> Handler:
        return {
            "publish_batch": self._publish,
            "show_batch": self._show,
            "show_batch_result": self._result,
        }[operation.operation_id](operation)

    def _publish(self, operation: Operation) -> Handler:
        async def publish(exchange: Exchange) -> Response:
            inbound, verified = await self._verified(exchange, operation, self._limit)

            def judge() -> Submission[Any]:
                return self._batches.submission(
                    inbound,
                    verified,
                    correlation_id=exchange.correlation_id,
                    reply_to=lambda: self._reply_to(
                        verified.ente.ente_id,
                        verified.vendor.vendor_id,
                        exchange.request.headers.getlist("x-replyto"),
                    ),
                )

            answer: AcceptedBatch = await self._submit(await run_in_threadpool(judge))
            self._accepted()
            request_digest = header_of(inbound.request.body_digest)
            content = {
                "batch_id": answer.batch_id,
                "state": "running",
                "size": answer.size,
                "received_at": rfc3339(answer.received_at),
                "request_digest": request_digest,
            }
            if verified.message_id:
                content["message_id"] = verified.message_id
            body = orjson.dumps(content)
            headers = self._sign(verified, body, request_digest)
            headers["Location"] = _address(verified, answer.batch_id)
            return Response(body, 202, headers, media_type="application/json")

        return publish

    def _show(self, operation: Operation) -> Handler:
        async def show(exchange: Exchange) -> Response:
            batch, verified = await self._one(exchange, operation, self._view.one)
            assert isinstance(batch, Batch)
            if batch.state == "done":
                return Response(status_code=303, headers={"Location": f"{_address(verified, batch.batch_id)}/result"})
            body = orjson.dumps(status_of(batch))
            return _tagged(exchange, body, {"Retry-After": _ASK_AGAIN_S})

        return show

    def _result(self, operation: Operation) -> Handler:
        async def result(exchange: Exchange) -> Response:
            content, verified = await self._one(exchange, operation, self._view.result)
            body = orjson.dumps(content)
            return _tagged(exchange, body, self._sign(verified, body, content["request_digest"]))

        return result

    async def _one(
        self, exchange: Exchange, operation: Operation, look: Callable[[Any, str], Any]
    ) -> tuple[Any, Verified]:
        inbound, verified = await self._verified(exchange, operation, self._limit)

        def act() -> Any:
            if exchange.request.query_params:
                raise RequestInvalid(unknown_parameter(()))
            return look(verified.vendor, exchange.request.path_params["batch_id"])

        return await self._read(inbound, verified, act), verified


def _address(verified: Verified, batch_id: str) -> str:
    return f"{verified.ente.publish_audience}/batches/{batch_id}"


def _tagged(exchange: Exchange, body: bytes, headers: dict[str, str]) -> Response:
    if exchange.is_known(f'"{sha256_hex(body)[:24]}"'):
        return Response(status_code=304)
    return Response(body, 200, headers, media_type="application/json")
