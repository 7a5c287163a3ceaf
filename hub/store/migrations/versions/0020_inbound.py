"""what comes in unsigned: positions, records, quarantine; dead addresses; deliveries by their provider's name

Only additions: the version before works on this schema too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "source_positions",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("connector_id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("memo_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=100), nullable=True),
        sa.Column("read_at", sa.BigInteger(), nullable=True),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "connector_id", name=op.f("pk_source_positions")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "source_records",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("connector_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.String(length=36), nullable=True),
        sa.PrimaryKeyConstraint("ente_id", "connector_id", "name", name=op.f("pk_source_records")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "quarantine",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("quarantine_id", sa.String(length=36), nullable=False),
        sa.Column("connector_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("collection", sa.String(length=20), nullable=False),
        sa.Column("wrong", sa.JSON(), nullable=False),
        sa.Column("raw_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("decided", sa.String(length=12), nullable=True),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "quarantine_id", name=op.f("pk_quarantine")),
    )
    op.create_index("ix_quarantine_last", "quarantine", ["ente_id", "last_at"], unique=False)
    op.create_index(
        "ix_quarantine_open",
        "quarantine",
        ["ente_id", "connector_id", "name"],
        unique=False,
        sqlite_where=sa.text("decided IS NULL"),
        postgresql_where=sa.text("decided IS NULL"),
    )
    op.create_table(
        "dead_addresses",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=100), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "address_hash", name=op.f("pk_dead_addresses")),
        sqlite_with_rowid=False,
    )
    given = sa.text("provider_id IS NOT NULL")
    op.create_index(
        "ix_deliveries_provider",
        "deliveries",
        ["ente_id", "connector_id", "provider_id"],
        unique=False,
        sqlite_where=given,
        postgresql_where=given,
    )
