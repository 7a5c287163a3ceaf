"""What providers call: each connector's own address, with the provider's own authentication."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from contracts.answering import Call
from hub.errors import PathUnknown, RequestMalformed
from hub.inbound.answering import Answering
from hub.registry import Registry
from hub.security.causes import Refusal
from hub.security.channel import TrustedProxy, handed_over
from hub.security.headers import SignedRequest

from .exchange import Exchange, read_body
from .limits import Limiter

PATH = "/callbacks/v1/{ente_id}/{connector_id}/{path:path}"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_REFUSED = (401, 403)


@dataclass(frozen=True, slots=True)
class CallbacksApi:
    """The handler."""

    answering: Answering
    registry: Callable[[], Registry]
    limiter: Limiter
    body_limit: int
    proxy: TrustedProxy | None
    now: Callable[[], datetime]

    async def answer(self, exchange: Exchange) -> Response:
        """Read the call whole and hand it to its connector."""
        request = exchange.request
        names = request.path_params
        try:
            ente = self.registry().ente(names["ente_id"])
        except KeyError:
            raise PathUnknown from None
        connector_id = names["connector_id"]
        if not self.answering.knows(ente.ente_id, connector_id):
            raise PathUnknown  # not counted under a name that the caller made up, and its body not read
        # Nobody has proved who calls: of each address, or any stranger could use up what the provider may call.
        exchange.allowance = self.limiter.count_call(f"callbacks:{ente.ente_id}:{connector_id}:{exchange.address}")
        body = await read_body(request, self.body_limit)
        headers, certificate = self._from_proxy(exchange.bodiless_request())
        query = request.url.query
        call = Call(
            method=request.method,
            path=names["path"],
            url=f"{ente.public_url}{request.url.path}" + (f"?{query}" if query else ""),
            query=query,
            headers=headers,
            body=body,
            now=self.now(),
            address=exchange.address,
            certificate=certificate,
        )
        reply = await run_in_threadpool(self.answering.answer, ente.ente_id, connector_id, call)
        if reply.status in _REFUSED:
            self.limiter.count_refusal(exchange.address)
        told = {"Content-Type": reply.media_type, **reply.headers} if reply.body else dict(reply.headers)
        return Response(reply.body, reply.status, told)

    def _from_proxy(self, bare: SignedRequest) -> tuple[tuple[tuple[str, str], ...], bytes | None]:
        if self.proxy is None:
            return bare.headers, None
        try:
            return handed_over(self.proxy, bare.headers, bare.peer)
        except Refusal:
            raise RequestMalformed(cause="channel.malformed") from None
