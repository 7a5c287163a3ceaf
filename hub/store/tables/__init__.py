"""Tables and indexes, for SQLite and PostgreSQL alike.

Every table leads with `ente_id`, the distribution key; the large ones carry `citizen_id`, so that they can be
hash-partitioned by it. Whatever must be unique per ente (external identity, jti) has a table of its own, because a
partitioned table can only be unique within its partitions. Columns ending in `_sealed` hold AEAD ciphertext; what a
query needs is clear. Times are integers, microseconds since 1970 in UTC.
"""

from .audiences import broadcasts, ranked_entries, ranked_lists
from .columns import EPOCH, Instant, clipped, metadata, to_json, to_micros
from .known import (
    connectors,
    enti,
    pdnd_clients,
    pdnd_vouchers,
    portals,
    sequences,
    services,
    subscription_services,
    trust_keys,
    vendors,
    versions,
)
from .outbox import QUEUED, WAITING, attempts, claimable, deliveries, delivery_requests, expirable, lanes
from .personal import (
    agenda,
    channel_opt_outs,
    citizens,
    item_copies,
    item_identities,
    item_versions,
    items,
    subscription_requests,
    timeline,
    user_states,
)
from .proof import (
    access_log,
    chain_roots,
    evidence,
    hub_keys,
    jose_headers,
    key_material,
    quota_usage,
    received_messages,
    replays,
)
from .vendor_side import RUNNING, batch_items, batches, event_sequences, vendor_events

__all__ = [
    "EPOCH",
    "QUEUED",
    "RUNNING",
    "WAITING",
    "Instant",
    "access_log",
    "agenda",
    "attempts",
    "batch_items",
    "batches",
    "broadcasts",
    "chain_roots",
    "channel_opt_outs",
    "citizens",
    "claimable",
    "clipped",
    "connectors",
    "deliveries",
    "delivery_requests",
    "enti",
    "event_sequences",
    "evidence",
    "expirable",
    "hub_keys",
    "item_copies",
    "item_identities",
    "item_versions",
    "items",
    "jose_headers",
    "key_material",
    "lanes",
    "metadata",
    "pdnd_clients",
    "pdnd_vouchers",
    "portals",
    "quota_usage",
    "ranked_entries",
    "ranked_lists",
    "received_messages",
    "replays",
    "sequences",
    "services",
    "subscription_requests",
    "subscription_services",
    "timeline",
    "to_json",
    "to_micros",
    "trust_keys",
    "user_states",
    "vendor_events",
    "vendors",
    "versions",
]
