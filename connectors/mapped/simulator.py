"""A vendor's own REST API, as many are: pages by number, what changed since, a key in a header; strict, with faults.

`GET /api/avvisi?stato=tutti&per=2&pagina=1&da=...` gives a page; other parameters, sizes over 100, numbers under 1, a
missing or another key are refused as such APIs refuse them. `etag` is that of the page. Each page that was given is a
line of the ledger before the answer leaves: `{"at", "query", "numbers"}`.

    POST /_sim/records      a list of records: those of a known `numero` are replaced, others added
    PUT /_sim/records       a list of records: all that there are from now on, in this order
    PUT /_sim/broken        a list of `numero`: a page that holds one of them is answered 500, until the next list
    POST /_sim/faults       one call each, in order; DELETE forgets, GET shows the rest:
        {"kind": "status", "status": 503, "retry_after": 3}     answered instead
        {"kind": "page"}                                        200 and a page of HTML, as a gateway gives it
        {"kind": "cut"}                                         the connection ends within the body
        {"kind": "same"}                                        the first page, whichever was asked for
"""

import hashlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from connectors.base.ledger import Ledger
from connectors.base.serving import LoopbackServer
from connectors.base.simulator_faults import Kind, Script

_PARAMETERS = frozenset({"stato", "per", "pagina", "da"})
_LARGEST = 100
_KINDS = {"status": Kind(needs=("status",), may=("retry_after",)), "page": Kind(), "cut": Kind(), "same": Kind()}
_MAPPING = Path(__file__).parent / "samples" / "tributi.json"
_KEY = "simulated-source-key"


class Vendor:
    """What the module says."""

    def __init__(self, ledger: Path, *, key: str, records: list[dict[str, Any]]) -> None:
        self.ledger, self.key = Ledger(ledger), key
        self.records = {record["numero"]: record for record in records}
        self.broken: set[int] = set()
        self.faults = Script(kinds=_KINDS)
        self.app = Starlette(
            routes=[
                Route("/api/avvisi", self.page),
                Route("/_sim/records", self.change, methods=["POST"]),
                Route("/_sim/records", self.replace, methods=["PUT"]),
                Route("/_sim/broken", self.break_pages, methods=["PUT"]),
                self.faults.route,
            ]
        )

    async def page(self, request: Request) -> Response:
        fault = self.faults.next()
        if fault.get("kind") == "status":
            headers = {"Retry-After": str(fault["retry_after"])} if "retry_after" in fault else {}
            return JSONResponse({"errore": "servizio non disponibile"}, int(fault["status"]), headers)
        if fault.get("kind") == "page":
            return HTMLResponse("<html><body>Manutenzione in corso</body></html>")
        if request.headers.getlist("x-api-key") != [self.key]:
            return JSONResponse({"errore": "chiave non valida"}, 401)
        query = request.query_params
        asked = _asked(query)
        if isinstance(asked, str):
            return JSONResponse({"errore": asked}, 400)
        number, size, since = asked
        found = [record for record in self.records.values() if since is None or _changed(record) >= since]
        start = 0 if fault.get("kind") == "same" else (number - 1) * size
        some = found[start : start + size]
        if self.broken.intersection(record["numero"] for record in some):
            return JSONResponse({"errore": "errore interno"}, 500)
        body = json.dumps({"dati": {"avvisi": some}, "totale": len(found)}, ensure_ascii=False).encode()
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        numbers = [record["numero"] for record in some]
        self.ledger.append({"at": time.time(), "query": str(query), "numbers": numbers})
        if fault.get("kind") == "cut":
            return StreamingResponse(_half(body), headers={"Content-Length": str(len(body))})
        return Response(body, media_type="application/json", headers={"ETag": tag})

    async def change(self, request: Request) -> Response:
        for record in await request.json():
            self.records[record["numero"]] = record
        return JSONResponse({"records": len(self.records)})

    async def replace(self, request: Request) -> Response:
        self.records = {record["numero"]: record for record in await request.json()}
        return JSONResponse({"records": len(self.records)})

    async def break_pages(self, request: Request) -> Response:
        self.broken = set(await request.json())
        return JSONResponse({"broken": len(self.broken)})


def _asked(query: Mapping[str, str]) -> tuple[int, int, datetime | None] | str:
    """Page, size and since when; or what is wrong with them."""
    if unknown := sorted(set(query) - _PARAMETERS):
        return f"parametro sconosciuto: {unknown[0]}"
    numbers = []
    for name, default, most in (("pagina", "1", 1_000_000), ("per", "20", _LARGEST)):
        text = query.get(name, default)
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:8]) <= most):
            return f"{name}: un numero da 1 a {most}"
        numbers.append(int(text))
    try:
        since = datetime.fromisoformat(query["da"]) if "da" in query else None
    except ValueError:
        return "da: una data e ora ISO 8601"
    if since is not None and since.tzinfo is None:
        return "da: manca il fuso orario"
    return numbers[0], numbers[1], since


def _changed(record: Mapping[str, Any]) -> datetime:
    moment = datetime.fromisoformat(record["modificato"])
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def _half(body: bytes) -> AsyncIterator[bytes]:
    yield body[: len(body) // 2]


def sample_records(number: int = 25) -> list[dict[str, Any]]:
    """Notices of one person, every tenth with an amount that the mapping does not understand."""
    return [
        {
            "numero": n,
            "anno": 2026,
            "stato": "EMESSO",
            "tributo": "TARI",
            "importo": "84.50" if n % 10 == 0 else f"{n},50",
            "scadenza": "16/12/2026",
            "modificato": f"2026-05-{1 + n % 28:02d}T10:00:00Z",
            "contribuente": {"cf": "RSSMRA80A01H501U", "email": "mario.rossi@posta.example"},
            "cointestatari": [],
        }
        for n in range(1, number + 1)
    ]


class Simulated:
    """The vendor on a loopback port."""

    def __init__(self, folder: Path, *, port: int = 0, vendor_id: str = "simulato", records: int = 25) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.vendor = Vendor(folder / "mapped.jsonl", key=_KEY, records=sample_records(records))
        self._vendor_id = vendor_id
        self._server = LoopbackServer(self.vendor.app, port=port)

    def start(self) -> Mapping[str, Any]:
        """The settings of a connector that reads it, whose items are those of `vendor_id`."""
        self._server.start()
        return {
            "vendor_id": self._vendor_id,
            "mapping": json.loads(_MAPPING.read_text(encoding="utf-8")),
            "origin": "rest",
            "url": f"{self._server.url}/api/avvisi?stato=tutti",
            "private_hosts": ["127.0.0.1"],
            "auth": "header",
            "auth_header": "X-Api-Key",
            "secret": _KEY,
            "paging": "page",
            "page_parameter": "pagina",
            "size_parameter": "per",
            "size": 10,
            "since_parameter": "da",
            "changed_at": "modificato",
        }

    def stop(self) -> None:
        self._server.stop()


def simulate(folder: Path, **options: Any) -> Simulated:
    """See `connectors.registry.simulate`."""
    return Simulated(folder, **options)
