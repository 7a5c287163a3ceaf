"""Tables and indexes, for SQLite and PostgreSQL alike.

Every table leads with `ente_id`, the distribution key; the large ones carry `citizen_id`, so that they can be
hash-partitioned by it. Whatever must be unique per ente (external identity, jti) has a table of its own, because a
partitioned table can only be unique within its partitions. Columns ending in `_sealed` hold AEAD ciphertext; what a
query needs is clear. Times are integers, microseconds since 1970 in UTC.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970, UTC."""
    return (moment - EPOCH) // _MICROSECOND


class Instant(TypeDecorator[datetime]):
    """An aware datetime kept as microseconds since 1970: the same order and the same value on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + timedelta(microseconds=value)


metadata = MetaData(naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"})


def _ente() -> Column[Any]:
    return Column("ente_id", String(20), primary_key=True)


def _key(name: str, length: int = 36) -> Column[Any]:
    return Column(name, String(length), primary_key=True)


def _needed(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, nullable=False)


# --- who is known -----------------------------------------------------------------------------------------------------

enti = Table(
    "enti",
    metadata,
    _ente(),
    _needed("name", String(200)),
    _needed("public_url", String(500)),
    _needed("portal_url", String(500)),
    _needed("publish_audience", String(500)),
    _needed("feed_audience", String(500)),
    _needed("created_at", Instant),
)

vendors = Table(
    "vendors",
    metadata,
    _ente(),
    _key("vendor_id", 64),
    _needed("name", String(200)),
    _needed("trust", String(10)),
    _needed("active", Boolean),
    _needed("subject", String(200)),
    _needed("aliases", JSON),
    _needed("collections", JSON),
    _needed("services", JSON),
    _needed("rights", JSON),
    _needed("signature_only", Boolean),
    Column("daily_quota", Integer),
    _needed("created_at", Instant),
)

portals = Table(
    "portals",
    metadata,
    _ente(),
    _key("portal_id", 64),
    _needed("name", String(200)),
    _needed("active", Boolean),
    _needed("scopes", JSON),
    _needed("created_at", Instant),
)

# Keys of vendors and portals; `owner` is `vendor:<id>` or `portal:<id>`.
trust_keys = Table(
    "trust_keys",
    metadata,
    _ente(),
    _key("owner", 80),
    _key("key_id"),
    _needed("kind", String(20)),
    _needed("material", Text),
    Column("kid", String(200)),
    Column("valid_from", Instant),
    Column("valid_to", Instant),
    Column("revoked_at", Instant),
)

services = Table(
    "services",
    metadata,
    _ente(),
    _key("service_id", 64),
    _needed("record", JSON),
    _needed("created_at", Instant),
)

# An administrator's configuration of a connector type for one ente. Secrets are sealed under the vault key.
connectors = Table(
    "connectors",
    metadata,
    _ente(),
    _key("connector_id", 64),
    _needed("type", String(64)),
    _needed("status", String(10)),  # active | paused
    Column("paused_reason", String(200)),
    _needed("settings_sealed", LargeBinary),
    _needed("limits", JSON),
    _needed("version", Integer),
    _needed("updated_at", Instant),
)

# Counters that tell caches to look again: `trust`, `connectors`.
versions = Table("versions", metadata, _key("name", 20), _needed("value", BigInteger))

# The last sequence number of each ente: locked last in a transaction, so that its order is commit order.
sequences = Table("sequences", metadata, _ente(), _needed("value", BigInteger))

# --- citizens and their items -----------------------------------------------------------------------------------------

# The only table that ties a tax code to a citizen_id. Destroying `data_key_sealed` erases all that was sealed with it.
citizens = Table(
    "citizens",
    metadata,
    _ente(),
    _key("citizen_id"),
    _needed("subject_hash", String(64)),
    _needed("subject_kind", String(12)),  # person | organization | ente
    _needed("tax_code_sealed", LargeBinary),
    _needed("data_key_sealed", LargeBinary),
    _needed("created_at", Instant),
    Index("ux_citizens_subject", "ente_id", "subject_hash", unique=True),
)

# Who an item is, by its vendor's own name. `citizen_id` leads to the partition.
item_identities = Table(
    "item_identities",
    metadata,
    _ente(),
    _key("vendor_id", 64),
    _key("source", 64),
    _key("external_id", 400),
    _key("collection", 20),
    _needed("item_id", String(36)),
    _needed("citizen_id", String(36)),
    Index("ux_item_identities_item_id", "ente_id", "item_id", unique=True),
)

items = Table(
    "items",
    metadata,
    _ente(),
    _key("citizen_id"),
    _key("item_id"),
    _needed("vendor_id", String(64)),
    _needed("source", String(64)),
    _needed("collection", String(20)),
    _needed("version", Integer),
    _needed("content_hash", String(64)),
    _needed("lifecycle", String(12)),  # active | withdrawn | restricted | erased
    _needed("state", String(30)),
    _needed("reported_state", String(30)),  # the source's own word; `state` adds what the hub knows (a receipt, a file)
    _needed("turn", String(8)),
    Column("service_id", String(64)),
    _needed("sensitivity", String(10)),
    _needed("min_loa", Integer),
    _needed("hidden", Boolean),  # visible_from is still to come
    Column("visible_from", Instant),
    Column("expires_at", Instant),
    Column("due_at", Instant),
    _needed("occurred_at", Instant),
    Column("as_of", Instant),
    _needed("received_at", Instant),
    _needed("updated_at", Instant),
    Column("notice_key", String(64)),  # keyed hash of (creditor, notice number): ties payment and receipt
    Column("about_item_id", String(36)),  # a message that a rule made: the item it tells about
    Column("content_sha256", String(64)),  # the file of a document, once it is here
    Column("content_key", String(200)),
    _needed("sequence", BigInteger),
    Index("ix_items_feed", "ente_id", "citizen_id", "occurred_at", "item_id"),
    Index("ix_items_changes", "ente_id", "citizen_id", "sequence"),
    Index("ix_items_notice", "ente_id", "citizen_id", "notice_key"),
    Index("ix_items_about", "ente_id", "citizen_id", "about_item_id"),
    Index("ix_items_hidden", "ente_id", "hidden", "visible_from"),
)

item_versions = Table(
    "item_versions",
    metadata,
    _ente(),
    _key("citizen_id"),
    _key("item_id"),
    Column("version", Integer, primary_key=True),
    _needed("content_hash", String(64)),
    _needed("payload_sealed", LargeBinary),  # RFC 8785 canonical JSON
    _needed("outcome", String(12)),
    _needed("received_at", Instant),
)

timeline = Table(
    "timeline",
    metadata,
    _ente(),
    _key("citizen_id"),
    _key("item_id"),
    _key("event_id"),
    _needed("at", Instant),
    _needed("event", String(30)),
    _needed("data", JSON),
)

user_states = Table(
    "user_states",
    metadata,
    _ente(),
    _key("citizen_id"),
    _key("item_id"),
    Column("read_at", Instant),
    Column("seen_version", Integer),
    Column("archived_at", Instant),
    Column("starred_at", Instant),
    Column("confirmed_at", Instant),
    _needed("updated_at", Instant),
)

# What a citizen switched off: one topic (a service, or `*`) on one channel.
channel_opt_outs = Table(
    "channel_opt_outs",
    metadata,
    _ente(),
    _key("citizen_id"),
    _key("channel", 10),
    _key("topic", 64),
    _needed("at", Instant),
)

# --- outbox -----------------------------------------------------------------------------------------------------------

# One row a message and connector. `claim_id` is the fencing token of whoever works on it until `lease_until`.
deliveries = Table(
    "deliveries",
    metadata,
    _ente(),
    _key("delivery_id"),
    _needed("citizen_id", String(36)),
    _needed("message_id", String(36)),
    _needed("connector_id", String(64)),
    _needed("channel", String(10)),
    _needed("state", String(12)),
    Column("reason", String(100)),
    _needed("due_at", Instant),
    _needed("expires_at", Instant),
    _needed("attempts", Integer),
    _needed("claims", Integer),  # claims in a row without a result: poison is parked
    Column("claim_id", String(36)),
    Column("lease_until", Instant),
    Column("about_to_send_at", Instant),  # the mark before an unsafe step
    _needed("unsafe", Boolean),  # the next step is an unsafe one
    _needed("memo", JSON),
    Column("provider_id", String(200)),
    _needed("created_at", Instant),
    _needed("updated_at", Instant),
    Index("ix_deliveries_due", "ente_id", "state", "due_at"),
    Index("ix_deliveries_message", "ente_id", "message_id"),
    Index("ix_deliveries_lease", "ente_id", "lease_until"),
)

attempts = Table(
    "attempts",
    metadata,
    _ente(),
    _key("delivery_id"),
    _key("claim_id"),
    _needed("started_at", Instant),
    Column("ended_at", Instant),
    Column("outcome", String(12)),
    Column("reason", String(100)),
    Column("detail", String(500)),
)

# --- evidence ---------------------------------------------------------------------------------------------------------

# `ente_id` is `-` where a refusal came before an ente was known.
evidence = Table(
    "evidence",
    metadata,
    _ente(),
    _key("evidence_id"),
    _needed("at", Instant),
    _needed("request_id", String(64)),
    _needed("operation", String(60)),
    Column("vendor_id", String(64)),
    Column("signer", String(200)),
    _needed("verdict", String(10)),  # accepted | refused
    _needed("code", String(64)),
    Column("cause", String(300)),
    _needed("body_sha256", String(64)),
    Column("body_sealed", LargeBinary),  # the very bytes that were signed, under the citizen's key
    _needed("tokens", JSON),
    Column("citizen_id", String(36)),
    Column("item_id", String(36)),
    Column("version", Integer),
    _needed("row_hash", String(64)),
    _needed("writer_id", String(36)),
    _needed("root_number", BigInteger),
    Index("ix_evidence_root", "writer_id", "root_number"),
)

access_log = Table(
    "access_log",
    metadata,
    _ente(),
    _key("access_id"),
    _needed("at", Instant),
    _needed("request_id", String(64)),
    _needed("portal_id", String(64)),
    Column("citizen_id", String(36)),
    _needed("pseudonym", String(200)),
    _needed("acr", String(100)),
    _needed("operation", String(60)),
    _needed("outcome", String(64)),
    Column("item_id", String(36)),
    _needed("row_hash", String(64)),
    _needed("writer_id", String(36)),
    _needed("root_number", BigInteger),
    Index("ix_access_log_citizen", "ente_id", "citizen_id", "at"),
    Index("ix_access_log_root", "writer_id", "root_number"),
)

# One hash root a commit and writer, each over the one before it.
chain_roots = Table(
    "chain_roots",
    metadata,
    _key("writer_id"),
    Column("root_number", BigInteger, primary_key=True),
    _needed("at", Instant),
    _needed("entries", Integer),
    _needed("root", String(64)),
)

# Used tokens, until they expire. One insert decides (no check first): the primary key is the replay guard.
replays = Table(
    "replays",
    metadata,
    _ente(),
    _key("signer", 200),
    _key("header", 30),
    _key("jti", 200),
    _needed("expires_at", Instant),
    Index("ix_replays_expires_at", "expires_at"),
)

# Daily quotas, exact and durable: counted with the commit.
quota_usage = Table(
    "quota_usage",
    metadata,
    _ente(),
    _key("vendor_id", 64),
    _key("day", 10),
    _needed("used", Integer),
)
