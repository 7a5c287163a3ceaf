"""service_decisions, sources, findings: what administrators agree on, and what falls short of it

Only additions: the version before works on this schema too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "service_decisions",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("item_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("decision", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "item_id", "version", name=op.f("pk_service_decisions")),
    )
    op.create_table(
        "sources",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("vendor_id", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("draft_days", sa.Integer(), nullable=True),
        sa.Column("every_s", sa.Integer(), nullable=True),
        sa.Column("heard_at", sa.BigInteger(), nullable=True),
        sa.Column("heard_number", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "vendor_id", "source", name=op.f("pk_sources")),
    )
    op.create_table(
        "findings",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("citizen_id", sa.String(length=36), nullable=False),
        sa.Column("item_id", sa.String(length=36), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("criterion", sa.String(length=12), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "citizen_id", "item_id", "code", name=op.f("pk_findings")),
        sqlite_with_rowid=False,
    )
