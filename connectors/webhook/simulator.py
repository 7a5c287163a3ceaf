"""A system that follows the personal area, as Standard Webhooks wants receivers: strict, scriptable, with a ledger.

It serves `POST /hook`. A call is believed if one signature of a known version verifies under one of the `secrets` and
its time is within five minutes of ours; whatever else stands in the header is passed over. Each event, once for its
`webhook-id`, is a line of the ledger, on the disk before the answer leaves: `{"at", "webhook_id", "event"}`. A ledger
that is there is read at the start. The event `raccordo.ping` is answered and not kept.

Faults, one call each, in order, by `POST /_sim/faults` with a JSON list; `DELETE` forgets, `GET` shows the rest:
    {"kind": "status", "status": 503, "retry_after": 3}     answered instead; nothing kept
    {"kind": "lost", "status": 500}                         kept, then answered so: the next try is a repetition
"""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.base.ledger import Ledger
from connectors.base.serving import LoopbackServer
from connectors.base.simulator_faults import Kind, Script
from contracts.following import ItemEvent

TOLERANCE_S = 300
_KINDS = {"status": Kind(needs=("status",), may=("retry_after",)), "lost": Kind(needs=("status",))}


class Receiver:
    """What the module says."""

    def __init__(self, ledger: Path, *, secrets: Collection[str]) -> None:
        """`secrets`: `whsec_...`, or `whpk_...` for the public half of an Ed25519 key."""
        self.ledger = Ledger(ledger)
        self.secrets = tuple(secrets)
        self.faults = Script(kinds=_KINDS)
        self.repeated = 0
        """Calls for an event that was here before."""
        self.known = {entry["webhook_id"] for entry in self.ledger.entries}

    async def take(self, request: Request) -> Response:
        body = await request.body()
        if not self._believed(request, body):
            return JSONResponse({"error": "no valid signature"}, 401)
        fault = self.faults.next()
        if fault.get("kind") == "status":
            headers = {"Retry-After": str(fault["retry_after"])} if "retry_after" in fault else {}
            return Response(status_code=int(fault["status"]), headers=headers)
        if problem := self._kept(request.headers["webhook-id"], body):
            return JSONResponse({"error": problem}, 422)
        return Response(status_code=int(fault["status"]) if fault.get("kind") == "lost" else 204)

    def _believed(self, request: Request, body: bytes) -> bool:
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        if any(len(request.headers.getlist(name)) != 1 for name in names):
            return False
        message_id, sent_at, signatures = (request.headers[name] for name in names)
        if not sent_at.isascii() or not sent_at.isdigit() or abs(time.time() - int(sent_at[:12])) > TOLERANCE_S:
            return False
        content = f"{message_id}.{sent_at}.".encode() + body
        return any(_verifies(one, secret, content) for one in signatures.split(" ") for secret in self.secrets)

    def _kept(self, message_id: str, body: bytes) -> str:
        """Keeps the event; why it cannot."""
        try:
            if json.loads(body).get("type") == "raccordo.ping":
                return ""
            event = ItemEvent.model_validate_json(body)
        except (ValueError, AttributeError, ValidationError):
            return "no event of this schema"
        if event.data.event_id != message_id:
            return "webhook-id is not the event's"
        if message_id in self.known:
            self.repeated += 1
            return ""
        entry = {"at": time.time(), "webhook_id": message_id, "event": event.model_dump(mode="json")}
        self.ledger.append(entry)
        self.known.add(message_id)
        return ""


def _verifies(signature: str, secret: str, content: bytes) -> bool:
    version, _, encoded = signature.partition(",")
    try:
        raw = base64.b64decode(encoded, validate=True)
        if version == "v1" and secret.startswith("whsec_"):
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
            return hmac.compare_digest(raw, hmac.new(key, content, hashlib.sha256).digest())
        if version == "v1a" and secret.startswith("whpk_"):
            public = base64.b64decode(secret.removeprefix("whpk_"), validate=True)
            Ed25519PublicKey.from_public_bytes(public).verify(raw, content)
            return True
    except (binascii.Error, ValueError, InvalidSignature):
        pass  # one of several may be of another key, or malformed
    return False


class Follower:
    """The simulated receiver on a loopback port."""

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._secret = "whsec_" + base64.b64encode(hashlib.sha256(b"simulated webhook").digest()).decode()
        self.receiver = Receiver(folder / "webhook.jsonl", secrets=(self._secret,))
        routes = [
            Route("/hook", self.receiver.take, methods=["POST"]),
            self.receiver.faults.route,
        ]
        self._server = LoopbackServer(Starlette(routes=routes), port=port)

    def start(self) -> Mapping[str, Any]:
        self._server.start()
        url = f"{self._server.url}/hook"
        return {"url": url, "signing_secrets": self._secret, "private_hosts": ["127.0.0.1"]}

    def stop(self) -> None:
        self._server.stop()


def simulate(folder: Path, **options: Any) -> Follower:
    """See `connectors.registry.simulate`."""
    return Follower(folder, **options)
