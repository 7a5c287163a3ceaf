"""What the citizens' rights need: how long things are kept, which requests are open."""

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table

from .columns import Instant, ente, key, metadata, needed

# How long the items of a collection are kept once closed. No row: the default; no months: until a period is set.
retentions = Table(
    "retentions",
    metadata,
    ente(),
    key("collection", 20),
    Column("months", Integer),
    needed("updated_at", Instant),
)

# Requests of data subjects (GDPR art. 12(3)). Days are written as YYYY-MM-DD.
rights_requests = Table(
    "rights_requests",
    metadata,
    ente(),
    key("request_id"),
    needed("kind", String(20)),
    Column("citizen_id", String(36)),  # none where nothing is held about whoever asks
    needed("received_on", String(10)),
    needed("due_on", String(10)),
    Column("closed_at", Instant),
    Column("outcome", String(20)),
    Column("portal_id", String(64)),  # through which the citizen filed it; none where an administrator noted it
    Column("delegation_id", String(36)),  # under which another filed it for the citizen
    Column("item_id", String(36)),  # what it is about
    Column("min_loa", Integer, nullable=False, server_default="2"),  # that of the item
    Column("text_sealed", LargeBinary),  # what was asked, and what was answered, under the citizen's key
    Column("answer_sealed", LargeBinary),
    Column("erasure_ordered_at", Instant),
    Column("erasure_despite", String(300)),  # why, though there is a duty to keep
    Column("erased_at", Instant),  # when the order was carried out
    Index("ix_rights_requests_citizen_id", "ente_id", "citizen_id"),
)

# Who may act for whom in the feed; both are citizens by their random ids.
delegations = Table(
    "delegations",
    metadata,
    ente(),
    key("delegation_id"),
    needed("citizen_id", String(36)),  # who gave it
    needed("delegate_id", String(36)),
    needed("valid_from", Instant),
    needed("valid_to", Instant),
    Column("ended_at", Instant),
    Index("ix_delegations_citizen_id", "ente_id", "citizen_id"),
)
