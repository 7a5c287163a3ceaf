"""The outbox: deliveries, their attempts, and the lanes they go out by."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnClause,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    literal_column,
    or_,
)

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
    Column("priority", SmallInteger, nullable=False, server_default="1"),  # 0 urgent, 1 normal, 2 bulk
    Column("fallback", JSON(none_as_null=True)),  # what is begun, in turn, where this one does not reach
    Column("order_key", String(64)),  # of vendor and service, where one citizen's notices go in order
    Column("follow_up_at", Instant),  # when to ask what became of one that was delivered
    Index("ix_deliveries_due", "ente_id", "state", "due_at"),
    Index("ix_deliveries_message", "ente_id", "message_id"),
    **CLUSTERED,
)
partial_index("ix_deliveries_lease", deliveries, "lease_until", where=deliveries.c.lease_until.is_not(None))
partial_index("ix_deliveries_follow_up", deliveries, "follow_up_at", where=deliveries.c.follow_up_at.is_not(None))

# Literals and no parameters: SQLite takes a partial index only where the query says what the index says.
QUEUED: ColumnClause[str] = literal_column("'queued'")
WAITING: ColumnClause[str] = literal_column("'waiting'")
HELD: ColumnClause[str] = literal_column("'held'")
claimable = deliveries.c.claim_id.is_(None) & or_(deliveries.c.state == QUEUED, deliveries.c.state == WAITING)
expirable = deliveries.c.claim_id.is_(None) & or_(deliveries.c.state == QUEUED, deliveries.c.state == HELD)
partial_index("ix_deliveries_expiry", deliveries, "expires_at", where=expirable)
partial_index(
    # With the id: what a pause held is due at one moment, and PostgreSQL would sort all of it for each claim.
    "ix_deliveries_lane",
    deliveries,
    "connector_id",
    "state",
    "priority",
    "due_at",
    "delivery_id",
    where=claimable,
)
partial_index(
    "ix_deliveries_order",
    deliveries,
    "connector_id",
    "citizen_id",
    "order_key",
    "delivery_id",
    where=deliveries.c.order_key.is_not(None),
)

partial_index(
    "ix_deliveries_provider",
    deliveries,
    "connector_id",
    "provider_id",
    where=deliveries.c.provider_id.is_not(None),
)

# A lane is one connector of one ente: its breaker and its rate, for all workers. Made with the first claim.
lanes = Table(
    "lanes",
    metadata,
    ente(),
    key("connector_id", 64),
    needed("failures", Integer),  # in a row
    needed("opened", Integer),  # times in a row, without an answer in between
    Column("open_until", Instant),  # open before it, half-open from then on, closed without it
    Column("tat", Instant),  # GCRA's theoretical arrival time
    needed("claimed", BigInteger),  # claims ever made
    Column("served_at", Instant),
)

attempts = Table(
    "attempts",
    metadata,
    ente(),
    key("delivery_id"),
    key("claim_id"),
    needed("started_at", Instant),
    Column("ended_at", Instant),
    Column("outcome", String(20)),
    Column("reason", String(100)),
    Column("detail", String(500)),
    **CLUSTERED,
)

# The calls of the last attempt that did not deliver, under the citizen's key: what a replay is compared with.
delivery_requests = Table(
    "delivery_requests",
    metadata,
    ente(),
    key("delivery_id"),
    needed("citizen_id", String(36)),
    needed("at", Instant),
    needed("request_sealed", LargeBinary),
    Index("ix_delivery_requests_at", "ente_id", "at"),
)
