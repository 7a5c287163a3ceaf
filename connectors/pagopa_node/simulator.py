"""pagoPA's node as its description has it, for the tour, the flows and the fault tests: it calls the creditor's station
as the real one does, and serves the reporting flows of what was paid.

    node = simulator(Path("node.jsonl"), station_url=".../callbacks/v1/c_h501/pagopa/paForNode", ...)

`POST /_sim/pay` with `{"notice_number": "3...", "version": 2}` is somebody who pays (`simulator_payment`). The answer
says what came of it: `{"outcome", "receipt_id", "amount_cents", "attempts"}`, or `{"outcome": "KO", "code"}`.
`POST /_sim/demand` with `{"id_servizio": "00005", "document": "<...>"}` is somebody who asks for a payment that nobody
has asked him for, and then pays it: with `"pay": false` he has but its notice. The answer is that of `pay`, with the
`notice_number`.
`POST /_sim/receipts` brings once more each receipt that was not taken, after a crash of either side among others; the
answer says how many are `left`.
`POST /_sim/report` publishes a flow of all that was paid and not yet reported; `{"status": "REVOKED", "flow": "..."}`
and `{"revision": 2}` change it, `{"leave_out": 1}` leaves out the last payments.
`GET /_sim/ledger` shows what has happened: `paid`, on the disk before the first paSendRT leaves; `delivered`;
`demanded`, for each answer; `flow`.

Faults, one payment or call each, in order, by `POST /_sim/faults` with a JSON list; `DELETE` forgets, `GET` shows them:
    {"kind": "repeat"}           the receipt is sent again although it was answered OK
    {"kind": "lose"}             the first answer to the receipt is lost
    {"kind": "garble"}           what first arrives of the receipt is not whole
    {"kind": "stand_in", "amount_cents": 100, "debtor": "..."}    nobody asks the station: only the receipt comes
    {"kind": "second"}           after it, another receipt comes for the same notice
    {"kind": "debtor", "debtor": "..."}                 the receipt names another debtor
    {"kind": "intruder"}         the calls come from somebody without pagoPA's key
    {"kind": "repeat", "on": "demand"}                  the first answer to a demand is lost, and it is made again
    {"kind": "garble", "on": "demand"}, {"kind": "intruder", "on": "demand"}
    {"kind": "throttle", "retry_after": 3, "on": "fdr"}, {"kind": "error", "status": 500, "on": "fdr"},
    {"kind": "truncate", "on": "fdr"}                   of the reporting API
"""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from connectors.base.serving import LoopbackServer
from connectors.base.simulated_requests import bears_key
from connectors.base.simulator_faults import Kind, Script, throttled

from .sampling import BROKER, CALLER_KEY, CREDITOR, OFFER, STATION
from .simulator_model import Events, NotOk
from .simulator_payment import Calls, Payment, bring, demand

_BASE: Final = "/fdr-org/service/v1/organizations/{organization}/fdrs"
_FDR_KEY: Final = "simulated-fdr-key"
_PSP: Final = "AGID_01"
_PAID, _CALLED, _READ = ("pay",), ("pay", "demand"), ("fdr",)
_KINDS: Final = {
    "repeat": Kind(on=_CALLED),
    "lose": Kind(on=_PAID),
    "garble": Kind(on=_CALLED),
    "stand_in": Kind(needs=("amount_cents",), may=("debtor",), on=_PAID),
    "second": Kind(on=_PAID),
    "debtor": Kind(needs=("debtor",), on=_PAID),
    "intruder": Kind(on=_CALLED),
    "throttle": Kind(may=("retry_after",), on=_READ),
    "error": Kind(may=("status",), on=_READ),
    "truncate": Kind(on=_READ),
}


def simulator(
    ledger: Path,
    *,
    station_url: str = "",
    caller_key: str = CALLER_KEY,
    fdr_key: str = _FDR_KEY,
    creditor: str = CREDITOR,
    transport: httpx.AsyncBaseTransport | None = None,
) -> ASGIApp:
    """The ASGI application. `station_url` may also come with each payment; `transport` leads there in tests."""
    node = _Node(Events(ledger), station_url, caller_key, fdr_key, creditor, transport)
    return Starlette(
        routes=[
            Route(_BASE, node.list_flows),
            Route(_BASE + "/{fdr}/revisions/{revision:int}/psps/{psp}", node.flow),
            Route(_BASE + "/{fdr}/revisions/{revision:int}/psps/{psp}/payments", node.payments),
            Route("/_sim/pay", node.pay, methods=["POST"]),
            Route("/_sim/demand", node.demand, methods=["POST"]),
            Route("/_sim/receipts", node.bring, methods=["POST"]),
            Route("/_sim/report", node.report, methods=["POST"]),
            Route("/_sim/ledger", node.show),
            node.faults.route,
        ]
    )


