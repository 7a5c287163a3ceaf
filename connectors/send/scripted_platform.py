"""The simulated SEND on a port, for the tests of this folder: what was said is kept."""

import json
from collections.abc import MutableMapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx

from connectors.base.conformance import Walk
from connectors.base.serving import LoopbackServer
from contracts.connector import Connector, Limits, Notice
from contracts.inbound import Memo, Report
from contracts.settling import SettledPayment

from . import connect
from .config import Settings
from .scripted_notices import notice_of, sample, settings
from .simulator import Platform

KEY = "k"


class _Answer:
    """What passes by on its way to the caller. The simulator looks for the transport where uvicorn has it."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.transport = inner, getattr(inner.__self__, "transport", None)
        self.status, self.body = 0, bytearray()

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self.status = message.get("status", self.status)
        self.body.extend(message.get("body", b""))
        await self.inner(message)


class Running:
    """A simulator on a port, with every exchange kept that was answered: (method, path, query, request body, status,
    answer body)."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.platform = Platform(folder / "send.jsonl", api_keys={KEY}, **options)
        self.exchanges: list[tuple[str, str, str, bytes, int, bytes]] = []
        self.connectors: list[Connector] = []

    def __enter__(self) -> Self:
        self.server = LoopbackServer(self)
        self.server.start()
        self.http = httpx.Client(base_url=self.server.url, headers={"x-api-key": KEY}, trust_env=False)
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        for each in self.connectors:
            each.close()
        self.server.stop()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        asked, answer = bytearray(), _Answer(send)

        async def taking() -> MutableMapping[str, Any]:
            message: MutableMapping[str, Any] = await receive()
            asked.extend(message.get("body", b""))
            return message

        await self.platform(scope, taking, answer.send)
        if not answer.status:
            return  # cut off: whoever asked may look before or after this
        query = scope["query_string"].decode()
        kept = (scope["method"], scope["path"], query, bytes(asked), answer.status, bytes(answer.body))
        self.exchanges.append(kept)

    def faults(self, *faults: dict[str, Any]) -> None:
        """Script the next calls."""
        assert self.http.post("/_sim/faults", json=faults).status_code == 200

    def settings(self, **changes: Any) -> Settings:
        """Those that lead here."""
        given = {"api_key": KEY, "sender_tax_code": self.platform.sender_tax_code}
        return settings(self.server.url, **given | changes)

    def connector(self, timeout_s: float = 10.0, **changes: Any) -> Connector:
        """The connector, made anew."""
        self.connectors.append(connect(self.settings(**changes), Limits(timeout_s=timeout_s)))
        return self.connectors[-1]

    def walk(self, name: str = "delivered.json", timeout_s: float = 10.0, **changes: Any) -> Walk:
        """A delivery of a scenario's notice."""
        return Walk(self.connector(timeout_s, **changes), notice_of(sample(name)))

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What the platform took, as it stands."""
        return list(self.platform.ledger.requests.values())


def settled_by(notice: Notice, iun: str, **changes: Any) -> Notice:
    """That the first payment of a notice was paid, as the hub tells it."""
    assert notice.legal is not None
    payment = notice.legal.payments[0]
    paid_at = datetime(2026, 11, 26, 9, tzinfo=UTC)
    paid = SettledPayment(iun, payment.notice_number, payment.creditor_tax_code, paid_at, payment.amount_cents)
    return replace(notice, legal=None, settled=replace(paid, **changes))


def pulled(connector: Connector, memo: Memo) -> tuple[Memo, list[Report]]:
    """The reports of one round, the memo kept after each step as the hub keeps it."""
    assert connector.pull is not None
    reports: list[Report] = []
    for _ in range(10):
        step = connector.pull(json.loads(json.dumps(memo)))
        memo, reports = step.memo, [*reports, *step.reports]
        if not step.more:
            break
    return memo, reports


def good_request() -> dict[str, Any]:
    """A request that SEND takes."""
    found: dict[str, Any] = json.loads(json.dumps(sample("delivered.json")["exchanges"][3]["request"]["body"]))
    return found
