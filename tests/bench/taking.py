"""A mapped source is read whole: OpenCity-like applications, page by page over HTTP, mapped and taken into the store.

The bare way is what nobody can do without: mapping the same pages, and committing by the raw driver as many rows as the
hub writes for them, of as many citizens, a page a commit. Both ways take turns, every so many pages of the one reading,
each in a process of its own: what the bare way holds is not the hub's memory. Each turn of the bare way is as many
records as the hub took since the one before, for a record costs more in a large database than in a small one. Then the
source is read again, where nothing has changed.
"""

import json
import sqlite3
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, cycle
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Integer, Table, func, select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.mapped.document import MappingDocument
from connectors.mapped.mapping import Mapping
from contracts.identifiers import new_uuid7
from hub.bootstrap import Hub
from hub.cli.serving import spare_collections
from hub.home import Home
from hub.inbound.polling import Progress
from hub.store.tables import metadata

from ..harness import ENTE, Caller, make_home
from .corpus import tax_codes
from .findings import Findings, Line
from .servers import own_mb, running, serve
from .store import bound, filled, sql

MAPPING = Path(__file__).parents[2] / "connectors" / "mapped" / "samples" / "pratiche.json"
PAGE = 400
_SPAWN = get_context("spawn")
_TURNS = 10
"""How often the bare way has its turn."""


@dataclass(frozen=True)
class Taken:
    """Records in a second, by the clock and of the processor's time, which others who use the machine do not change;
    and what the process weighed: after a tenth of them, and at the end, in MB."""

    hub: list[float]
    bare: list[float]
    hub_busy: list[float]
    bare_busy: list[float]
    again: float
    rows_written_again: int
    early_mb: float
    late_mb: float


def serve_records(number: int, citizens: int, pipe: Connection, port: int = 0) -> None:
    """`GET /applications?page=n`, made as they are asked for."""
    codes = tax_codes(citizens)

    async def page(request: Request) -> Response:
        start = int(request.query_params["page"]) * PAGE
        numbers = range(start, min(start + PAGE, number))
        body = json.dumps({"meta": {"count": number}, "data": [application(n, codes) for n in numbers]})
        return Response(body, media_type="application/json")

    serve(Starlette(routes=[Route("/applications", page)]), pipe, port)


def application(n: int, codes: list[str]) -> dict[str, Any]:
    """As OpenCity's API gives one, some 2 KB."""
    attachment = {
        "id": f"a{n:08d}",
        "name": "allegato.pdf",
        "url": f"https://servizi.example/lang/api/applications/{n}/attachments/1?version=1",
        "originalName": "isee.pdf",
        "description": "Attestazione ISEE",
        "created_at": "2026-02-03T09:12:44+01:00",
    }
    return {
        "id": f"7d3f2c1e-{n:012d}",
        "status": "4000",
        "status_name": "status_pending",
        "service": "tari",
        "service_name": "Bonus mensa",
        "subject": f"Richiesta bonus mensa {n}",
        "created_at": "2026-02-03T09:12:44+01:00",
        "submission_time": 1770106400,
        "latest_status_change_at": "2026-02-04T10:40:00+01:00",
        "protocol_number": f"2026/{n:06d}",
        "protocol_year": 2026,
        "protocolled_at": "2026-02-03T09:20:00+01:00",
        "data": {
            "applicant": {
                "completename": {"name": "Ada", "surname": "Neri"},
                "fiscal_code": {"fiscal_code": codes[n % len(codes)].lower()},
                "email_address": "Cittadino@Example.it",
                "address": {"address": "Via Roma", "house_number": "1", "municipality": "Valdilago", "county": "XX"},
            },
            "isee": "12000,50",
            "children": [],
        },
        "outcome": None,
        "outcome_motivation": None,
        "integrations": [],
        "attachments": [attachment] * 3,
        "compiled_modules": [attachment],
        "links": [{"action": "withdraw", "description": "Ritira", "url": "https://servizi.example/x"}] * 3,
        "authentication": {"authentication_method": "spid", "spid_level": "2", "instant": "2026-02-03T09:00:00+01:00"},
    }


