"""lanes: the breaker and the rate of each connector, priorities and order of deliveries

Only additions, with defaults: the version before works on this schema too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_CLAIMABLE = sa.text("claim_id IS NULL AND (state = 'queued' OR state = 'waiting')")
_ORDERED = sa.text("order_key IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "lanes",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("connector_id", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("open_until", sa.BigInteger(), nullable=True),
        sa.Column("tat", sa.BigInteger(), nullable=True),
        sa.Column("claimed", sa.BigInteger(), nullable=False),
        sa.Column("served_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("ente_id", "connector_id", name=op.f("pk_lanes")),
    )
    op.add_column("deliveries", sa.Column("priority", sa.SmallInteger(), server_default="1", nullable=False))
    op.add_column("deliveries", sa.Column("order_key", sa.String(length=64), nullable=True))
    op.create_index(
        "ix_deliveries_lane",
        "deliveries",
        ["ente_id", "connector_id", "state", "priority", "due_at", "delivery_id"],
        unique=False,
        sqlite_where=_CLAIMABLE,
        postgresql_where=_CLAIMABLE,
    )
    op.create_index(
        "ix_deliveries_order",
        "deliveries",
        ["ente_id", "connector_id", "citizen_id", "order_key", "delivery_id"],
        unique=False,
        sqlite_where=_ORDERED,
        postgresql_where=_ORDERED,
    )
