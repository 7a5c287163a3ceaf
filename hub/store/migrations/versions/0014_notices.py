"""notices: what administrators changed of the rules, how citizens wish to be told, what a delivery falls back to

Only an addition: the version before works on this schema too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "notice_rules",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("author", sa.String(length=100), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "rule", "version", name=op.f("pk_notice_rules")),
    )
    op.create_table(
        "preferences",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("citizen_id", sa.String(length=36), nullable=False),
        sa.Column("record_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "citizen_id", name=op.f("pk_preferences")),
        sqlite_with_rowid=False,
    )
    op.add_column("deliveries", sa.Column("fallback", sa.JSON(), nullable=True))
