"""when to ask what became of a delivery that was delivered

Only an addition: the version before works on this schema too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0020"


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
