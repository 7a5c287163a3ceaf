"""The hot statements of a publication, three ways: the raw driver, SQLAlchemy Core, the hub's own (`settled` 22)."""

import hashlib
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import JSON, Boolean, Column, Integer, LargeBinary, String, Table, insert

from contracts.identifiers import new_uuid7
from hub.home import Home
from hub.settings import Settings
from hub.store.bulk import insert_rows
from hub.store.database import Tx, upsert
from hub.store.tables import (
    Instant,
    deliveries,
    evidence,
    item_identities,
    item_versions,
    items,
    replays,
    timeline,
    to_micros,
)

Rows = dict[str, list[dict[str, Any]]]
_ORDER: tuple[Table, ...] = (item_identities, item_versions, timeline, deliveries, items, evidence)
_REPLAYS = upsert(replays).on_conflict_do_nothing().returning(replays.c.token)


_SIZES = {"payload_sealed": 1400, "body_sealed": 1600}
_JSON = {"tokens": {"authorization": "x" * 700, "agid-jwt-signature": "y" * 900}}


def rows_of(count: int) -> Rows:
    """What `count` new messages leave: keys of their own, other columns filled by their type."""
    now = datetime.now(UTC)
    found: Rows = {table.name: [] for table in (*_ORDER, replays)}
    for _ in range(count):
        name = new_uuid7()
        for table in _ORDER:
            found[table.name].append({str(column.name): filled(column, name, now) for column in table.columns})
        for header in ("authorization", "agid-jwt-signature"):
            token = {str(column.name): filled(column, name, now) for column in replays.columns}
            found[replays.name].append(token | {"token": hashlib.sha256(f"{header}{name}".encode()).digest()[:16]})
    return found


def filled(column: Column[Any], name: str, now: datetime) -> Any:
    """A value for a column of a new row that bears this name."""
    if column.nullable and column.name not in _SIZES:
        return None
    match column.type:
        case Instant():
            return now
        case Boolean():
            return False
        case Integer():
            return 1
        case LargeBinary():
            return bytes(_SIZES.get(column.name, 32))
        case JSON():
            return _JSON.get(column.name, {"version": 1})
        case String(length=length):
            return (name if column.name != "ente_id" else "c_h501")[:length]
    raise TypeError(column)


def by_core(tx: Tx, rows: Rows) -> None:
    tx.connection.execute(_REPLAYS, rows[replays.name]).all()
    for table in _ORDER:
        tx.connection.execute(insert(table), rows[table.name])


def by_hub(tx: Tx, rows: Rows) -> None:
    insert_rows(tx.connection, replays, rows[replays.name], conflict="ON CONFLICT DO NOTHING RETURNING token")
    for table in _ORDER:
        insert_rows(tx.connection, table, rows[table.name])


def by_driver(connection: sqlite3.Connection, rows: Rows) -> None:
    """`executemany` of prepared statements, values bound by hand."""
    connection.execute("BEGIN IMMEDIATE")
    for table in (replays, *_ORDER):
        connection.executemany(sql(table), [[bound(value) for value in row.values()] for row in rows[table.name]])
    connection.execute("COMMIT")


def sql(table: Table) -> str:
    names = ", ".join(column.name for column in table.columns)
    conflict = " ON CONFLICT DO NOTHING" if table is replays else ""
    return f"INSERT INTO {table.name} ({names}) VALUES ({', '.join('?' * len(table.columns))}){conflict}"


def bound(value: Any) -> Any:
    if isinstance(value, datetime):
        return to_micros(value)
    return orjson.dumps(value).decode() if isinstance(value, dict) else value


def rates(folder: Path, *, batch: int, commits: int) -> dict[str, float]:
    """Messages in a second for each way, one commit of each in turn."""
    home = Home(Settings(home=folder / f"store-{new_uuid7()}"))
    home.create()
    raw = sqlite3.connect(home.folder / "raccordo.db", isolation_level=None)
    raw.executescript("PRAGMA synchronous=FULL; PRAGMA cache_size=-32000; PRAGMA foreign_keys=ON;")

    def through(write: Callable[[Tx, Rows], None]) -> Callable[[Rows], None]:
        def run(rows: Rows) -> None:
            with home.database.write() as tx:
                write(tx, rows)

        return run

    ways: dict[str, Callable[[Rows], None]] = {
        "driver": lambda rows: by_driver(raw, rows),
        "core": through(by_core),
        "hub": through(by_hub),
    }
    spent = dict.fromkeys(ways, 0.0)
    for n in range(commits + 1):
        for name, way in ways.items():
            rows = rows_of(batch)
            started = time.perf_counter()
            way(rows)
            if n:  # the first pays for compiling
                spent[name] += time.perf_counter() - started
    raw.close()
    home.database.close()
    return {name: batch * commits / taken for name, taken in spent.items()}