def measured(folder: Path, *, records: int, citizens: int, lists_all: bool) -> Taken:
    """All of `records` once, and once more. `lists_all`: what the source lists no more would be taken back."""
    mapping = json.loads(MAPPING.read_text(encoding="utf-8"))
    with running(serve_records, records, citizens) as server:
        settings = {
            "vendor_id": "acme",
            "mapping": mapping | ({"lists_all": {"reason": "Non più presente"}} if lists_all else {}),
            "origin": "rest",
            "url": f"http://127.0.0.1:{server.port}/applications",
            "private_hosts": ["127.0.0.1"],
            "paging": "page",
            "page_parameter": "page",
            "first_page": 0,
        }
        home = make_home(folder / "taking", vendors=(Caller("acme"),), connectors={"bulk": ("mapped", settings)})
        hub = Hub(home)
        spare_collections()
        with hub.working():
            return _both(hub, home, _BareProcess(folder / "bare", citizens), records)


def _both(hub: Hub, home: Home, bare: "_BareProcess", records: int) -> Taken:
    with home.database.read() as connection:
        config = home.configuration.load(connection)[ENTE, "bulk"]
    watch = _Watch(records, bare, home)
    hub.inbound.polling.once(config, watch=watch)
    before = _written(home)
    started = time.perf_counter()
    tally = hub.inbound.polling.once(config)
    again = records / (time.perf_counter() - started)
    if tally is None or tally.counts != {"unchanged": records}:
        sys.exit(f"bench: the second reading found {tally and tally.counts}")
    written = (_written(home) - before).total()
    bare.close()
    return Taken(watch.hub, watch.bare, watch.hub_busy, watch.bare_busy, again, written, watch.early_mb, own_mb())


