"""Every instrument of a process, in one place: what is counted, under which name and labels.

Labels come from closed or configured sets (operations, connectors, states), never from what a caller sent, and hold no
personal data. Children are bound once and kept: on the hot path an increment costs less than a microsecond. What is
read at the moment of a scrape (queues, ages) is in `hub.exporter`, under the names of `SCRAPED`.
"""

import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SLOW = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120)
_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)

requests = Counter("raccordo_requests_total", "Answered requests", ("operation", "status_class"), registry=REGISTRY)
request_seconds = Histogram(
    "raccordo_request_seconds", "Time to answer a request", ("operation",), buckets=_FAST, registry=REGISTRY
)
publications = Counter(
    "raccordo_publications_total", "Publications that are durable", ("collection", "outcome"), registry=REGISTRY
)
attempts = Counter(
    "raccordo_delivery_attempts_total",
    "Claims settled, by outcome of the attempt and state of the delivery after it",
    ("ente", "connector", "outcome", "state"),
    registry=REGISTRY,
)
attempt_seconds = Histogram(
    "raccordo_delivery_attempt_seconds",
    "Time from the start of the work on a claim to its settlement",
    ("ente", "connector"),
    buckets=_SLOW,
    registry=REGISTRY,
)
unserved = Counter(
    "raccordo_notices_unserved_total",
    "Notices skipped since no connector serves their channel",
    ("ente",),
    registry=REGISTRY,
)
feed_only = Counter(
    "raccordo_messages_feed_only_total",
    "Messages that reached the citizen on no channel: they stay in the feed alone",
    registry=REGISTRY,
)
swept = Counter(
    "raccordo_deliveries_swept_total", "Deliveries that upkeep ended, by their state", ("state",), registry=REGISTRY
)
for _state in ("expired", "unconfirmed", "parked"):
    swept.labels(_state)  # at 0 from the start: the first one is then an increase
agenda_put_off = Counter(
    "raccordo_agenda_put_off_total",
    "Times that an item of the agenda could not be written, and was put off for an hour",
    registry=REGISTRY,
)
bell_heard = Gauge("raccordo_bell_heard", "0 while Redis does not take the rings that call workers", registry=REGISTRY)
bell_heard.set(1)
commit_batch = Histogram("raccordo_commit_batch_size", "Values a group commit", buckets=_BATCHES, registry=REGISTRY)
commit_seconds = Histogram("raccordo_commit_seconds", "Time of a group commit", buckets=_FAST, registry=REGISTRY)
commit_failures = Counter("raccordo_commit_failures_total", "Values whose commit failed", registry=REGISTRY)
trust_fetches = Counter(
    "raccordo_trust_fetches_total",
    "Keys, certificates and revocation lists wanted from elsewhere",
    ("source", "outcome"),
    registry=REGISTRY,
)
vouchers = Counter(
    "raccordo_vouchers_total", "Vouchers asked for at PDND, by kind of client", ("kind", "outcome"), registry=REGISTRY
)
for _kind in ("api", "consumer"):
    vouchers.labels(_kind, "refused")

declined = Counter(
    "raccordo_callbacks_declined_total",
    "Calls of providers that asked for what was not done, by the reason",
    ("ente", "connector", "code"),
    registry=REGISTRY,
)

