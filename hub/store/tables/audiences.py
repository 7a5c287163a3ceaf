"""What is done with all subscribers of a subscription service: broadcasts, published ranked lists."""

from sqlalchemy import JSON, Boolean, Column, Index, Integer, LargeBinary, String, Table

from .columns import CLUSTERED, Instant, ente, key, metadata, needed, partial_index

# The cursor and what was written up to it are one commit: whoever goes on after a crash doubles nothing.
broadcasts = Table(
    "broadcasts",
    metadata,
    ente(),
    key("broadcast_id"),
    needed("code", String(64)),  # of the subscription service
    needed("content_sealed", LargeBinary),  # a contracts.Broadcast, under the vault key
    needed("state", String(10)),  # running | stopped | done
    needed("expected", Integer),  # persons, counted when it began
    needed("written", Integer),
    needed("failed", Integer),
    needed("cursor_citizen", String(36)),
    needed("cursor_item", String(36)),
    needed("created_at", Instant),
    needed("paced_at", Instant),  # from when on the next ones may be written
    Column("ended_at", Instant),
)
partial_index("ix_broadcasts_running", broadcasts, "created_at", where=broadcasts.c.state == "running")

# A list as it was frozen. No citizen and no item stands in it: a pseudonym is a keyed hash of list and subscription.
ranked_lists = Table(
    "ranked_lists",
    metadata,
    ente(),
    key("list_id"),
    needed("code", String(64)),
    needed("title", String(200)),
    needed("state", String(10)),  # draft | published | withdrawn
    needed("columns", JSON),  # the order keys
    needed("corrections", JSON),  # [{"at", "reason", "changed"}], oldest first
    needed("frozen_at", Instant),
    Column("published_at", Instant),
    Column("until", Instant),
    Column("withdrawn_at", Instant),
    Index("ix_ranked_lists_code", "ente_id", "code"),
)

ranked_entries = Table(
    "ranked_entries",
    metadata,
    ente(),
    key("list_id"),
    key("pseudonym", 16),
    needed("position", Integer),
    needed("state", String(30)),
    needed("tied", Boolean),  # only the lot decides between it and the one before
    needed("shown", JSON),  # numbers by order key
    Index("ix_ranked_entries_position", "ente_id", "list_id", "position"),
    **CLUSTERED,
)
