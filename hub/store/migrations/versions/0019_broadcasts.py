"""broadcasts to subscribers, ranked lists of them

Only additions: the version before works on this schema too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "broadcasts",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("broadcast_id", sa.String(length=36), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("written", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("cursor_citizen", sa.String(length=36), nullable=False),
        sa.Column("cursor_item", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("paced_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("ente_id", "broadcast_id", name=op.f("pk_broadcasts")),
    )
    running = sa.text("state = 'running'")
    op.create_index(
        "ix_broadcasts_running",
        "broadcasts",
        ["ente_id", "created_at"],
        unique=False,
        sqlite_where=running,
        postgresql_where=running,
    )
    op.create_table(
        "ranked_lists",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("list_id", sa.String(length=36), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("corrections", sa.JSON(), nullable=False),
        sa.Column("frozen_at", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("ente_id", "list_id", name=op.f("pk_ranked_lists")),
    )
    op.create_index("ix_ranked_lists_code", "ranked_lists", ["ente_id", "code"], unique=False)
    op.create_table(
        "ranked_entries",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("list_id", sa.String(length=36), nullable=False),
        sa.Column("pseudonym", sa.String(length=16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=30), nullable=False),
        sa.Column("tied", sa.Boolean(), nullable=False),
        sa.Column("shown", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "list_id", "pseudonym", name=op.f("pk_ranked_entries")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_ranked_entries_position", "ranked_entries", ["ente_id", "list_id", "position"], unique=False)