SCRAPED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "raccordo_commit_queue_depth": ("Values that wait for a group commit", ()),
    "raccordo_commit_under_way_seconds": ("Age of the commit under way, 0 when there is none", ()),
    "raccordo_deliveries": ("Deliveries not ended well, by state; counted up to a cap", ("ente", "connector", "state")),
    "raccordo_delivery_oldest_due_seconds": ("Age of the oldest due, unclaimed delivery", ("ente", "connector")),
    "raccordo_delivery_leases_expired": ("Claims whose lease ran out and that no sweeper took over", ("ente",)),
    "raccordo_document_links": ("Links to documents' files that are dead or lead to another file", ("ente", "state")),
    "raccordo_batches_oldest_seconds": ("Age of the oldest batch still being worked off, 0 for none", ("ente",)),
    "raccordo_erasures_oldest_seconds": ("Age of the oldest erasure ordered and not made, 0 for none", ("ente",)),
    "raccordo_connector_paused": ("1 while a connector is paused", ("ente", "connector")),
    "raccordo_breaker_open": ("1 while the lane's breaker is open or half open", ("ente", "connector")),
    "raccordo_snapshot_age_seconds": ("Time since a snapshot of the configuration was last checked", ("snapshot",)),
    "raccordo_key_expiry_timestamp_seconds": ("When the last valid key of an owner ends", ("ente", "owner")),
    "raccordo_client_certificate_expiry_timestamp_seconds": (
        "When a client certificate ends that the hub shows to others",
        ("ente", "owner"),
    ),
    "raccordo_clock_offset_seconds": ("By how much this machine's clock is ahead of the database's", ()),
    "raccordo_disk_free_bytes": ("Free space where the home is", ()),
    "raccordo_last_backup_timestamp_seconds": ("When the last back-up was finished; 0 for never", ()),
    "raccordo_trust_held": ("Keys, certificates and revocation lists of others that are kept in memory", ()),
    "raccordo_pdnd_events_lag_seconds": ("Time since the end of PDND's key events was last seen", ("issuer",)),
    "raccordo_ready": ("1 while a check of readiness holds", ("check",)),
    "raccordo_process": ("1: what the process is (api, worker, sweep), and who delivers", ("role", "dispatch")),
    "raccordo_source_stale": ("1 while a source is silent for longer than agreed", ("ente", "vendor", "source")),
    "raccordo_source_failures": ("Failures in a row of the reading of a source", ("ente", "connector")),
    "raccordo_source_round_records": (
        "Records looked at since the end of what a source has was last reached: how far a reading is",
        ("ente", "connector"),
    ),
    "raccordo_source_read_seconds": ("Time since the end of what a source has was last reached", ("ente", "connector")),
    "raccordo_source_missing": (
        "Items that a source seems to have no more, about which it was not asked yet",
        ("ente", "connector"),
    ),
    "raccordo_quarantine_open": ("Records of sources about which nobody has decided", ("ente", "connector")),
    "raccordo_channel_unserved": ("1 while no connector serves the channel", ("ente", "channel")),
}
"""What the exporter reads at a scrape: name -> (help, labels)."""


def count_request(operation: str, status: int, seconds: float) -> None:
    """One answered request."""
    answered, latency = _request(operation, status // 100)
    answered.inc()
    latency.observe(seconds)


@lru_cache(maxsize=1024)
def _request(operation: str, status_class: int) -> tuple[Counter, Histogram]:
    return requests.labels(operation, f"{status_class}xx"), request_seconds.labels(operation)


def count_declined(*, ente_id: str, connector_id: str, code: str) -> None:
    """One call of a provider's that was declined; codes are those of the contract, the hub and its connectors."""
    declined.labels(ente_id, connector_id, code).inc()


def count_publications(tally: Mapping[tuple[str, str], int]) -> None:
    """Publications of one commit: (collection, outcome) -> how many."""
    for (collection, outcome), count in tally.items():
        publications.labels(collection, outcome).inc(count)


_send: Callable[[dict[str, Any]], None] | None = None


def send_attempts(send: Callable[[dict[str, Any]], None] | None) -> None:
    """Hand attempts to `send` instead of counting them: in a process that will not live to be scraped. None: count."""
    global _send
    _send = send


def count_attempt(*, ente_id: str, connector_id: str, outcome: str, state: str, seconds: float) -> None:
    """One settled claim."""
    if _send is not None:
        _send(
            {"ente_id": ente_id, "connector_id": connector_id, "outcome": outcome, "state": state, "seconds": seconds}
        )
        return
    attempts.labels(ente_id, connector_id, outcome, state).inc()
    attempt_seconds.labels(ente_id, connector_id).observe(seconds)


class CommitWatch:
    """Watches one committer: sizes and times of its commits, and how long the one under way has been going."""

    def __init__(self) -> None:
        self._since: float | None = None

    def begin(self, size: int) -> None:
        commit_batch.observe(size)
        self._since = time.monotonic()

    def end(self) -> None:
        if self._since is not None:
            commit_seconds.observe(time.monotonic() - self._since)
        self._since = None

    @property
    def under_way_s(self) -> float:
        since = self._since
        return 0.0 if since is None else time.monotonic() - since
