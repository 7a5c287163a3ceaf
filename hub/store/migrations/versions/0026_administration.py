"""administrators and their sessions, versions of connectors, stages of vendors, acts in the access log

Only additions: the version before works on this schema too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.create_table(
        "administrators",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("administrator_id", sa.String(length=36), nullable=False),
        sa.Column("username", sa.String(length=100), nullable=False),
        sa.Column("display_name", sa.String(length=120), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("provider_id", sa.String(length=64), nullable=True),
        sa.Column("subject", sa.String(length=255), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "administrator_id", name=op.f("pk_administrators")),
    )
    op.create_index("ux_administrators_username", "administrators", ["username"], unique=True)
    op.create_table(
        "admin_sessions",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("session_hash", sa.String(length=64), nullable=False),
        sa.Column("administrator_id", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("ente_id", "session_hash", name=op.f("pk_admin_sessions")),
    )
    op.create_index("ux_admin_sessions_hash", "admin_sessions", ["session_hash"], unique=True)
    op.create_table(
        "sign_in_attempts",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("name_hash", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "name_hash", name=op.f("pk_sign_in_attempts")),
    )
    op.create_table(
        "identity_providers",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("provider_id", sa.String(length=64), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("client_id", sa.String(length=200), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("redirect_uri", sa.String(length=500), nullable=False),
        sa.Column("scope", sa.String(length=200), nullable=False),
        sa.Column("role_claim", sa.String(length=200), nullable=False),
        sa.Column("role_map", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "provider_id", name=op.f("pk_identity_providers")),
    )
    op.create_index("ux_identity_providers_name", "identity_providers", ["provider_id"], unique=True)
    op.create_table(
        "provider_logins",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("provider_id", sa.String(length=64), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("verifier_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "state_hash", name=op.f("pk_provider_logins")),
    )
    op.create_index("ux_provider_logins_state", "provider_logins", ["state_hash"], unique=True)
    op.create_table(
        "connector_versions",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("connector_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("settings_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("overrides_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("checked_at", sa.BigInteger(), nullable=True),
        sa.Column("check_outcome", sa.String(length=10), nullable=True),
        sa.Column("check_reason", sa.String(length=100), nullable=True),
        sa.Column("activated_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("ente_id", "connector_id", "version", name=op.f("pk_connector_versions")),
    )
    op.create_table(
        "conformance_reports",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("vendor_id", sa.String(length=64), nullable=False),
        sa.Column("report_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("tried", sa.String(length=500), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "vendor_id", "report_id", name=op.f("pk_conformance_reports")),
    )
    op.add_column("connectors", sa.Column("content_version", sa.Integer(), nullable=True))
    op.add_column(
        "connectors", sa.Column("environment", sa.String(length=10), nullable=False, server_default="production")
    )
    op.add_column("connectors", sa.Column("overrides_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("vendors", sa.Column("stage", sa.String(length=10), nullable=False, server_default="production"))
    op.add_column("access_log", sa.Column("act", sa.JSON(), nullable=True))
    acts = sa.text("act IS NOT NULL")
    op.create_index(
        "ix_access_log_acts",
        "access_log",
        ["ente_id", "at", "access_id"],
        unique=False,
        sqlite_where=acts,
        postgresql_where=acts,
    )
