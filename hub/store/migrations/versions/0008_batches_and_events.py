"""batches: what was accepted together, the outcome of each item, and the events that vendors read

Only additions: the version before works on this schema too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_RUNNING = sa.text("state = 'running'")


def upgrade() -> None:
    op.create_table(
        "batches",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("batch_id", sa.String(length=36), nullable=False),
        sa.Column("vendor_id", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("signer", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("body_digest", sa.String(length=60), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("correlation_id", sa.String(length=64), nullable=False),
        sa.Column("reply_to", sa.String(length=2000), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("ente_id", "batch_id", name=op.f("pk_batches")),
    )
    op.create_index("ix_batches_finished", "batches", ["ente_id", "finished_at"], unique=False)
    op.create_index(
        "ix_batches_running",
        "batches",
        ["ente_id", "vendor_id", "batch_id"],
        unique=False,
        sqlite_where=_RUNNING,
        postgresql_where=_RUNNING,
    )
    op.create_table(
        "batch_items",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("batch_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("collection", sa.String(length=20), nullable=True),
        sa.Column("external_id", sa.String(length=400), nullable=True),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("item_id", sa.String(length=36), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("faults", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "batch_id", "position", name=op.f("pk_batch_items")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "event_sequences",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", name=op.f("pk_event_sequences")),
    )
    op.create_table(
        "vendor_events",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("vendor_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("item_id", sa.String(length=36), nullable=False),
        sa.Column("event", sa.String(length=30), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("detail", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "vendor_id", "number", name=op.f("pk_vendor_events")),
        sqlite_with_rowid=False,
    )
