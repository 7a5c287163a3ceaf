"""The one call: POST of the event, signed, answered by 2xx."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from connectors.base.http import send
from connectors.base.previewing import fields_of
from contracts.base import rfc3339
from contracts.connector import Continue, Done, Memo, Notice, Preview
from contracts.failures import Rejected, Unconfirmed
from contracts.identifiers import new_uuid7
from contracts.proving import Proof

from .config import Settings
from .mapping import content, failure
from .signing import ID, signed

_ANNOUNCED = {"step": "tell"}
PING = "raccordo.ping"
"""The type of the event that a check sends: receivers pass over types that they do not know."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """The steps, over a client without an address of its own."""

    http: httpx.Client
    settings: Settings
    proof: Proof | None
    timeout_s: float
    now: Callable[[], float] = time.time

    def advance(self, notice: Notice, memo: Memo) -> Done | Continue:
        """Tell it, after it was announced; at least once, under one webhook-id."""
        body, message_id = self._told(notice)
        if memo != _ANNOUNCED:
            return Continue(dict(_ANNOUNCED), unsafe=True)
        self._post(message_id, body, unsafe=True)
        return Done(message_id)

    def preview(self, notice: Notice) -> tuple[Preview, ...]:
        """The call, without its time and its signatures, which are those of a try."""
        body, message_id = self._told(notice)
        fields = {ID: message_id} | fields_of(json.loads(body))
        return (Preview(f"POST {self.settings.url}", fields),)

    def check(self) -> str:
        """Send an event that tells of nothing, signed as every other: whoever answers 2xx has verified it."""
        moment = rfc3339(datetime.fromtimestamp(int(self.now()), UTC))
        body = json.dumps({"type": PING, "timestamp": moment, "data": {}}).encode()
        self._post(f"ping-{new_uuid7()}", body, unsafe=False)
        return "The system answers, and takes a signed event of the type raccordo.ping."

    def _told(self, notice: Notice) -> tuple[bytes, str]:
        if notice.push is None:
            raise Rejected("webhook.nothing_to_tell")
        return content(notice, notice.push, self.settings.payload), notice.push.correlation_id

    def _post(self, message_id: str, body: bytes, *, unsafe: bool) -> None:
        headers = signed(self.settings.secrets, message_id=message_id, timestamp=int(self.now()), body=body)
        headers["Content-Type"] = "application/json"
        request = self.http.build_request("POST", self.settings.url, content=body, headers=headers)
        answer = send(self.http, request, unsafe=unsafe, deadline_s=self.timeout_s, proof=self.proof)
        if not 200 <= answer.status < 300:
            raise failure(answer)
        if not answer.complete:
            raise Unconfirmed("webhook.acknowledgement_cut")
