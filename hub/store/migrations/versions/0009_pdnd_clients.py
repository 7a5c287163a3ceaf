"""clients of the enti at PDND: their credentials, and the vouchers that several processes share

Only additions: the version before works on this schema too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "pdnd_clients",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("client_id", sa.String(length=36), nullable=False),
        sa.Column("kid", sa.String(length=200), nullable=False),
        sa.Column("token_url", sa.String(length=500), nullable=False),
        sa.Column("audience", sa.String(length=500), nullable=False),
        sa.Column("purpose_id", sa.String(length=36), nullable=True),
        sa.Column("bound", sa.Boolean(), nullable=False),
        sa.Column("key_reference", sa.String(length=500), nullable=True),
        sa.Column("key_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "name", name=op.f("pk_pdnd_clients")),
    )
    op.create_table(
        "pdnd_vouchers",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("voucher_key", sa.String(length=64), nullable=False),
        sa.Column("voucher_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("renew_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("busy_until", sa.BigInteger(), nullable=False),
        sa.Column("problem", sa.String(length=60), nullable=True),
        sa.PrimaryKeyConstraint("ente_id", "voucher_key", name=op.f("pk_pdnd_vouchers")),
    )
