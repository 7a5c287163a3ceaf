"""delivery_requests: what the last attempt of a delivery asked of its provider

Only an addition: the version before works on this schema too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "delivery_requests",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("delivery_id", sa.String(length=36), nullable=False),
        sa.Column("citizen_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("request_sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "delivery_id", name=op.f("pk_delivery_requests")),
    )
    op.create_index("ix_delivery_requests_at", "delivery_requests", ["ente_id", "at"], unique=False)
