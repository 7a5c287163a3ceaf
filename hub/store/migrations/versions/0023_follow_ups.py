"""when to ask what became of a delivery that was delivered; whom a channel surely does not reach

Only additions: the version before works on this schema too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("follow_up_at", sa.BigInteger(), nullable=True))
    asked = sa.text("follow_up_at IS NOT NULL")
    op.create_index(
        "ix_deliveries_follow_up",
        "deliveries",
        ["ente_id", "follow_up_at"],
        unique=False,
        sqlite_where=asked,
        postgresql_where=asked,
    )
    op.create_table(
        "unreached",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("connector_id", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("person_hash", sa.String(length=64), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "connector_id", "scope", "person_hash", name=op.f("pk_unreached")),
        sqlite_with_rowid=False,
    )
