"""subscription services with their rules, citizens' requests, copies of an item for those who hold it as well

Only additions: the version before works on this schema too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "subscription_services",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "code", name=op.f("pk_subscription_services")),
    )
    op.create_table(
        "subscription_requests",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("citizen_id", sa.String(length=36), nullable=False),
        sa.Column("item_id", sa.String(length=36), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("asked_by", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("answer_by", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint(
            "ente_id", "citizen_id", "item_id", "request_id", name=op.f("pk_subscription_requests")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "item_copies",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("citizen_id", sa.String(length=36), nullable=False),
        sa.Column("item_id", sa.String(length=36), nullable=False),
        sa.Column("copy_citizen_id", sa.String(length=36), nullable=False),
        sa.Column("copy_item_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "citizen_id", "item_id", "copy_citizen_id", name=op.f("pk_item_copies")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_item_copies_copy", "item_copies", ["ente_id", "copy_citizen_id"], unique=False)
