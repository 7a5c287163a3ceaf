"""A vendor that keeps account: what it sent, and what it was told, each line on the disk before it goes on."""

import hashlib
import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from hub.security.sign import LIFETIME_S

from ..harness import HubUnderTest
from .files import Lines
from .trades import MESSAGES, Trade, fingerprint

EVERY = 9
"""One message in so many is wrong on purpose, in turn by its body and by its form, and must be refused."""


class Generator:
    """Sends numbered items of its trade; `ledger` is its account."""

    def __init__(self, path: Path, trade: Trade = MESSAGES) -> None:
        self.ledger = Lines(path)
        self._trade = trade
        self._path = f"/publish/v1/{trade.collection}"
        self._number = 0
        self._counting = threading.Lock()
        self._acked: dict[str, tuple[bytes, dict[str, str], float]] = {}
        self._waiting: dict[str, dict[str, Any]] = {}

    def load(
        self, hub: HubUnderTest, count: int, *, threads: int = 4, alive: Callable[[], bool] = lambda: True
    ) -> None:
        """Send `count` items, while the hub is `alive`."""

        def one(number: int) -> None:
            if alive():
                self._send(hub, number)

        numbers = range(self._number, self._number + count)
        self._number += count
        with ThreadPoolExecutor(threads) as pool:
            for result in pool.map(one, numbers):
                assert result is None

    def one(self, hub: HubUnderTest) -> None:
        """The next item; several threads may ask for theirs."""
        with self._counting:
            number, self._number = self._number, self._number + 1
        self._send(hub, number)

    def send_again(self, hub: HubUnderTest, *, within_s: float = 30) -> None:
        """What had no answer, or a 503, once more with fresh tokens until it has one: the vendor's own duty. Given up
        when none was taken in for so long."""
        deadline = time.monotonic() + within_s
        while self._waiting and time.monotonic() < deadline:
            for name, item in list(self._waiting.items()):
                self._post(hub, name, item)
                if name not in self._waiting:
                    deadline = time.monotonic() + within_s
            if self._waiting:
                time.sleep(0.2)

    def replay(self, hub: HubUnderTest, most: int = 5) -> None:
        """Requests that were accepted, byte for byte, tokens and all: none may be accepted twice. Those alone whose
        tokens still hold, so that it is the hub's memory that refuses them."""
        for name, (body, headers, signed_at) in list(self._acked.items())[-most:]:
            if time.monotonic() > signed_at + LIFETIME_S / 2:
                continue
            for _ in range(3):
                try:
                    status = hub.client.post(self._path, content=body, headers=headers).status_code
                except httpx.TransportError:
                    status = 0
                if 0 < status < 500:
                    break
            self.ledger.append(event="replayed", name=name, status=status)

    @property
    def acknowledged(self) -> int:
        """How many it was told were taken in, so far."""
        return len(self._acked)

    def took(self, item: Mapping[str, Any], number: int) -> None:
        """Enter a message into the account that was sent past it, and taken in."""
        self._note_sent(item, number, wrong="")
        self._waiting[item["external_id"]] = dict(item)

    def _send(self, hub: HubUnderTest, number: int) -> None:
        name = str(uuid.uuid4())
        item = self._trade.make(name, number)
        wrong = "" if number % EVERY != EVERY - 1 else ("body", "form")[number // EVERY % 2]
        self._note_sent(item, number, wrong=wrong)
        if not wrong:
            self._waiting[name] = item
        self._post(hub, name, item, wrong=wrong)

    def _note_sent(self, item: Mapping[str, Any], number: int, *, wrong: str) -> None:
        self.ledger.append(
            event="sent",
            name=item["external_id"],
            number=number,
            tax_code=item["recipient"]["tax_code"],
            email=item["recipient"]["email"],
            sha256=fingerprint(item),
            body_sha256=hashlib.sha256(json.dumps(item).encode()).hexdigest(),
            wrong=wrong,
        )

    def _post(self, hub: HubUnderTest, name: str, item: dict[str, Any], *, wrong: str = "") -> None:
        sent = item | {"version": 0} if wrong == "form" else item
        body = json.dumps(sent).encode()
        signed_at = time.monotonic()
        headers = hub.signed(body)
        if wrong == "body":
            body = body.replace(b"Avviso", b"Avvisi")
        try:
            answer = hub.client.post(self._path, content=body, headers=headers)
        except httpx.TransportError as error:
            self.ledger.append(event="unknown", name=name, error=repr(error))
            return
        if answer.is_success:
            self.ledger.append(event="acked", name=name, item_id=answer.json()["item_id"])
            self._acked[name] = (body, headers, signed_at)
            self._waiting.pop(name, None)
        elif answer.status_code >= 500 or answer.status_code == 429:
            self.ledger.append(event="put_off", name=name, status=answer.status_code)
        else:
            self.ledger.append(event="refused", name=name, status=answer.status_code)

    def counts(self) -> Counter[str]:
        return Counter(line["event"] for line in self.ledger.read())
