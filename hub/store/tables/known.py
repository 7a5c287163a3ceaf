"""Who is known, and how connectors are configured."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, LargeBinary, String, Table, Text

from .columns import Instant, ente, key, metadata, needed

enti = Table(
    "enti",
    metadata,
    ente(),
    needed("name", String(200)),
    needed("public_url", String(500)),
    needed("portal_url", String(500)),
    needed("publish_audience", String(500)),
    needed("feed_audience", String(500)),
    Column("pdnd", JSON(none_as_null=True)),
    needed("created_at", Instant),
    Column("ended_at", Instant),  # it left: what it had stays for its time, and nothing comes in or goes out
)

vendors = Table(
    "vendors",
    metadata,
    ente(),
    key("vendor_id", 64),
    needed("name", String(200)),
    needed("trust", String(10)),
    needed("active", Boolean),
    needed("subject", String(200)),
    needed("aliases", JSON),
    needed("collections", JSON),
    needed("services", JSON),
    needed("rights", JSON),
    needed("signature_only", Boolean),
    Column("daily_quota", Integer),
    Column("profile", JSON(none_as_null=True)),
    Column("stage", String(10), nullable=False, server_default="production"),  # or sandbox: to test connectors alone
    needed("created_at", Instant),
    Column("ended_at", Instant),  # it left, for good: `active` is false as well
)

portals = Table(
    "portals",
    metadata,
    ente(),
    key("portal_id", 64),
    needed("name", String(200)),
    needed("active", Boolean),
    needed("scopes", JSON),
    needed("created_at", Instant),
)

# Keys of vendors and portals; `owner` is `vendor:<id>` or `portal:<id>`.
trust_keys = Table(
    "trust_keys",
    metadata,
    ente(),
    key("owner", 80),
    key("key_id"),
    needed("kind", String(20)),
    needed("material", Text),
    Column("kid", String(200)),
    Column("valid_from", Instant),
    Column("valid_to", Instant),
    Column("revoked_at", Instant),
)

# The types of documents (S54); the one named `*` says what becomes of a document of any other.
document_types = Table(
    "document_types",
    metadata,
    ente(),
    key("doc_type", 64),
    needed("record", JSON),
)

services = Table(
    "services",
    metadata,
    ente(),
    key("service_id", 64),
    needed("record", JSON),
    needed("created_at", Instant),
)

# What an administrator decided about a version of the card that a vendor proposed.
service_decisions = Table(
    "service_decisions",
    metadata,
    ente(),
    key("item_id"),
    Column("version", Integer, primary_key=True),
    needed("decision", String(8)),  # accepted | refused
    Column("reason", String(200)),
    needed("decided_by", String(200)),
    needed("decided_at", Instant),
)

# A system of a vendor, as far as an administrator agreed on something about it.
sources = Table(
    "sources",
    metadata,
    ente(),
    key("vendor_id", 64),
    key("source", 64),
    Column("draft_days", Integer),  # a draft is kept so long from its last edit, if longer than all others
    Column("every_s", Integer),  # longest silence agreed on
    Column("heard_at", Instant),  # last sign of life
    needed("heard_number", BigInteger),  # of the vendor's events, the last one looked at
    needed("updated_at", Instant),
)

# What an administrator changed of the rules of notices: the newest version holds, the older ones tell how it came.
notice_rules = Table(
    "notice_rules",
    metadata,
    ente(),
    key("rule", 64),
    Column("version", Integer, primary_key=True),
    needed("record", JSON),  # what differs from the standard rule; empty for the rule as it comes
    needed("author", String(100)),
    needed("changed_at", Instant),
)

# What one can subscribe to, with the rules that hold for its subscriptions: a contracts.SubscriptionService.
subscription_services = Table(
    "subscription_services",
    metadata,
    ente(),
    key("code", 64),
    needed("record", JSON),
    needed("created_at", Instant),
    needed("updated_at", Instant),
)

# An administrator's configuration of a connector type for one ente. Secrets are sealed under the vault key.
connectors = Table(
    "connectors",
    metadata,
    ente(),
    key("connector_id", 64),
    needed("type", String(64)),
    needed("status", String(10)),  # active | paused
    Column("paused_reason", String(200)),
    needed("settings_sealed", LargeBinary),
    needed("limits", JSON),
    needed("version", Integer),
    needed("updated_at", Instant),
    Column("follows", JSON(none_as_null=True)),  # which events of items it is told; no filter: it follows none
    Column("content_version", Integer),  # of `connector_versions`: the one in force
    Column("environment", String(10), nullable=False, server_default="production"),  # or test
    Column("overrides_sealed", LargeBinary),  # settings of single services
)

# An ente's clients at PDND. The private key is sealed under the vault key, or is elsewhere and only named.
pdnd_clients = Table(
    "pdnd_clients",
    metadata,
    ente(),
    key("name", 64),
    needed("kind", String(10)),  # api | consumer
    needed("client_id", String(36)),
    needed("kid", String(200)),
    needed("token_url", String(500)),
    needed("audience", String(500)),
    Column("purpose_id", String(36)),
    needed("bound", Boolean),
    Column("key_reference", String(500)),
    Column("key_sealed", LargeBinary),
    needed("updated_at", Instant),
    Column("certificate_sealed", LargeBinary),  # the client certificate of its connections, with its key
    Column("certificate_reference", String(500)),
)

# Vouchers that every process may use, and whose turn it is to renew one. They are short-lived and may all be lost.
pdnd_vouchers = Table(
    "pdnd_vouchers",
    metadata,
    ente(),
    key("voucher_key", 64),
    Column("voucher_sealed", LargeBinary),
    needed("renew_at", Instant),
    needed("expires_at", Instant),
    needed("busy_until", Instant),
    Column("problem", String(60)),
)

# Counters that tell caches to look again: `trust`, `connectors`, `pdnd_clients`.
versions = Table("versions", metadata, key("name", 20), needed("value", BigInteger))

# The last sequence number of each ente: locked last in a transaction, so that its order is commit order.
sequences = Table("sequences", metadata, ente(), needed("value", BigInteger))
