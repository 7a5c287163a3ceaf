"""A system of the ente that follows items, as the flows need one: it keeps what it is told."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.base.serving import LoopbackServer
from hub.security.headers import SignedRequest
from hub.security.sign import SigningKey, sign_response
from tests.harness import PUBLISH_AUDIENCE, eventually

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
LIMITS = {"retry_base_s": 0.01, "retry_cap_s": 0.05, "rate_per_s": 1000, "burst": 1000, "breaker_failures": 1000}


@dataclass
class Receiver:
    """The system of the ente: keeps what it is told, and answers as the test wishes."""

    answers: list[int] = field(default_factory=list)
    told: list[tuple[str, list[tuple[str, str]], bytes]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    signing: SigningKey | None = None
    """Signs answers, where it does."""
    ties: bool = True

    async def take(self, request: Request) -> Response:
        body = await request.body()
        with self.lock:
            headers = [(name.decode(), value.decode()) for name, value in request.headers.raw]
            self.told.append((request.url.path, headers, body))
            status = self.answers.pop(0) if self.answers else 200
        answer = b'{"received": true}'
        signed = {}
        if self.signing is not None and status == 200:
            signed = sign_response(
                self.signing,
                iss="gestionale",
                aud=PUBLISH_AUDIENCE,
                body=answer,
                content_type="application/json",
                request_digest=request.headers.get("digest") if self.ties else None,
                now=datetime.now(UTC),
            )
        return Response(answer, status, signed, media_type="application/json")

    def of(self, item_id: str, path: str) -> list[tuple[dict[str, str], dict]]:
        """Headers and bodies about one item at one path, in order."""
        with self.lock:
            told = list(self.told)
        found = [(dict(headers), json.loads(body)) for at, headers, body in told if at == path]
        return [(headers, body) for headers, body in found if body["data"].get("item_id") == item_id]

    def request(self, item_id: str, path: str) -> SignedRequest:
        """The first call about the item, as it came."""
        with self.lock:
            (found, *_) = [one for one in self.told if one[0] == path and item_id.encode() in one[2]]
        return SignedRequest("POST", path, tuple(found[1]), found[2])


@contextmanager
def receiving() -> Iterator[tuple[Receiver, str]]:
    receiver = Receiver()
    server = LoopbackServer(Starlette(routes=[Route("/{path:path}", receiver.take, methods=["POST"])]))
    server.start()
    try:
        yield receiver, server.url
    finally:
        server.stop()


def follower(url, path, **settings):
    return "webhook", {"url": f"{url}{path}", "signing_secrets": SECRET, "private_hosts": ["127.0.0.1"], **settings}


def until(receiver, item_id, path, types):
    """Headers and bodies, once these types of events are there, in this order."""

    def look():
        return receiver.of(item_id, path)

    def there(found):
        return sorted(body["type"] for _, body in found) == sorted(f"item.{each}" for each in types)

    return eventually(look, there)


def to_followers(hub, *connector_ids):
    return [each for each in hub.deliveries() if each["connector_id"] in connector_ids]
