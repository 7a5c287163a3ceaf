"""verification patterns: profiles of vendors, the ente's e-service at PDND, messages that may arrive again

Only additions: the version before works on this schema too, and writes NULL into what it does not know.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("vendors", sa.Column("profile", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("enti", sa.Column("pdnd", sa.JSON(none_as_null=True), nullable=True))
    op.create_table(
        "received_messages",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("vendor_id", sa.String(length=64), nullable=False),
        sa.Column("message_id", sa.String(length=256), nullable=False),
        sa.Column("receipts", sa.Integer(), nullable=False),
        sa.Column("request_sha256", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("ente_id", "vendor_id", "message_id", name=op.f("pk_received_messages")),
    )
    op.create_index("ix_received_messages_first_at", "received_messages", ["first_at"], unique=False)
