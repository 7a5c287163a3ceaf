"""The operations port of a process: `/metrics` for Prometheus, `/live` and `/ready` for whoever supervises it.

A port of its own, on loopback or an internal address: what it tells is for the operator alone. The public `/status`
says of readiness only yes or no.
"""

import json
import logging
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from contracts.items import USUAL_CHANNELS
from hub import metrics
from hub.store import figures, quarantine, references
from hub.store.committer import Committer
from hub.store.database import Database
from hub.store.missing import missing_counts
from hub.store.positions import reading_of_sources
from hub.store.snapshot import Snapshot
from hub.store.sources import standing_sources
from hub.store.watching import Trouble

log = logging.getLogger(__name__)

CACHED_S = 5.0
"""Several scrapers, or an impatient one, read the database no more often than this."""
CHECKED_S = 1.0
"""Nor does whoever asks for the public `/status` have it looked at more often than this."""

STALLED_S = 30.0
STALE_S = 30.0

Sample = tuple[str, tuple[str, ...], float]


@dataclass(slots=True)
class Observed:
    """The parts of a process that are looked at from outside."""

    database: Database
    committer: Committer
    folder: Path
    backup_mark: Path
    snapshots: Mapping[str, Snapshot[Any]]
    served: Callable[[], Collection[tuple[str, str]] | None] = frozenset
    """The channels that have a connector, by ente; None while this process does not know."""
    dispatch: str = "embedded"
    role: str = "worker"
    more: Callable[[], Iterable[Sample]] = tuple
    """Figures of parts that not every process has."""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _looked_at: float = field(default=float("-inf"), init=False)
    _seen: Mapping[str, bool] = field(default_factory=dict, init=False)
    _suiting: str | None = field(default=None, init=False)
    """A revision that this code serves: to find that out, it reads its own migrations."""
    _trouble: Trouble = field(default_factory=lambda: Trouble(log, "ready"), init=False)

    def checks(self) -> dict[str, bool]:
        """Each condition of readiness, by name; those of a database that does not answer are not known."""
        return {
            **self._database(),
            "committer": self.committer.alive and self.committer.watch.under_way_s < STALLED_S,
            # Older than that, a key that was revoked may still be believed.
            "configuration": all(snapshot.age_s < STALE_S for snapshot in self.snapshots.values()),
        }

    def ready(self) -> bool:
        return all(self.checks().values())

    def _database(self) -> Mapping[str, bool]:
        """Whether it answers, may be written and has a schema that this code serves: as it was a moment ago."""
        with self._lock:
            if time.monotonic() - self._looked_at >= CHECKED_S:
                self._seen = self._look()
                self._looked_at = time.monotonic()
            return self._seen

    def _look(self) -> Mapping[str, bool]:
        try:
            found, writable = self.database.revision(), self.database.takes_writes()
            if found != self._suiting:
                self._suiting = found if self.database.suits(found) else None
        except Exception as exc:  # noqa: BLE001 - whatever keeps it from answering, it does not hold
            self._trouble.failed(exc)
            return {"database": False}
        self._trouble.over()
        return {"database": True, "writable": writable, "migrations": found is not None and found == self._suiting}


def certificate_figures(kind: str, ends: Mapping[tuple[str, str], datetime]) -> Iterator[Sample]:
    """When the client certificates of these end, by (ente_id, name)."""
    for (ente_id, name), at in ends.items():
        yield "raccordo_client_certificate_expiry_timestamp_seconds", (ente_id, f"{kind}:{name}"), at.timestamp()