class _Watch:
    """Looks on while a source is read, says how far it is, and lets the bare way have its turns."""

    def __init__(self, records: int, bare: "_BareProcess", home: Home) -> None:
        self._records, self._way, self._home = records, bare, home
        self._empty = _written(home)
        self._rows: dict[str, int] = {}
        self._piece = max(PAGE, records // _TURNS)
        self._next, self._before = self._piece, 0
        self._since, self._busy = time.perf_counter(), time.process_time()
        self.hub: list[float] = []
        self.bare: list[float] = []
        self.hub_busy: list[float] = []
        self.bare_busy: list[float] = []
        self.early_mb = 0.0

    def __call__(self, progress: Progress) -> None:
        done = progress.tally.total
        if done < self._next:
            return
        self.hub.append((done - self._before) / (time.perf_counter() - self._since))
        self.hub_busy.append((done - self._before) / (time.process_time() - self._busy))
        self.early_mb = self.early_mb or own_mb()
        print(f"bench: {done:,} of {self._records:,} records taken, {self.hub[-1]:,.0f}/s", file=sys.stderr)
        if not self._rows:
            rows = _written(self._home) - self._empty
            # What is written for each record, and not for each citizen or commit.
            self._rows = {name: number * PAGE // done for name, number in rows.items() if number >= done}
        rate, busy = self._way.rate(self._rows, (done - self._before) // PAGE)
        self.bare.append(rate)
        self.bare_busy.append(busy)
        self._before, self._next = done, done + self._piece
        self._since, self._busy = time.perf_counter(), time.process_time()


class _Bare:
    """Mapping, and a commit of as many rows as the hub writes: it has no notice to think of, no check, no key."""

    def __init__(self, folder: Path, citizens: int) -> None:
        home = make_home(folder)
        home.database.close()
        self._raw = sqlite3.connect(home.folder / "raccordo.db", isolation_level=None)
        self._raw.executescript("PRAGMA synchronous=FULL; PRAGMA cache_size=-32000; PRAGMA foreign_keys=OFF;")
        self._read = Mapping(MappingDocument.model_validate_json(MAPPING.read_bytes())).read
        codes = tax_codes(50)
        self._page = json.dumps({"data": [application(n, codes) for n in range(PAGE)]}).encode()
        self._numbers = count(1)
        self._citizens = cycle([new_uuid7() for _ in range(citizens)])
        """Whose the records are, in turn: rows of somebody known stand among those of others, not at the end of all."""

    def rate(self, rows: dict[str, int], pages: int) -> tuple[float, float]:
        """Records in a second, and in one of the processor's time, over so many pages; `rows` is how many of each table
        are written for a page."""
        spent = busy = 0.0
        for _ in range(pages):
            page = [(metadata.tables[name], self._rows(metadata.tables[name], number)) for name, number in rows.items()]
            started, began = time.perf_counter(), time.process_time()
            found = sum(one.item is not None for one in self._read(self._page))
            self._raw.execute("BEGIN IMMEDIATE")
            for table, each in page:
                self._raw.executemany(sql(table), [[bound(value) for value in row] for row in each])
            self._raw.execute("COMMIT")
            spent += time.perf_counter() - started
            busy += time.process_time() - began
            assert found == PAGE
        return PAGE * pages / spent, PAGE * pages / busy

    def _rows(self, table: Table, number: int) -> list[list[Any]]:
        now = datetime.now(UTC)
        names = (new_uuid7() for _ in range(number))
        return [[self._value(column, name, now) for column in table.columns] for name in names]

    def _value(self, column: Column[Any], name: str, now: datetime) -> Any:
        if column.primary_key and isinstance(column.type, Integer):
            return next(self._numbers)
        if column.name == "citizen_id":
            return next(self._citizens)
        return filled(column, name, now)


def serve_bare(folder: Path, citizens: int, pipe: Connection) -> None:
    """A turn for each word in the pipe, until there is none."""
    bare = _Bare(folder, citizens)
    spare_collections()
    while (turn := pipe.recv()) is not None:
        pipe.send(bare.rate(*turn))


class _BareProcess:
    """The bare way, with a heap and an interpreter of its own as the hub has them."""

    def __init__(self, folder: Path, citizens: int) -> None:
        self._pipe, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=serve_bare, args=(folder, citizens, theirs))
        self._process.start()
        theirs.close()

    def rate(self, rows: dict[str, int], pages: int) -> tuple[float, float]:
        """As `_Bare.rate`."""
        self._pipe.send((rows, pages))
        rates: tuple[float, float] = self._pipe.recv()
        return rates

    def close(self) -> None:
        self._pipe.send(None)
        self._process.join()


def _written(home: Home) -> Counter[str]:
    """Rows by table."""
    with home.database.read() as connection:
        return Counter(
            {
                name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for name, table in metadata.tables.items()
            }
        )


def lines(folder: Path, records: int) -> list[Line]:
    """A source read whole and then once more; and one that says by absence what is gone."""
    return [line for lists_all in (False, True) for line in _lines(folder, records, lists_all=lists_all)]


def _lines(folder: Path, records: int, *, lists_all: bool) -> list[Line]:
    where = folder / ("lists-all" if lists_all else "source")
    taken = apart(where, records=records, citizens=max(1, records // 100), lists_all=lists_all)
    found = Findings({"hub": taken.hub, "bare": taken.bare, "busy": taken.hub_busy, "bare busy": taken.bare_busy})
    ratio, spread = found.ratio("hub", "bare"), found.spread("hub")
    busy = found.ratio("busy", "bare busy")
    grown = taken.late_mb / taken.early_mb
    what = f"{records:,} records by a mapping{' that lists all' if lists_all else ''}"
    return [
        Line(f"{what}: bare, and group commit", found.of("bare"), "records/s"),
        Line("  the hub's reading of the source", found.of("hub"), "records/s", "bare", ratio, "0.50", spread),
        Line("  of the processor's time", found.of("busy"), "records/s", "bare", busy, "0.50", found.spread("busy")),
        Line("  memory at its end", taken.late_mb, "MB", "a tenth of it", grown, "at most 1.10"),
        Line(
            "  read again, nothing changed", taken.again, "records/s", note=f"{taken.rows_written_again} rows written"
        ),
    ]


def apart(folder: Path, *, records: int, citizens: int, lists_all: bool) -> Taken:
    """The same in a process of its own, so that nothing else counts as its memory."""
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_sent, args=(theirs, folder, records, citizens, lists_all))
    process.start()
    theirs.close()
    try:
        taken: Taken = ours.recv()
    except EOFError:
        sys.exit("bench: the reading of a source failed")
    finally:
        process.join()
    return taken


def _sent(pipe: Connection, folder: Path, records: int, citizens: int, lists_all: bool) -> None:
    pipe.send(measured(folder, records=records, citizens=citizens, lists_all=lists_all))