class _Node:
    def __init__(
        self,
        ledger: Events,
        station_url: str,
        caller_key: str,
        fdr_key: str,
        creditor: str,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        self.ledger = ledger
        self.station_url = station_url
        self.caller_key = caller_key
        self.fdr_key = fdr_key
        self.creditor = creditor
        self.transport = transport
        self.faults = Script("pay", "demand", "fdr", kinds=_KINDS)

    async def pay(self, request: Request) -> Response:
        wanted = await request.json()
        return await _told(lambda: self._paid(wanted, wanted["notice_number"]))

    async def demand(self, request: Request) -> Response:
        """Somebody asks for a notice, and pays it."""
        wanted = await request.json()

        async def through() -> dict[str, Any]:
            fault = self.faults.next("demand")
            async with self._calls(wanted, fault) as calls:
                notice = await demand(calls, self.ledger, self.creditor, wanted, fault.get("kind"))
            told = await self._paid(wanted, notice) if wanted.get("pay", True) else {"outcome": "OK"}
            return told | {"notice_number": notice}

        return await _told(through)

    async def bring(self, request: Request) -> Response:
        """The receipts that were not taken."""
        async with self._calls(await request.json(), {}) as calls:
            return JSONResponse({"left": await bring(calls, self.ledger)})

    async def _paid(self, wanted: Mapping[str, Any], notice: str) -> dict[str, Any]:
        fault = self.faults.next("pay")
        async with self._calls(wanted, fault) as calls:
            payment = Payment(self.ledger, self.creditor, calls, notice, wanted.get("version", 2))
            return await payment.through(fault)

    @asynccontextmanager
    async def _calls(self, wanted: Mapping[str, Any], fault: Mapping[str, Any]) -> AsyncIterator[Calls]:
        key = "nobody's key" if fault.get("kind") == "intruder" else self.caller_key
        url = wanted.get("station_url") or self.station_url
        async with httpx.AsyncClient(transport=self.transport, trust_env=False, timeout=20) as http:
            yield Calls(http, url, key)

    async def report(self, request: Request) -> Response:
        """Publish a flow."""
        wanted = json.loads(await request.body() or b"{}")
        paid = self.ledger.unreported
        paid = paid[: len(paid) - wanted.get("leave_out", 0)]
        number = len(self.ledger.of("flow")) + 1
        shares = [(line, share) for line in paid for share in line["shares"] if share["creditor"] == self.creditor]
        rows = [
            {
                "index": index,
                "iuv": line["iuv"],
                "iur": line["receipt_id"],
                "idTransfer": share["transfer"],
                "pay": _number(share["amount_cents"]),
                "payStatus": wanted.get("status", "EXECUTED"),
                "payDate": line["at"],
            }
            for index, (line, share) in enumerate(shares, start=1)
        ]
        flow = self.ledger.add(
            "flow",
            fdr=wanted.get("flow", f"{datetime.now(UTC).date()}{_PSP}-{number:04d}"),
            revision=wanted.get("revision", 1),
            published=datetime.now(UTC).isoformat(),
            total=_number(sum(share["amount_cents"] for _, share in shares)),
            rows=rows,
            receipt_ids=[line["receipt_id"] for line in paid],
        )
        return JSONResponse({"fdr": flow["fdr"], "payments": len(rows)}, 201)

    async def show(self, request: Request) -> Response:
        return JSONResponse(self.ledger.entries)

    async def list_flows(self, request: Request) -> Response:
        try:
            after = datetime.fromisoformat(request.query_params.get("publishedGt", "1970-01-01T00:00:00Z"))
            after = after if after.tzinfo else after.replace(tzinfo=UTC)
        except ValueError:
            return _error(400, "FDR-0400", "publishedGt")
        flows = [
            {
                "fdr": flow["fdr"],
                "pspId": _PSP,
                "revision": flow["revision"],
                "published": flow["published"],
                "flowDate": flow["at"],
            }
            for flow in self.ledger.of("flow")
            if datetime.fromisoformat(flow["published"]) > after
        ]
        return self._page(request, flows)

    async def flow(self, request: Request) -> Response:
        flow = self._asked(request)
        if flow is None:
            return self._refused(request) or _error(404, "FDR-0701", "the flow is not there")
        head = {name: flow[name] for name in ("fdr", "revision", "published")} | {
            "status": "PUBLISHED",
            "fdrDate": flow["at"],
            "created": flow["at"],
            "updated": flow["at"],
            "regulation": f"TRN-{flow['fdr']}"[:35],
            "regulationDate": flow["at"][:10],
            "bicCodePouringBank": "UNCRITMMXXX",
            "sender": {"type": "BIC_CODE", "id": "UNCRITMMXXX", "pspId": _PSP, "pspName": "Banca simulata"},
            "receiver": {"id": self.creditor, "organizationId": self.creditor, "organizationName": "Comune"},
        }
        total = {"totPayments": len(flow["rows"]), "sumPayments": flow["total"]}
        computed = {"computedTotPayments": len(flow["rows"]), "computedSumPayments": flow["total"]}
        return self._refused(request) or self._json(head | total | computed)

    async def payments(self, request: Request) -> Response:
        flow = self._asked(request)
        if flow is None:
            return self._refused(request) or _error(404, "FDR-0701", "the flow is not there")
        return self._page(request, flow["rows"])

    def _asked(self, request: Request) -> dict[str, Any] | None:
        wanted = (request.path_params["fdr"], request.path_params["revision"], request.path_params["psp"])
        return next((one for one in self.ledger.of("flow") if (one["fdr"], one["revision"], _PSP) == wanted), None)

    def _page(self, request: Request, rows: list[dict[str, Any]]) -> Response:
        try:
            page, size = int(request.query_params.get("page", "1")), int(request.query_params.get("size", "1000"))
        except ValueError:
            return _error(400, "FDR-0400", "page or size")
        if page < 1 or not 1 <= size <= 1000:
            return _error(400, "FDR-0400", "page or size")
        part = rows[(page - 1) * size : page * size]
        metadata = {"pageSize": size, "pageNumber": page, "totPage": -(-len(rows) // size)}
        return self._refused(request) or self._json({"metadata": metadata, "count": len(rows), "data": part})

    def _refused(self, request: Request) -> Response | None:
        if not bears_key(request, {self.fdr_key}):
            return JSONResponse({"statusCode": 401, "message": "Access denied due to invalid subscription key."}, 401)
        if request.path_params["organization"] != self.creditor:
            return _error(404, "FDR-0708", "the creditor institution is not there")
        return None

    def _json(self, body: Any) -> Response:
        fault = self.faults.next("fdr")
        if fault.get("kind") == "throttle":
            return throttled(fault.get("retry_after", 1))
        if fault.get("kind") == "error":
            return _error(int(fault.get("status", 500)), "FDR-0500", "scripted")
        # Amounts are numbers with two decimals, which a float may not be.
        text = re.sub(r'"EUR ([0-9.]+)"', r"\1", json.dumps(body))
        if fault.get("kind") == "truncate":
            text = text[: len(text) // 2]
        return Response(text, 200, media_type="application/json")


async def _told(through: Callable[[], Awaitable[dict[str, Any]]]) -> Response:
    """What came of it, also where the station would not have it."""
    try:
        return JSONResponse(await through())
    except NotOk as error:
        return JSONResponse({"outcome": "KO", "code": error.code, "detail": str(error)})


def _number(cents: int) -> str:
    """An amount to be written as a JSON number."""
    return f"EUR {cents // 100}.{cents % 100:02d}"


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"httpStatusCode": status, "appErrorCode": code, "errors": [{"message": message}]}, status)


class Node:
    """The simulated node on a loopback port. Options are those of `simulator`."""

    def __init__(self, folder: Path, *, port: int = 0, vendor_id: str = "pagopa", **options: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._vendor_id = vendor_id
        self._creditor = options.get("creditor", CREDITOR)
        self._server = LoopbackServer(simulator(folder / "pagopa_node.jsonl", **options), port=port)

    def start(self) -> Mapping[str, Any]:
        self._server.start()
        return {
            "vendor_id": self._vendor_id,
            "creditor_tax_code": self._creditor,
            "broker_tax_code": BROKER,
            "station_id": STATION,
            "company_name": "Comune di Esempio",
            "iban": "IT60X0542811101000000123456",
            "taxonomy": "9/0101101IM/",
            "caller_key": CALLER_KEY,
            **OFFER,
            "fdr_base_url": f"{self._server.url}/fdr-org/service/v1",
            "fdr_key": _FDR_KEY,
            "fdr_since": "2026-01-01",
            "private_hosts": [self._server.url.removeprefix("http://")],
            "poll_every_s": 5,
        }

    def stop(self) -> None:
        self._server.stop()


def simulate(folder: Path, **options: Any) -> Node:
    """See `connectors.registry.simulate`."""
    return Node(folder, **options)
