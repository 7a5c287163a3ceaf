"""What the feed costs where it holds much: first page and summary against bare ways, changes in constant memory.

The bare way is what nobody can do without: the query by the index, opening the contents, a durable line in the access
log with its place in the hash chain, the answer's JSON, which is the hub's to the byte. It goes through the driver
alone: no identity, no types, no transaction where one statement will do. Lines of the log are written as those of many
readers are, sixteen a commit (`raw.BATCH`). Both ways read the same store, turn by turn.
"""

import hashlib
import sqlite3
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import orjson
import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contracts.identifiers import new_uuid7
from hub.feed.answers import as_json
from hub.feed.parameters import list_wish
from hub.store.chain import ChainWriter
from hub.store.citizens import Citizen
from hub.store.readers import Access, record_access
from hub.store.tables.columns import EPOCH

from ..harness import ENTE
from .crowd import Crowd
from .raw import BATCH, per_second

_SHOWN = "i.hidden = {false} AND i.min_loa <= 2 AND (i.folded_into IS NULL OR i.folded_into = i.item_id)"
_STATE = "CASE WHEN i.expires_at <= {now} THEN 'expired' ELSE i.state END"
_FROM = """
FROM items i LEFT JOIN user_states u ON u.ente_id = i.ente_id AND u.citizen_id = i.citizen_id AND u.item_id = i.item_id
"""
_PAGE = f"""
SELECT i.item_id, i.collection, {_STATE}, i.version, i.service_id, i.source, i.vendor_id, i.turn, i.occurred_at,
  i.received_at, i.updated_at, i.as_of, i.due_at, i.sensitivity, u.read_at, u.seen_version, u.starred_at,
  u.confirmed_at, v.payload_sealed
{_FROM} JOIN item_versions v ON v.ente_id = i.ente_id AND v.item_id = i.item_id AND v.version = i.version
  AND v.citizen_id = i.citizen_id
WHERE i.ente_id = ? AND i.citizen_id = ? AND i.lifecycle = 'active' AND {_SHOWN} AND u.archived_at IS NULL
ORDER BY i.occurred_at DESC, i.item_id DESC LIMIT 51
"""
_GROUPS = f"""
SELECT g.*, s.every_s, s.heard_at FROM (
  SELECT i.collection, {_STATE} AS state, i.vendor_id, i.source, sum(CASE WHEN {{counted}} THEN 1 ELSE 0 END),
    sum(CASE WHEN {{counted}} AND (u.read_at IS NULL OR u.seen_version < i.version) THEN 1 ELSE 0 END),
    sum(CASE WHEN {{counted}} AND i.turn = 'citizen' THEN 1 ELSE 0 END),
    sum(CASE WHEN {{counted}} AND i.turn = 'body' THEN 1 ELSE 0 END),
    sum(CASE WHEN i.lifecycle = 'active' AND i.turn = 'citizen' AND i.due_at >= {{now}} THEN 1 ELSE 0 END),
    max(coalesce(i.as_of, i.updated_at)) {_FROM}
  WHERE i.ente_id = ? AND i.citizen_id = ? AND {_SHOWN} GROUP BY i.collection, {_STATE}, i.vendor_id, i.source) g
LEFT JOIN sources s ON s.ente_id = ? AND s.vendor_id = g.vendor_id AND s.source = g.source
ORDER BY g.collection, g.state, g.vendor_id, g.source
""".replace("{counted}", "i.lifecycle = 'active' AND u.archived_at IS NULL")
_NEXT = f"""
SELECT i.item_id, i.collection, i.version, i.due_at, v.payload_sealed FROM items i JOIN item_versions v
  ON v.ente_id = i.ente_id AND v.item_id = i.item_id AND v.version = i.version AND v.citizen_id = i.citizen_id
WHERE i.ente_id = ? AND i.citizen_id = ? AND i.lifecycle = 'active' AND {_SHOWN} AND i.turn = 'citizen'
  AND i.due_at >= {{now}} ORDER BY i.due_at, i.item_id LIMIT 10
"""
_ACCESS = """
INSERT INTO access_log (ente_id, access_id, at, request_id, portal_id, citizen_id, pseudonym, acr, operation, outcome,
  row_hash, writer_id, root_number) VALUES
"""
_LINE = "(?, ?, ?, 'r', 'portale', ?, 's', 'a', 'list_items', 'ok', ?, ?, ?)"
_ROOT = "INSERT INTO chain_roots (writer_id, root_number, at, entries, root) VALUES (?, ?, ?, ?, ?)"


Line = tuple[Any, ...]


class _Driver(Protocol):
    false: str

    def rows(self, sql: str, *values: Any) -> list[Line]: ...
    def close(self) -> None: ...

    def write(self, lines: list[Line], root: Line) -> None: ...


