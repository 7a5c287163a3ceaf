"""What vendors are told later: batches with the outcome of each item, and the events of a vendor's items."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnClause,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    literal_column,
)

from .columns import CLUSTERED, Instant, ente, key, metadata, needed, partial_index

# A batch is accepted whole, with its body, and worked off piece by piece. The body goes when the last item is decided.
batches = Table(
    "batches",
    metadata,
    ente(),
    key("batch_id"),
    needed("vendor_id", String(64)),
    needed("request_id", String(64)),
    needed("signer", String(200)),
    needed("state", String(10)),  # running | done
    needed("size", Integer),
    needed("body_digest", String(60)),
    Column("body_sealed", LargeBinary),  # compressed; under the vault key, for it speaks of many citizens
    needed("correlation_id", String(64)),
    Column("reply_to", String(2000)),
    needed("received_at", Instant),
    Column("finished_at", Instant),
    Index("ix_batches_finished", "ente_id", "finished_at"),
)
RUNNING: ColumnClause[str] = literal_column("'running'")
partial_index("ix_batches_running", batches, "vendor_id", "batch_id", where=batches.c.state == RUNNING)

# What became of each item; the row is written with what it tells of, and its key lets nothing be decided twice.
batch_items = Table(
    "batch_items",
    metadata,
    ente(),
    key("batch_id"),
    Column("position", Integer, primary_key=True),
    Column("collection", String(20)),
    Column("external_id", String(400)),
    needed("outcome", String(12)),  # created | updated | unchanged | superseded | refused
    Column("item_id", String(36)),
    Column("version", Integer),
    Column("code", String(64)),
    needed("faults", JSON),
    **CLUSTERED,
)

# The last number of the events of each ente: locked last in a transaction, after that of the items.
event_sequences = Table("event_sequences", metadata, ente(), needed("value", BigInteger))

# The catch-up feed of a vendor, in commit order.
vendor_events = Table(
    "vendor_events",
    metadata,
    ente(),
    key("vendor_id", 64),
    Column("number", BigInteger, primary_key=True),
    needed("event_id", String(36)),
    needed("at", Instant),
    needed("item_id", String(36)),
    needed("event", String(30)),
    needed("data", JSON),
    needed("detail", Boolean),  # for vendors with the right `delivery-detail` alone
    **CLUSTERED,
)
