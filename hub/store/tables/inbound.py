"""What comes in unsigned: how far each source was read, what it had, what could not become an item."""

from sqlalchemy import JSON, Boolean, Column, Index, Integer, LargeBinary, String, Table, false

from .columns import CLUSTERED, Instant, ente, key, metadata, needed, partial_index

# How far a connector has read its source. The memo is sealed under the vault key: it may hold a session's token.
source_positions = Table(
    "source_positions",
    metadata,
    ente(),
    key("connector_id", 64),
    needed("type", String(64)),
    needed("memo_sealed", LargeBinary),
    needed("due_at", Instant),
    needed("failures", Integer),  # in a row
    Column("reason", String(100)),  # of the last failure
    Column("failing_since", Instant),  # since when in a row; without meaning where there are no failures
    Column("read_at", Instant),  # the end of the last round that reached the end of what there was
    needed("taken", Integer),  # since the last such end
    **CLUSTERED,
)

# What a source had, by its own name of it: what has not changed is not written again.
source_records = Table(
    "source_records",
    metadata,
    ente(),
    key("connector_id", 64),
    key("name", 200),
    needed("digest", String(64)),
    needed("version", Integer),  # the last one that the hub gave
    Column("item_id", String(36)),
    **CLUSTERED,
)

# What a source had and seems to have no more, until it was asked about; and for a while what was taken back for that.
missing_records = Table(
    "missing_records",
    metadata,
    ente(),
    key("connector_id", 64),
    key("name", 200),
    needed("since", Instant),
    Column("withdrawn_at", Instant),
    Column("lacked_again", Boolean, nullable=False, server_default=false()),
    **CLUSTERED,
)

quarantine = Table(
    "quarantine",
    metadata,
    ente(),
    key("quarantine_id"),
    needed("connector_id", String(64)),
    needed("name", String(200)),
    needed("collection", String(20)),
    needed("wrong", JSON),  # [{pointer, code, detail}], nothing personal
    Column("raw_sealed", LargeBinary),  # under the vault key, as it is unknown whose it is; gone once decided
    Column("decided", String(12)),  # taken | discarded; without it somebody has still to look
    needed("times", Integer),  # how often it came like this or otherwise wrong
    needed("first_at", Instant),
    needed("last_at", Instant),
    Index("ix_quarantine_last", "ente_id", "last_at"),
)
partial_index("ix_quarantine_open", quarantine, "connector_id", "name", where=quarantine.c.decided.is_(None))

# Addresses to which nothing gets through, by the keyed hash that opt-outs have as well.
dead_addresses = Table(
    "dead_addresses",
    metadata,
    ente(),
    key("address_hash", 64),
    needed("reason", String(100)),
    needed("at", Instant),
    **CLUSTERED,
)

# Whom a channel surely does not reach, by the keyed hash of the hash that its provider gives out: nobody's name can be
# read from it. The row without a person says until when all that changed is known.
unreached = Table(
    "unreached",
    metadata,
    ente(),
    key("connector_id", 64),
    key("scope", 64),
    key("person_hash", 64),
    needed("until", Instant),
    **CLUSTERED,
)
