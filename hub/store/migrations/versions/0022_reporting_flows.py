"""reporting flows of pagoPA, and items by their notice

Only additions: the version before works on this schema too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.create_table(
        "reporting_flows",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("psp_id", sa.String(length=35), nullable=False),
        sa.Column("flow", sa.String(length=35), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("creditor_tax_code", sa.String(length=11), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("regulation", sa.String(length=35), nullable=False),
        sa.Column("regulation_date", sa.String(length=10), nullable=False),
        sa.Column("total_count", sa.Integer(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "psp_id", "flow", "revision", name=op.f("pk_reporting_flows")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_reporting_flows_regulation_date", "reporting_flows", ["ente_id", "regulation_date"], unique=False
    )
    op.create_table(
        "reported_payments",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("psp_id", sa.String(length=35), nullable=False),
        sa.Column("flow", sa.String(length=35), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("iuv_hash", sa.String(length=64), nullable=False),
        sa.Column("names_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("transfer", sa.Integer(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("paid_on", sa.String(length=10), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "psp_id", "flow", "revision", "number", name=op.f("pk_reported_payments")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_reported_payments_paid_on", "reported_payments", ["ente_id", "paid_on"], unique=False)
    op.create_index("ix_reported_payments_iuv", "reported_payments", ["ente_id", "iuv_hash"], unique=False)
    named = sa.text("notice_key IS NOT NULL")
    op.create_index(
        "ix_items_by_notice",
        "items",
        ["ente_id", "notice_key"],
        unique=False,
        sqlite_where=named,
        postgresql_where=named,
    )
