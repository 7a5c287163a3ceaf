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
    # Of a payment whose pagoPA notice others published too (`settled` 14): the one that the feed shows for all of them.
    Column("folded_into", String(36)),
    Column("own_state", String(30)),  # of that one: its own state where that of all of them together is another
    Column("cost_cents", BigInteger),  # of a payment: what a legal notification adds to its notice
    Column("cost_at", Instant),  # when that was heard
    needed("sequence", BigInteger),
    Index("ix_items_feed", "ente_id", "citizen_id", "occurred_at", "item_id"),
    Index("ix_items_changes", "ente_id", "citizen_id", "sequence"),
    **CLUSTERED,
)
# Most items are in none of these: a row is indexed only where there is something to find.
partial_index("ix_items_notice", items, "citizen_id", "notice_key", where=items.c.notice_key.is_not(None))
# From a notice to whoever owes it: a provider that calls knows the notice alone.
partial_index("ix_items_by_notice", items, "notice_key", where=items.c.notice_key.is_not(None))
partial_index("ix_items_about", items, "citizen_id", "about_item_id", where=items.c.about_item_id.is_not(None))
partial_index("ix_items_hidden", items, "visible_from", where=items.c.hidden.is_(True))

# Joins an item and its name.
same_item = (
    (item_identities.c.ente_id == items.c.ente_id)
    & (item_identities.c.citizen_id == items.c.citizen_id)
    & (item_identities.c.item_id == items.c.item_id)
)

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

# In what an application falls short of the model of municipal services (C.SE.1.9, C.SE.1.10), as its last version says.
findings = Table(
    "findings",
    metadata,
    ente(),
    key("citizen_id"),
    key("item_id"),
    key("code", 40),
    needed("criterion", String(12)),
    Column("days", Integer),  # by how many days a term is exceeded
    needed("found_at", Instant),
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

# What a citizen switched off: one topic (a service, `*` for none, `**` for all) on one channel.
channel_opt_outs = Table(
    "channel_opt_outs",
    metadata,
    ente(),
    key("citizen_id"),
    key("channel", 10),
    key("topic", 64),
    key(
        "address_hash", 64
    ),  # that the link was sent to: whoever reads it speaks for no other; `*`: said when logged in
    needed("at", Instant),
)

# How a citizen wishes to be told, as far as it is no opt-out: JSON under the citizen's own key.
preferences = Table(
    "preferences",
    metadata,
    ente(),
    key("citizen_id"),
    needed("record_sealed", LargeBinary),
    needed("updated_at", Instant),
    **CLUSTERED,
)

# Where a citizen can be reached. Only what was verified is written to; the value is sealed under the citizen's own key.
citizen_contacts = Table(
    "citizen_contacts",
    metadata,
    ente(),
    key("citizen_id"),
    key("contact_id"),
    needed("kind", String(10)),  # email
    needed("value_sealed", LargeBinary),
    needed("value_hash", String(64)),  # keyed hash of the address, as in channel_opt_outs
    Column("verified_at", Instant),
    needed("source", String(64)),  # who gave it: `citizen`, or a register
    needed("updated_at", Instant),
    **CLUSTERED,
)

# What items other than messages are tied to, by the vendor's own names, so that a tie is found from both its ends.
item_links = Table(
    "item_links",
    metadata,
    ente(),
    key("citizen_id"),
    key("from_item_id"),
    key("rel", 20),
    key("external_id", 400),
    needed("vendor_id", String(64)),
    needed("source", String(64)),
    Index("ix_item_links_to", "ente_id", "vendor_id", "source", "external_id"),
    **CLUSTERED,
)

# Files that stay where the vendor keeps them (`content_url`), and what the hub found when it last looked.
referenced_files = Table(
    "referenced_files",
    metadata,
    ente(),
    key("citizen_id"),
    key("item_id"),
    needed("host", String(260)),
    needed("state", String(12)),  # unchecked | alive | changed | dead
    Column("problem", String(40)),
    needed("failures", Integer),
    Column("failed_since", Instant),
    Column("checked_at", Instant),
    Column("wanted_at", Instant),  # since when somebody should look
    **CLUSTERED,
)
partial_index(
    "ix_referenced_files_wanted", referenced_files, "wanted_at", where=referenced_files.c.wanted_at.is_not(None)
)
partial_index(
    "ix_referenced_files_bad", referenced_files, "failed_since", where=referenced_files.c.failed_since.is_not(None)
)
