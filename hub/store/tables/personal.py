"""Citizens and their items. Only `citizens` ties a tax code to a citizen_id."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table

from .columns import CLUSTERED, Instant, ente, key, metadata, needed, partial_index

# The only table that ties a tax code to a citizen_id. Destroying `data_key_sealed` erases all that was sealed with it.
citizens = Table(
    "citizens",
    metadata,
    ente(),
    key("citizen_id"),
    needed("subject_hash", String(64)),
    needed("subject_kind", String(12)),  # person | organization | ente
    needed("tax_code_sealed", LargeBinary),
    needed("data_key_sealed", LargeBinary),
    needed("created_at", Instant),
    Index("ux_citizens_subject", "ente_id", "subject_hash", unique=True),
    **CLUSTERED,
)

# Who an item is, by its vendor's own name. `citizen_id` leads to the partition.
item_identities = Table(
    "item_identities",
    metadata,
    ente(),
    key("vendor_id", 64),
    key("source", 64),
    key("external_id", 400),
    key("collection", 20),
    needed("item_id", String(36)),
    needed("citizen_id", String(36)),
    Index("ux_item_identities_item", "item_id", "ente_id", unique=True),
    **CLUSTERED,
)

items = Table(
    "items",
    metadata,
    ente(),
    key("citizen_id"),
    key("item_id"),
    needed("vendor_id", String(64)),
    needed("source", String(64)),
    needed("collection", String(20)),
    needed("version", Integer),
    needed("content_hash", String(64)),
    needed("lifecycle", String(12)),  # active | withdrawn | restricted | erased
    needed("state", String(30)),
    needed("reported_state", String(30)),  # the source's own word; `state` adds what the hub knows (a receipt, a file)
    needed("turn", String(8)),
    Column("service_id", String(64)),
    needed("sensitivity", String(10)),
    needed("min_loa", Integer),
    needed("hidden", Boolean),  # visible_from is still to come
    Column("visible_from", Instant),
    Column("expires_at", Instant),
    Column("due_at", Instant),
    needed("occurred_at", Instant),
    Column("as_of", Instant),
    needed("received_at", Instant),
    needed("updated_at", Instant),
    Column("notice_key", String(64)),  # keyed hash of (creditor, notice number): ties payment and receipt
    needed("settles", Boolean),  # a receipt of a vendor that may settle the notices of others
    Column("about_item_id", String(36)),  # a message that a rule made: the item it tells about
    Column("content_sha256", String(64)),  # the file of a document, once it is here
    Column("content_key", String(200)),
    needed("sequence", BigInteger),
    Index("ix_items_feed", "ente_id", "citizen_id", "occurred_at", "item_id"),
    Index("ix_items_changes", "ente_id", "citizen_id", "sequence"),
    **CLUSTERED,
)
# Most items are in none of these: a row is indexed only where there is something to find.
partial_index("ix_items_notice", items, "citizen_id", "notice_key", where=items.c.notice_key.is_not(None))
partial_index("ix_items_about", items, "citizen_id", "about_item_id", where=items.c.about_item_id.is_not(None))
partial_index("ix_items_hidden", items, "visible_from", where=items.c.hidden.is_(True))

# Keys that lead with the item's time-ordered id are written at the end of their trees: what is new stays together.
item_versions = Table(
    "item_versions",
    metadata,
    ente(),
    key("item_id"),
    Column("version", Integer, primary_key=True),
    key("citizen_id"),
    needed("content_hash", String(64)),
    needed("payload_sealed", LargeBinary),  # RFC 8785 canonical JSON
    needed("outcome", String(12)),
    needed("received_at", Instant),
)

timeline = Table(
    "timeline",
    metadata,
    ente(),
    key("item_id"),
    key("event_id"),
    key("citizen_id"),
    needed("at", Instant),
    needed("event", String(30)),
    needed("data", JSON),
    **CLUSTERED,
)

user_states = Table(
    "user_states",
    metadata,
    ente(),
    key("citizen_id"),
    key("item_id"),
    Column("read_at", Instant),
    Column("seen_version", Integer),
    Column("archived_at", Instant),
    Column("starred_at", Instant),
    Column("confirmed_at", Instant),
    needed("updated_at", Instant),
    **CLUSTERED,
)

# When the hub looks at an item again by itself: a reminder, the moment when something is due.
agenda = Table(
    "agenda",
    metadata,
    ente(),
    key("citizen_id"),
    key("item_id"),
    key("occasion", 40),
    needed("at", Instant),
    Index("ix_agenda_at", "ente_id", "at"),
    **CLUSTERED,
)

# What a citizen, or a rule in his place, asked of the source of a subscription, and how that ended.
subscription_requests = Table(
    "subscription_requests",
    metadata,
    ente(),
    key("citizen_id"),
    key("item_id"),
    key("request_id"),
    needed("kind", String(10)),  # renew | cancel
    needed("asked_by", String(10)),  # citizen | rule
    needed("state", String(12)),  # pending | accepted | refused | unanswered | closed
    needed("asked_at", Instant),
    needed("answer_by", Instant),
    Column("answered_at", Instant),
    **CLUSTERED,
)

# The copies of an item in the stores of those who hold it as well: each is sealed under its own citizen's key.
item_copies = Table(
    "item_copies",
    metadata,
    ente(),
    key("citizen_id"),
    key("item_id"),
    key("copy_citizen_id"),
    needed("copy_item_id", String(36)),
    Index("ix_item_copies_copy", "ente_id", "copy_citizen_id"),
    **CLUSTERED,
)

# What a citizen switched off: one topic (a service, or `*`) on one channel.
channel_opt_outs = Table(
    "channel_opt_outs",
    metadata,
    ente(),
    key("citizen_id"),
    key("channel", 10),
    key("topic", 64),
    key("address_hash", 64),  # the address that the link was sent to: whoever reads it speaks for no other
    needed("at", Instant),
)
