"""The outbox: deliveries and their attempts."""

from sqlalchemy import JSON, Boolean, Column, Index, Integer, String, Table

from .columns import CLUSTERED, Instant, ente, key, metadata, needed, partial_index

# One row a message and connector. `claim_id` is the fencing token of whoever works on it until `lease_until`.
deliveries = Table(
    "deliveries",
    metadata,
    ente(),
    key("delivery_id"),
    needed("citizen_id", String(36)),
    needed("message_id", String(36)),
    needed("connector_id", String(64)),
    needed("channel", String(10)),
    needed("state", String(12)),
    Column("reason", String(100)),
    needed("due_at", Instant),
    needed("expires_at", Instant),
    needed("attempts", Integer),
    needed("claims", Integer),  # claims in a row without a result: poison is parked
    Column("claim_id", String(36)),
    Column("lease_until", Instant),
    Column("about_to_send_at", Instant),  # the mark before an unsafe step
    needed("maybe_sent", Boolean),  # bytes may have left in some attempt, whatever the later ones show
    needed("unsafe", Boolean),  # the next step is an unsafe one
    needed("memo", JSON),
    Column("provider_id", String(200)),
    needed("created_at", Instant),
    needed("updated_at", Instant),
    Index("ix_deliveries_due", "ente_id", "state", "due_at"),
    Index("ix_deliveries_message", "ente_id", "message_id"),
    **CLUSTERED,
)
partial_index("ix_deliveries_lease", deliveries, "lease_until", where=deliveries.c.lease_until.is_not(None))

attempts = Table(
    "attempts",
    metadata,
    ente(),
    key("delivery_id"),
    key("claim_id"),
    needed("started_at", Instant),
    Column("ended_at", Instant),
    Column("outcome", String(12)),
    Column("reason", String(100)),
    Column("detail", String(500)),
    **CLUSTERED,
)
