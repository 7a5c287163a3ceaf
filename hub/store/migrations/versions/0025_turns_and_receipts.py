"""turns among those who share a rate; the signed receipts of deliveries

Only additions: the version before works on this schema too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.create_table(
        "turns",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("connector_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("free_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "connector_id", "name", name=op.f("pk_turns")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "delivery_proofs",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("delivery_id", sa.String(length=36), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("event", sa.String(length=20), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("proof_sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "delivery_id", "sha256", name=op.f("pk_delivery_proofs")),
    )