class Figures:
    """A collector: the process's own instruments, and what is read at the moment of a scrape."""

    def __init__(self, observed: Observed) -> None:
        self._observed = observed
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._samples: list[Sample] = []
        self._trouble = Trouble(log, "metrics")

    def collect(self) -> Iterator[Metric]:
        yield from metrics.REGISTRY.collect()
        families = {
            name: GaugeMetricFamily(name, told, labels=labels) for name, (told, labels) in metrics.SCRAPED.items()
        }
        for name, labels, value in (*self._now(), *self._of_the_database()):
            families[name].add_metric(labels, value)
        yield from families.values()

    def _now(self) -> Iterator[Sample]:
        observed = self._observed
        yield "raccordo_commit_queue_depth", (), observed.committer.depth
        yield "raccordo_commit_under_way_seconds", (), observed.committer.watch.under_way_s
        for name, snapshot in observed.snapshots.items():
            yield "raccordo_snapshot_age_seconds", (name,), snapshot.age_s
        yield "raccordo_disk_free_bytes", (), shutil.disk_usage(observed.folder).free
        mark = observed.backup_mark
        yield "raccordo_last_backup_timestamp_seconds", (), mark.stat().st_mtime if mark.exists() else 0
        yield from observed.more()
        yield "raccordo_process", (observed.role, observed.dispatch), 1
        for name, holds in observed.checks().items():
            yield "raccordo_ready", (name,), float(holds)

    def _of_the_database(self) -> list[Sample]:
        with self._lock:
            if time.monotonic() - self._read_at >= CACHED_S:
                try:
                    self._samples = list(self._read())
                except Exception as exc:  # noqa: BLE001 - the other figures must be seen, above all then
                    self._trouble.failed(exc)
                    self._samples = []  # absent is true, an old queue would not be
                else:
                    self._trouble.over()
                self._read_at = time.monotonic()
            return self._samples

    def _read(self) -> Iterator[Sample]:
        with self._observed.database.read() as connection:
            now = self._observed.database.now(connection)
            yield "raccordo_clock_offset_seconds", (), (self._observed.database.clock.now() - now).total_seconds()
            for row in figures.connector_statuses(connection):
                yield (
                    "raccordo_connector_paused",
                    (row["ente_id"], row["connector_id"]),
                    float(row["status"] == "paused"),
                )
            for queue in figures.queues(connection):
                labels = (queue.ente_id, queue.connector_id)
                yield "raccordo_deliveries", (*labels, queue.state), queue.count
                if queue.state == "queued" and queue.oldest_due_at is not None:
                    age = max(0.0, (now - queue.oldest_due_at).total_seconds())
                    yield "raccordo_delivery_oldest_due_seconds", labels, age
            for lane, is_open in figures.open_breakers(connection, now).items():
                yield "raccordo_breaker_open", tuple(lane), float(is_open)
            for ente_id, count in figures.expired_leases(connection, now).items():
                yield "raccordo_delivery_leases_expired", (ente_id,), count
            if (served := self._observed.served()) is not None:
                for ente_id, channel in product(figures.enti_ids(connection), USUAL_CHANNELS):
                    metrics.unserved.labels(ente_id)  # at 0 from the start: the first one is then an increase
                    yield "raccordo_channel_unserved", (ente_id, channel), float((ente_id, channel) not in served)
            bad = {(ente_id, state): count for ente_id, state, count in references.count_bad(connection)}
            for ente_id in figures.enti_ids(connection):
                for state in references.BAD:
                    yield "raccordo_document_links", (ente_id, state), bad.get((ente_id, state), 0)
            for figure, found in (
                ("raccordo_batches_oldest_seconds", figures.oldest_batches(connection)),
                ("raccordo_erasures_oldest_seconds", figures.oldest_erasures(connection)),
            ):
                for ente_id, since in found.items():
                    waiting = 0.0 if since is None else max(0.0, (now - since).total_seconds())
                    yield figure, (ente_id,), waiting
            for source in standing_sources(connection, now):
                if source.every_s is not None:
                    name = (source.ente_id, source.vendor_id, source.source)
                    yield "raccordo_source_stale", name, float(source.stale)
            for each in reading_of_sources(connection):
                labels = (each.ente_id, each.connector_id)
                yield "raccordo_source_failures", labels, each.failures
                yield "raccordo_source_round_records", labels, each.taken
                if each.read_at is not None:
                    yield "raccordo_source_read_seconds", labels, max(0.0, (now - each.read_at).total_seconds())
            for labels, count in missing_counts(connection).items():
                yield "raccordo_source_missing", labels, count
            for labels, count in quarantine.open_counts(connection).items():
                yield "raccordo_quarantine_open", labels, count
            for row in figures.key_ends(connection):
                yield (
                    "raccordo_key_expiry_timestamp_seconds",
                    (row["ente_id"], row["owner"]),
                    row["ends_at"].timestamp(),
                )


@contextmanager
def exporting(where: tuple[str, int] | None, observed: Observed) -> Iterator[int | None]:
    """Serve the operations port until the block ends; gives the port. Nothing where there is no address.

    A port that is taken is logged and no more: a hub that is not watched is better than none.
    """
    if where is None:
        yield None
        return
    try:
        server = _Server(where, _handler(observed))
    except OSError as exc:
        log.error("metrics.not_served port=%d error=%s", where[1], exc.strerror)  # noqa: TRY400 - the trace says no more
        yield None
        return
    thread = threading.Thread(target=server.serve_forever, name="exporter", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, where: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
        super().__init__(where, handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A line of the log like any other, not a trace beside it; none for who asked and did not wait."""
        if not isinstance(sys.exception(), ConnectionError):
            log.exception("metrics.not_answered")


def _handler(observed: Observed) -> type[BaseHTTPRequestHandler]:
    found = Figures(observed)

    class Handler(BaseHTTPRequestHandler):
        server_version = "raccordo"
        sys_version = ""
        timeout = 10

        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(found))
            elif self.path == "/live":
                self._answer(200, "application/json", b'{"live": true}')
            elif self.path == "/ready":
                checks = observed.checks()
                self._answer(200 if all(checks.values()) else 503, "application/json", json.dumps(checks).encode())
            else:
                self._answer(404, "text/plain", b"/metrics, /live, /ready\n")

        def _answer(self, status: int, media_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Silent: a line a scrape would drown the others."""

    return Handler
