"""The limit: the least a server can do that keeps the hub's promises to a vendor. No model for a hub.

Both tokens are verified, their claims, the digest and the signed headers: by hand (keys cached by raw protected
segment), or by the hub's own verification, whose thirty checks cost more. The schema is the hub's own; record and
outbox row are on the disk (SQLite, `synchronous=FULL`, group commit) before 202. No replay answer, evidence,
encryption, receipt, rate limit or log.
"""

import asyncio
import hashlib
import json
import queue
import sqlite3
import threading
import time
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import psycopg
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.identifiers import new_uuid7
from contracts.items import Message
from hub.home import Home
from hub.security import modi
from hub.security.chains import ChainCache
from hub.security.modi import SignedRequest
from hub.settings import Settings
from hub.store.directory import load_registry

_SHA256, _ECDSA, _PKCS1 = SHA256(), ECDSA(SHA256()), PKCS1v15()

Row = tuple[str, str, str, str, bytes]
"""id, jti, citizen, occurred_at, body"""

SCHEMA = """
CREATE TABLE record (
    id TEXT PRIMARY KEY, jti TEXT NOT NULL UNIQUE, citizen TEXT NOT NULL, occurred_at TEXT NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX record_feed ON record (citizen, occurred_at);
CREATE TABLE outbox (id TEXT PRIMARY KEY, record_id TEXT NOT NULL, state TEXT NOT NULL, due_at REAL NOT NULL)
WITHOUT ROWID;
CREATE INDEX outbox_due ON outbox (state, due_at);
"""


def connect(path: Path) -> sqlite3.Connection:
    """A durable SQLite with the limit's two tables."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-32000;" + SCHEMA)
    return connection


def commit(connection: sqlite3.Connection, rows: list[Row]) -> None:
    """Records and their outbox rows in one durable transaction."""
    now = time.time()
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?)", rows)
    connection.executemany("INSERT INTO outbox VALUES (?, ?, 'queued', ?)", [(r[1], r[0], now) for r in rows])
    connection.execute("COMMIT")


_POSTGRES_SCHEMA = SCHEMA.replace("BLOB", "BYTEA").replace("WITHOUT ROWID", "").replace("REAL", "FLOAT8")
_POSTGRES_RECORDS = (
    "INSERT INTO record SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bytea[])"
)
_POSTGRES_OUTBOX = "INSERT INTO outbox SELECT o, r, 'queued', %s FROM unnest(%s::text[], %s::text[]) AS u(o, r)"


def prepare_postgres(url: str) -> None:
    """The limit's two tables in a PostgreSQL."""
    with _postgres(url) as connection:
        connection.execute(_POSTGRES_SCHEMA)  # type: ignore[arg-type]  # a literal, put together


def postgres_commit(url: str) -> Callable[[list[Row]], None]:
    """The same on PostgreSQL: two statements over arrays, one connection."""
    connection = _postgres(url)

    def write(rows: list[Row]) -> None:
        ids = [row[0] for row in rows]
        connection.execute(_POSTGRES_RECORDS, [list(column) for column in zip(*rows, strict=True)])
        connection.execute(_POSTGRES_OUTBOX, [time.time(), [row[1] for row in rows], ids])
        connection.commit()

    return write


def _postgres(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(url.replace("+psycopg", ""))


def _unpadded(segment: str | bytes) -> bytes:
    if isinstance(segment, str):
        segment = segment.encode()
    return urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))


def _check(key: Any, raw: bytes, signed: bytes) -> None:
    if isinstance(key, EllipticCurvePublicKey):
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        key.verify(encode_dss_signature(r, s), signed, _ECDSA)
    else:
        key.verify(raw, signed, _PKCS1, _SHA256)


