"""`python -m tests.bench.growing`: what a signed publication costs the serving process as the store grows, on SQLite.

A few messages are published; copies of one of them, under names and citizens of their own, fill the store. Then signed
messages are published over HTTP, and the processor's time of the process is counted, its dispatcher and its sweeper
included: unlike a rate, it is the same on a machine that is busy with other things.
"""

import argparse
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from .corpus import Vendors, publish_requests, tax_codes
from .measuring import SETTINGS
from .servers import Generator, running, serve_hub

_PER_CITIZEN = 100
_REST_S = 20.0
"""Several sweeps."""
_SEALED = 200
"""Bytes of what is sealed in a copy, which nobody opens: the disk would be the bench's limit."""
_TABLES = ("items", "item_versions", "item_identities", "timeline", "deliveries", "evidence")
Row = dict[str, Any]
_COUNT = "WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
_HASH = "lower(hex(randomblob(32)))"


class Copies:
    """Fills a store with copies of the message that was published last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._made = 0

    def fill(self, size: int) -> None:
        """Until there are about so many messages."""
        with closing(sqlite3.connect(self._path, isolation_level=None)) as raw:
            raw.row_factory = lambda cursor, row: dict(zip([one[0] for one in cursor.description], row, strict=True))
            raw.executescript("PRAGMA synchronous=OFF; PRAGMA cache_size=-500000; BEGIN IMMEDIATE")
            first, last = self._made + 1, size
            [model] = raw.execute("SELECT * FROM items ORDER BY sequence DESC LIMIT 1")
            its = {table: _of(raw, table, model) for table in _TABLES}
            names = _names([row for rows in its.values() for row in rows])
            [sequence] = raw.execute("SELECT value FROM sequences WHERE ente_id = ?", (model["ente_id"],))
            own = {
                "citizen_id": f"printf('%08x-cccc-7000-8000-000000000000', i * 7919 % {max(1, last // _PER_CITIZEN)})",
                "sequence": f"{sequence['value']} + i - {first - 1}",
                "external_id": _HASH,  # a vendor's names come in any order
                "state": "'delivered'",
                "row_hash": _HASH,
                "tokens": "'{}'",
            }
            for table, rows in its.items():
                order = " ORDER BY external_id" if table == "item_identities" else ""
                for row in rows:
                    _copy(raw, table, row, names, own, (first, last), order)
            for row in raw.execute("SELECT * FROM replays ORDER BY used_at DESC LIMIT 2").fetchall():
                _copy(raw, "replays", row, {}, {"token": "randomblob(16)"}, (first, last), " ORDER BY token")
            raw.execute("UPDATE sequences SET value = value + ?", (last - first + 1,))
            raw.execute("COMMIT")
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._made = size


def _of(raw: sqlite3.Connection, table: str, model: Row) -> list[Row]:
    """The message's rows of a table."""
    key = "message_id" if table == "deliveries" else "item_id"
    return raw.execute(f"SELECT * FROM {table} WHERE {key} = ?", (model["item_id"],)).fetchall()


def _names(rows: list[Row]) -> dict[str, int]:
    """What names the message and what belongs to it, numbered."""
    others = {"citizen_id", "writer_id", "ente_id"}
    found = {
        value
        for row in rows
        for key, value in row.items()
        if key.endswith("_id") and key not in others and isinstance(value, str) and len(value) == 36
    }
    return {name: number for number, name in enumerate(sorted(found))}


def _copy(
    raw: sqlite3.Connection,
    table: str,
    row: Row,
    names: dict[str, int],
    own: dict[str, str],
    numbers: tuple[int, int],
    order: str,
) -> None:
    """One row for each of the numbers; `own` are expressions over the number `i`, by column."""
    values: list[Any] = [*numbers]
    chosen = []
    for key, value in row.items():
        if key in own and not (key == "state" and table != "deliveries"):
            chosen.append(f"{own[key]} AS {key}")
        elif value in names:
            chosen.append(f"printf('%08x-%04x-7000-8000-000000000000', i, {names[value]}) AS {key}")
        else:
            chosen.append(f"? AS {key}")
            values.append(value[:_SEALED] if isinstance(value, bytes) else value)
    columns = ", ".join(row)
    raw.execute(f"INSERT INTO {table} ({columns}) {_COUNT} SELECT {', '.join(chosen)} FROM n{order}", values)


@dataclass(frozen=True)
class Cost:
    """Of a size: the process's own time for a message, and for a second of rest; how long the filling took."""

    size: int
    message_us: float
    rest_ms: float
    filled_s: float


def costs(folder: Path, sizes: list[int], *, messages: int, rounds: int, rest_s: float) -> Iterator[Cost]:
    """Of each size in turn."""
    vendors, codes = Vendors.make(), tax_codes(100)
    vendors.home(folder)
    copies, generator = Copies(folder / "raccordo.db"), Generator()
    with running(serve_hub, folder, SETTINGS) as server:
        generator.drive(server, publish_requests(vendors, "es", codes, 500))
    for size in sizes:
        started = time.monotonic()
        copies.fill(size)
        filled_s = time.monotonic() - started
        with running(serve_hub, folder, SETTINGS) as server:
            generator.drive(server, publish_requests(vendors, "es", codes, 500))
            spent = []
            for _ in range(rounds):
                requests = publish_requests(vendors, "es", codes, messages)
                before = server.cpu_s()
                generator.drive(server, requests)
                spent.append(server.cpu_s() - before)
            before, began = server.cpu_s(), time.monotonic()
            time.sleep(rest_s)  # the upkeep of a store in which nothing happens
            rest_ms = (server.cpu_s() - before) / (time.monotonic() - began) * 1e3
        yield Cost(size, median(spent) / messages * 1e6, rest_ms, filled_s)
    generator.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.growing", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--messages", type=int, default=2000, help="published in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where there is room for it: 3 GB for a million")
    options = parser.parse_args()
    first = 0.0
    with TemporaryDirectory(dir=options.folder) as folder:
        how = {"messages": options.messages, "rounds": options.rounds, "rest_s": _REST_S}
        for cost in costs(Path(folder) / "hub", options.sizes, **how):
            first = first or cost.message_us
            print(
                f"{cost.size:>9,} stored: {cost.message_us:.0f} us of the processor a message, "
                f"{cost.message_us / first:.2f} of the first; at rest {cost.rest_ms:.1f} ms a second; "
                f"filled in {cost.filled_s:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