class _Sqlite:
    false = "0"

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA synchronous=FULL")

    def close(self) -> None:
        self._connection.close()

    def rows(self, sql: str, *values: Any) -> list[Line]:
        return self._connection.execute(sql, values).fetchall()

    def write(self, lines: list[Line], root: Line) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(_ACCESS + _LINE, lines)
        self._connection.execute(_ROOT, root)
        self._connection.execute("COMMIT")


class _Postgres:
    false = "false"

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)

    def close(self) -> None:
        self._connection.close()

    def rows(self, sql: str, *values: Any) -> list[Line]:
        return self._connection.execute(sql.replace("?", "%s").encode(), values).fetchall()

    def write(self, lines: list[Line], root: Line) -> None:
        both = f"WITH lines AS ({_ACCESS} {', '.join([_LINE] * len(lines))}) {_ROOT}"
        values = [value for line in (*lines, root) for value in line]
        self._connection.execute(both.replace("?", "%s").encode(), values)


class Bare:
    """Page and summary by hand."""

    def __init__(self, driver: _Driver) -> None:
        self._driver = driver
        now = time.time_ns() // 1000  # written into the statements: nothing ends while they are measured
        self._page, self._groups, self._next = (
            sql.replace("{now}", str(now)).replace("{false}", driver.false) for sql in (_PAGE, _GROUPS, _NEXT)
        )
        self._writer, self._number, self._root = new_uuid7(), 0, ""

    def log(self, citizens: list[Citizen]) -> None:
        """The lines with their hashes, and the root over them and the one before."""
        at, lines, self._number = time.time_ns() // 1000, [], self._number + 1
        digest = hashlib.sha256(self._root.encode())
        for citizen in citizens:
            access_id = new_uuid7()
            covered = [ENTE, access_id, at, "r", "portale", citizen.citizen_id, "s", "a", "list_items", "ok"]
            row_hash = hashlib.sha256(orjson.dumps(covered)).hexdigest()
            digest.update(row_hash.encode())
            lines.append((ENTE, access_id, at, citizen.citizen_id, row_hash, self._writer, self._number))
        self._root = digest.hexdigest()
        self._driver.write(lines, (self._writer, self._number, at, len(lines), self._root))

    def page(self, citizen: Citizen) -> dict[str, Any]:
        rows = self._driver.rows(self._page, ENTE, citizen.citizen_id)[:50]
        decrypt = AESGCM(citizen.data_key).decrypt
        return {"items": [_shown(row, decrypt) for row in rows], "next_cursor": None, "truncated": False}

    def summary(self, citizen: Citizen) -> dict[str, Any]:
        groups = self._driver.rows(self._groups, ENTE, citizen.citizen_id, ENTE)
        states: dict[tuple[str, str], dict[str, Any]] = {}
        heard: dict[tuple[str, str], int] = {}
        for collection, state, vendor_id, source, count, unread, *_, as_of, _every_s, _heard_at in groups:
            one = states.setdefault(
                (collection, state), {"collection": collection, "state": state, "count": 0, "unread": 0}
            )
            one["count"] += count
            one["unread"] += unread
            heard[vendor_id, source] = max(as_of, heard.get((vendor_id, source), 0))
        due = self._driver.rows(self._next, ENTE, citizen.citizen_id) if any(row[8] for row in groups) else []
        decrypt = AESGCM(citizen.data_key).decrypt
        return {
            "sections": list(states.values()),
            "view": None,
            "view_sections": [],
            "unread": sum(row[5] for row in groups),
            "waiting_for_citizen": sum(row[6] for row in groups),
            "waiting_for_body": sum(row[7] for row in groups),
            "next_deadlines": [
                {
                    "item_id": item_id,
                    "collection": collection,
                    "title": _opened(decrypt, sealed, item_id, version)["title"],
                    "due_at": _moment(due_at),
                }
                for item_id, collection, version, due_at, sealed in due
            ],
            "sources": [
                {
                    "vendor_id": vendor_id,
                    "source": source,
                    "as_of": _moment(as_of),
                    "stale": False,
                    "silent_since": None,
                }
                for (vendor_id, source), as_of in sorted(heard.items())
            ],
        }


def _moment(micros: int) -> datetime:
    return EPOCH + timedelta(0, 0, micros)


def _opened(decrypt: Callable[..., bytes], sealed: bytes, item_id: str, version: int) -> dict[str, Any]:
    place = f"item_versions|payload|{ENTE}|{item_id}|{version}".encode()
    content: dict[str, Any] = orjson.loads(decrypt(sealed[:12], sealed[12:], place))
    return content


