"""notice numbers that the hub gives

Only additions: the version before works on this schema too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_table(
        "notice_counters",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("creditor_tax_code", sa.String(length=11), nullable=False),
        sa.Column("segregation_code", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "creditor_tax_code", "segregation_code", name=op.f("pk_notice_counters")),
    )
    op.create_table(
        "notice_numbers",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("creditor_tax_code", sa.String(length=11), nullable=False),
        sa.Column("notice_number", sa.String(length=18), nullable=False),
        sa.Column("item_id", sa.String(length=36), nullable=True),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "creditor_tax_code", "notice_number", name=op.f("pk_notice_numbers")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_notice_numbers_item", "notice_numbers", ["ente_id", "item_id"], unique=False)
