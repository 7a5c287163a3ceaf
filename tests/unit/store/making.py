"""A store of its own, with a clock that stands still until a test moves it."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from hub.clock import Clock
from hub.registry import Ente, Vendor
from hub.security.claims import UsedToken
from hub.security.vault import Vault
from hub.store import directory
from hub.store.acts import intake_of
from hub.store.citizens import Citizens, Subject
from hub.store.database import Database
from hub.store.drafts import Draft, Identity, PlannedDelivery
from hub.store.intake import Signed, Submission
from hub.store.outbox import Claim, Due, claim
from hub.store.publications import Publications
from hub.store.standing import Lane, LimitsOf
from hub.store.tables import connectors, deliveries
from tests import stores

ENTE = "c_h501"
LEASE = timedelta(seconds=60)
START = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


class FakeClock:
    """Time, moved by hand."""

    def __init__(self) -> None:
        self.moment = START

    def now(self) -> datetime:
        return self.moment

    def pass_by(self, **time: float) -> None:
        self.moment += timedelta(**time)


def _one_ente(url: str) -> None:
    """Migrated, with one ente."""
    database = Database(url, FakeClock())
    database.migrate()
    base = "https://here.example.it"
    with database.write() as tx:
        directory.add_ente(tx, Ente(ENTE, "X", base, f"{base}/publish/v1", f"{base}/feed/v1", base))
    if not database.is_shared:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


@contextmanager
def fresh_database(kind: str, folder: Path, clock: Clock) -> Iterator[Database]:
    """A database of its own, with one ente."""
    made = stores.Store(kind, folder, _one_ente)
    database = stores.not_durable(Database(made.url, clock))
    try:
        yield database
    finally:
        database.close()
        made.drop()


@dataclass
class Store:
    """A database with all that writes into it, but no thread: a test calls the handlers itself."""

    database: Database
    clock: FakeClock
    vault: Vault = field(default_factory=lambda: Vault("aaaaaaaa", {"aaaaaaaa": b"k" * 32}, b"p" * 32))
    numbers: Any = field(default_factory=count)

    def __post_init__(self) -> None:
        self.citizens = Citizens(self.vault)
        publications = Publications(self.citizens, self.vault)
        self.intake = intake_of(self.vault, self.citizens, publications)

    def run(self, handler, *values):
        """What a Committer does with a batch, without its thread."""
        with self.database.write() as tx:
            return handler(tx, list(values))

    def write(self, handler, value):
        """As a Committer's `write`: one value, and its result."""
        return self.run(handler, value)[0]

    def signed(self, *, jti: str | None = None, vendor: str = "acme", **fields: Any) -> Signed:
        """A request whose signatures held, with a token of its own unless one is given."""
        token = UsedToken("authorization", jti or f"jti-{next(self.numbers)}", START + timedelta(days=1))
        request_id = f"request-{next(self.numbers)}"
        made = {"used": (token,), "tokens": {}, "body": b"{}"} | fields
        made["body_sha256"] = hashlib.sha256(made["body"]).hexdigest()
        return Signed(request_id, "publish_message", ENTE, vendor, "jwk:x", **made)

    def publish(self, *drafts: Draft, **signed: Any) -> list[Any]:
        return self.run(self.intake.record, *[Submission(self.signed(**signed), act=draft) for draft in drafts])

    def deliveries(self) -> list[dict[str, Any]]:
        return self.rows(deliveries)

    def rows(self, table) -> list[dict[str, Any]]:
        with self.database.read() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]

    def connector(self, connector_id: str = "io", status: str = "active") -> None:
        row = {"ente_id": ENTE, "connector_id": connector_id, "type": "x", "status": status, "version": 1}
        row |= {"settings_sealed": b"", "limits": {}}
        with self.database.write() as tx:
            tx.connection.execute(insert(connectors), row | {"updated_at": tx.now})


def make_draft(external_id: str = "m-1", *, tax_code: str = "RSSMRA80A01H501U", **fields: Any) -> Draft:
    """A message with one delivery by `io`; the payload is whatever."""
    planned = PlannedDelivery("io", "io", timedelta(days=3))
    made: dict[str, Any] = {
        "identity": Identity(ENTE, "acme", "tributi", external_id, "messages"),
        "subject": Subject(ENTE, "person", tax_code),
        "version": 1,
        "content_hash": "0" * 64,
        "payload": b"{}",
        "state": "published",
        "reported_state": "published",
        "turn": "none",
        "occurred_at": START,
        "deliveries": (planned,),
    }
    return Draft(**(made | fields))


def take(store: Store, limit: int = 10, lane: Lane | None = None, limits: LimitsOf | None = None) -> list[Claim]:
    """Claim what is due."""
    return store.run(claim, Due(limit, LEASE, lane, limits or {}))[0]


def only(store: Store) -> dict[str, Any]:
    """The one delivery there is."""
    (row,) = store.deliveries()
    return row


def make_vendor(vendor_id: str = "acme", **fields: Any) -> Vendor:
    return Vendor(ENTE, vendor_id, vendor_id, "jwk", True, (), vendor_id, **fields)
