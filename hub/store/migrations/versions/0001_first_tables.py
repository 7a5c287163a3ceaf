"""first tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "access_log",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("access_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("portal_id", sa.String(length=64), nullable=False),
        sa.Column("citizen_id", sa.String(length=36), nullable=True),
        sa.Column("pseudonym", sa.String(length=200), nullable=False),
        sa.Column("acr", sa.String(length=100), nullable=False),
        sa.Column("operation", sa.String(length=60), nullable=False),
        sa.Column("outcome", sa.String(length=64), nullable=False),
        sa.Column("item_id", sa.String(length=36), nullable=True),
        sa.Column("row_hash", sa.String(length=64), nullable=False),
        sa.Column("writer_id", sa.String(length=36), nullable=False),
        sa.Column("root_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "access_id", name=op.f("pk_access_log")),
    )
    op.create_index("ix_access_log_citizen", "access_log", ["ente_id", "citizen_id", "at"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("delivery_id", sa.String(length=36), nullable=False),
        sa.Column("claim_id", sa.String(length=36), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=12), nullable=True),
        sa.Column("reason", sa.String(length=100), nullable=True),
        sa.Column("detail", sa.String(length=500), nullable=True),
        sa.PrimaryKeyConstraint("ente_id", "delivery_id", "claim_id", name=op.f("pk_attempts")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "chain_roots",
        sa.Column("writer_id", sa.String(length=36), nullable=False),
        sa.Column("root_number", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("writer_id", "root_number", name=op.f("pk_chain_roots")),
    )
    op.create_table(
        "channel_opt_outs",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("citizen_id", sa.String(length=36), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("topic", sa.String(length=64), nullable=False),
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "ente_id", "citizen_id", "channel", "topic", "address_hash", name=op.f("pk_channel_opt_outs")
        ),
    )
    op.create_table(
        "citizens",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("citizen_id", sa.String(length=36), nullable=False),
        sa.Column("subject_hash", sa.String(length=64), nullable=False),
        sa.Column("subject_kind", sa.String(length=12), nullable=False),
        sa.Column("tax_code_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("data_key_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "citizen_id", name=op.f("pk_citizens")),
        sqlite_with_rowid=False,
    )
    op.create_index("ux_citizens_subject", "citizens", ["ente_id", "subject_hash"], unique=True)
    op.create_table(
        "connectors",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("connector_id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("paused_reason", sa.String(length=200), nullable=True),
        sa.Column("settings_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "connector_id", name=op.f("pk_connectors")),
    )
    op.create_table(
        "deliveries",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("delivery_id", sa.String(length=36), nullable=False),
        sa.Column("citizen_id", sa.String(length=36), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("connector_id", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=100), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("claim_id", sa.String(length=36), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("about_to_send_at", sa.BigInteger(), nullable=True),
        sa.Column("maybe_sent", sa.Boolean(), nullable=False),
        sa.Column("unsafe", sa.Boolean(), nullable=False),
        sa.Column("memo", sa.JSON(), nullable=False),
        sa.Column("provider_id", sa.String(length=200), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "delivery_id", name=op.f("pk_deliveries")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_deliveries_due", "deliveries", ["ente_id", "state", "due_at"], unique=False)
    op.create_index(
        "ix_deliveries_lease",
        "deliveries",
        ["ente_id", "lease_until"],
        unique=False,
        sqlite_where=sa.text("lease_until IS NOT NULL"),
        postgresql_where=sa.text("lease_until IS NOT NULL"),
    )
    op.create_index("ix_deliveries_message", "deliveries", ["ente_id", "message_id"], unique=False)
    op.create_table(
        "enti",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("public_url", sa.String(length=500), nullable=False),
        sa.Column("portal_url", sa.String(length=500), nullable=False),
        sa.Column("publish_audience", sa.String(length=500), nullable=False),
        sa.Column("feed_audience", sa.String(length=500), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", name=op.f("pk_enti")),
    )
    op.create_table(
        "evidence",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("evidence_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("operation", sa.String(length=60), nullable=False),
        sa.Column("vendor_id", sa.String(length=64), nullable=True),
        sa.Column("signer", sa.String(length=200), nullable=True),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("cause", sa.String(length=300), nullable=True),
        sa.Column("body_sha256", sa.String(length=64), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("tokens", sa.JSON(), nullable=False),
        sa.Column("citizen_id", sa.String(length=36), nullable=True),
        sa.Column("item_id", sa.String(length=36), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("row_hash", sa.String(length=64), nullable=False),
        sa.Column("writer_id", sa.String(length=36), nullable=False),
        sa.Column("root_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "evidence_id", name=op.f("pk_evidence")),
    )
    op.create_table(
        "item_identities",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("vendor_id", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("external_id", sa.String(length=400), nullable=False),
        sa.Column("collection", sa.String(length=20), nullable=False),
        sa.Column("item_id", sa.String(length=36), nullable=False),
        sa.Column("citizen_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint(
            "ente_id", "vendor_id", "source", "external_id", "collection", name=op.f("pk_item_identities")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ux_item_identities_item_id", "item_identities", ["ente_id", "item_id"], unique=True)
    op.create_table(
        "item_versions",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("item_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("citizen_id", sa.String(length=36), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("payload_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "item_id", "version", "citizen_id", name=op.f("pk_item_versions")),
    )
    op.create_table(
        "items",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("citizen_id", sa.String(length=36), nullable=False),
        sa.Column("item_id", sa.String(length=36), nullable=False),
        sa.Column("vendor_id", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("collection", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("lifecycle", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=30), nullable=False),
        sa.Column("reported_state", sa.String(length=30), nullable=False),
        sa.Column("turn", sa.String(length=8), nullable=False),
        sa.Column("service_id", sa.String(length=64), nullable=True),
        sa.Column("sensitivity", sa.String(length=10), nullable=False),
        sa.Column("min_loa", sa.Integer(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("visible_from", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("notice_key", sa.String(length=64), nullable=True),
        sa.Column("settles", sa.Boolean(), nullable=False),
        sa.Column("about_item_id", sa.String(length=36), nullable=True),
        sa.Column("content_sha256", sa.String(length=64), nullable=True),
        sa.Column("content_key", sa.String(length=200), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "citizen_id", "item_id", name=op.f("pk_items")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_items_about",
        "items",
        ["ente_id", "citizen_id", "about_item_id"],
        unique=False,
        sqlite_where=sa.text("about_item_id IS NOT NULL"),
        postgresql_where=sa.text("about_item_id IS NOT NULL"),
    )
    op.create_index("ix_items_changes", "items", ["ente_id", "citizen_id", "sequence"], unique=False)
    op.create_index("ix_items_feed", "items", ["ente_id", "citizen_id", "occurred_at", "item_id"], unique=False)
    op.create_index(
        "ix_items_hidden",
        "items",
        ["ente_id", "visible_from"],
        unique=False,
        sqlite_where=sa.text("hidden IS 1"),
        postgresql_where=sa.text("hidden IS true"),
    )
    op.create_index(
        "ix_items_notice",
        "items",
        ["ente_id", "citizen_id", "notice_key"],
        unique=False,
        sqlite_where=sa.text("notice_key IS NOT NULL"),
        postgresql_where=sa.text("notice_key IS NOT NULL"),
    )
    op.create_table(
        "portals",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("portal_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "portal_id", name=op.f("pk_portals")),
    )
    op.create_table(
        "quota_usage",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("vendor_id", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "vendor_id", "day", name=op.f("pk_quota_usage")),
    )
    op.create_table(
        "replays",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("token", sa.LargeBinary(length=16), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "token", name=op.f("pk_replays")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_replays_used_at", "replays", ["used_at"], unique=False)
    op.create_table(
        "sequences",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", name=op.f("pk_sequences")),
    )
    op.create_table(
        "services",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("service_id", sa.String(length=64), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "service_id", name=op.f("pk_services")),
    )
    op.create_table(
        "timeline",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("item_id", sa.String(length=36), nullable=False),
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("citizen_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(length=30), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "item_id", "event_id", "citizen_id", name=op.f("pk_timeline")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "trust_keys",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=False),
        sa.Column("key_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("material", sa.Text(), nullable=False),
        sa.Column("kid", sa.String(length=200), nullable=True),
        sa.Column("valid_from", sa.BigInteger(), nullable=True),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("ente_id", "owner", "key_id", name=op.f("pk_trust_keys")),
    )
    op.create_table(
        "user_states",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("citizen_id", sa.String(length=36), nullable=False),
        sa.Column("item_id", sa.String(length=36), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=True),
        sa.Column("seen_version", sa.Integer(), nullable=True),
        sa.Column("archived_at", sa.BigInteger(), nullable=True),
        sa.Column("starred_at", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "citizen_id", "item_id", name=op.f("pk_user_states")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "vendors",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("vendor_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("trust", sa.String(length=10), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("aliases", sa.JSON(), nullable=False),
        sa.Column("collections", sa.JSON(), nullable=False),
        sa.Column("services", sa.JSON(), nullable=False),
        sa.Column("rights", sa.JSON(), nullable=False),
        sa.Column("signature_only", sa.Boolean(), nullable=False),
        sa.Column("daily_quota", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "vendor_id", name=op.f("pk_vendors")),
    )
    op.create_table(
        "versions",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_versions")),
    )
