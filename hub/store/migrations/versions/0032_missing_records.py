"""missing records: what sources seem to have no more; and since when a source fails

Only additions: the version before works on this schema too, and writes NULL into what it does not know.
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.add_column("source_positions", sa.Column("failing_since", sa.BigInteger(), nullable=True))
    op.create_table(
        "missing_records",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("connector_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("ente_id", "connector_id", "name", name=op.f("pk_missing_records")),
        sqlite_with_rowid=False,
    )