class Tokens:
    """Verifies compact JWS of the known vendors."""

    def __init__(self, audience: str, keys: Mapping[str, Any]) -> None:
        self._audience = audience
        self._keys = keys
        self._by_segment: dict[bytes, Any] = {}

    def verify(self, compact: str, now: float) -> dict[str, Any]:
        signed, _, signature = compact.encode().rpartition(b".")
        protected, _, payload = signed.partition(b".")
        key = self._by_segment.get(protected)
        if key is None:
            key = self._by_segment[protected] = self._key(json.loads(_unpadded(protected)))
        _check(key, _unpadded(signature), signed)
        claims: dict[str, Any] = orjson.loads(_unpadded(payload))
        if claims["aud"] != self._audience or not claims["iat"] - 5 <= now < claims["exp"] or not claims["jti"]:
            raise ValueError
        return claims

    def bare(self, compact: str) -> Callable[[], None]:
        """The check of one signature and nothing else, everything read beforehand."""
        signed, _, signature = compact.encode().rpartition(b".")
        key, raw = self._by_segment[signed.partition(b".")[0]], _unpadded(signature)
        return lambda: _check(key, raw, signed)

    def _key(self, header: dict[str, Any]) -> Any:
        if "x5c" in header:
            return x509.load_der_x509_certificate(b64decode(header["x5c"][0])).public_key()
        return self._keys[header["kid"]]


class _Writer:
    """Group commit: what queued while one transaction was written is the next."""

    def __init__(self, write: Callable[[list[Row]], None]) -> None:
        self._write = write
        self._queue: queue.SimpleQueue[tuple[Row, asyncio.Future[None]]] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    async def submit(self, row: Row) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.put((row, future))
        await future

    def _run(self) -> None:
        while True:
            batch = [self._queue.get()]
            while len(batch) < 256 and not self._queue.empty():
                batch.append(self._queue.get())
            self._write([row for row, _ in batch])
            batch[0][1].get_loop().call_soon_threadsafe(_resolve, [future for _, future in batch])


def _resolve(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        future.set_result(None)


Verify = Callable[[Request, bytes], str]
"""Checks a request and its body; the jti of the integrity token. Raises whatever refuses it."""


def by_hand(audience: str, keys: Mapping[str, Any]) -> Verify:
    """The least that can be called verification, written for this one message."""
    tokens = Tokens(audience, keys)

    def verify(request: Request, body: bytes) -> str:
        headers, now = request.headers, time.time()
        first = tokens.verify(headers["authorization"].removeprefix("Bearer "), now)
        second = tokens.verify(headers["agid-jwt-signature"], now)
        digest = headers["digest"]
        if first["iss"] != second["iss"] or digest != f"SHA-256={b64encode(hashlib.sha256(body).digest()).decode()}":
            raise ValueError
        if {"digest": digest} not in second["signed_headers"]:
            raise ValueError
        for pair in second["signed_headers"]:
            for name, value in pair.items():
                if headers[name] != value:
                    raise ValueError
        return str(second["jti"])

    return verify


def same(settings: Mapping[str, Any]) -> Verify:
    """The hub's own verification, every check of it, over the registry of a hub's home."""
    with Home(Settings(**settings)).database.read() as connection:
        registry = load_registry(connection)
    chains = ChainCache()

    def verify(request: Request, body: bytes) -> str:
        lines = tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw])
        signed = SignedRequest(request.method, request.url.path, lines, body)
        verified = modi.verify(signed, signed_body=True, registry=registry, now=datetime.now(UTC), chains=chains)
        return verified.used[-1].jti

    return verify


def create_app(write: Callable[[list[Row]], None], verify: Verify) -> Starlette:
    writer = _Writer(write)

    async def accept(request: Request) -> Response:
        body = await request.body()
        jti = verify(request, body)
        item = Message.model_validate_json(body)
        record_id = new_uuid7()
        await writer.submit((record_id, jti, item.recipient.tax_code, item.occurred_at.isoformat(), body))
        return Response(orjson.dumps({"id": record_id}), 202, media_type="application/json")

    return Starlette(routes=[Route("/publish/v1/messages", accept, methods=["POST"])])