def _shown(row: tuple[Any, ...], decrypt: Callable[..., bytes]) -> dict[str, Any]:
    item_id, collection, state, version, service_id, source, vendor_id, turn, occurred, received, updated = row[:11]
    as_of, due, sensitivity, read_at, seen_version, starred_at, confirmed_at, sealed = row[11:]
    content = _opened(decrypt, sealed, item_id, version)
    changed = _moment(updated)
    return {
        "item_id": item_id,
        "collection": collection,
        "state": state,
        "lifecycle": "active",
        "version": version,
        "title": content["title"],
        "summary": content.get("summary"),
        "service_id": service_id,
        "service_name": None,
        "category": None,
        "number": content.get("notice_number"),
        "protocol": None,
        "amount_cents": content.get("amount_cents"),
        "source": source,
        "vendor_id": vendor_id,
        "turn": turn,
        "occurred_at": _moment(occurred),
        "received_at": _moment(received),
        "updated_at": changed,
        "as_of": changed if as_of is None else _moment(as_of),
        "due_at": None if due is None else _moment(due),
        "sensitivity": sensitivity,
        "user_state": {
            "read": read_at is not None and seen_version >= version,
            "archived": False,
            "starred": starred_at is not None,
            "confirmed": confirmed_at is not None,
        },
        "published_by": [{"vendor_id": vendor_id, "source": source, "state": state}],
    }


def _compared(answer: Any) -> Any:
    """What both ways say."""
    told = orjson.loads(as_json(answer))
    for item in told.get("items", ()):
        for worked_out in ("cart", "notification_cost"):
            item.pop(worked_out, None)
    return told | {"next_cursor": None}


class Ways:
    """What is measured over a crowd: the hub's way and the bare one of a page and of a summary."""

    def __init__(self, crowd: Crowd, bare: Bare) -> None:
        self._crowd = crowd
        self._bare = bare
        self._chain = ChainWriter(new_uuid7())
        self._wish = list_wish([], collection=None)

    def of(self, what: str, together: int) -> dict[str, Callable[[], object]]:
        """The hub's and the bare one, so many answers for one commit of the log. Raises AssertionError where they do
        not say the same. What a cart may have and what a notification adds is the hub's to work out: it alone is
        charged for it."""
        hub, bare = {"page": (self._page, self._bare.page), "summary": (self._summary, self._bare.summary)}[what]
        for citizen in self._crowd.people[:5]:
            told, wanted = (_compared(way(citizen)) for way in (hub, bare))
            assert told == wanted, (told, wanted)
        return {
            "hub": lambda: self._logged(hub, self._log, together),
            "bare": lambda: self._logged(bare, self._bare.log, together),
        }

    def _logged(self, answer: Callable[[Citizen], Any], log: Callable[[list[Citizen]], None], together: int) -> None:
        citizens = [self._crowd.someone() for _ in range(together)]
        for citizen in citizens:
            as_json(answer(citizen))
        log(citizens)

    def _log(self, citizens: list[Citizen]) -> None:
        lines = [Access("r", ENTE, "portale", "s", "a", "list_items", "ok", each.citizen_id) for each in citizens]
        with self._crowd.database.write() as tx:
            record_access(tx, lines)
            self._chain.extend(tx)
        self._chain.committed()

    def _page(self, citizen: Citizen) -> dict[str, Any]:
        with self._crowd.reading(citizen) as reading:
            return self._crowd.feed.page(reading, self._wish)

    def _summary(self, citizen: Citizen) -> dict[str, Any]:
        with self._crowd.reading(citizen) as reading:
            return self._crowd.feed.summary(reading)


@contextmanager
def ways(crowd: Crowd) -> Iterator[Ways]:
    """Over the crowd's own store, until the block ends."""
    driver: _Driver
    driver = _Sqlite(crowd.home.folder / "raccordo.db") if crowd.url is None else _Postgres(crowd.url)
    with closing(driver):
        yield Ways(crowd, Bare(driver))


def measured(one: Ways, *, rounds: int, seconds: float) -> Iterator[tuple[str, float]]:
    """(name, answers in a second) of each way in each round, the ways turn by turn: those of readers who share a
    commit, and those of one who is alone."""
    ways = {(what, n): one.of(what, n) for n in (BATCH, 1) for what in ("page", "summary")}
    for turn in range(rounds):
        for (what, together), both in ways.items():
            for name in sorted(both, reverse=bool(turn % 2)):
                yield f"{what}/{together}/{name}", per_second(both[name], seconds=seconds) * together


def changes_kb(crowd: Crowd, most: int) -> float:
    """The most memory, in KB, that reading so many changes of one citizen needs at once."""
    after, seen, more = None, 0, True
    tracemalloc.start()
    try:
        while more and seen < most:
            with crowd.reading(crowd.heavy) as reading:
                page = crowd.feed.changes(reading, after, 100)
            after, more = page["next_cursor"], page["more"]
            seen += len(page["items"])
            del page  # it was sent: what is measured is one page at a time
        return tracemalloc.get_traced_memory()[1] / 1024
    finally:
        tracemalloc.stop()
