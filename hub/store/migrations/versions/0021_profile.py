"""attributes of citizens, as registers say

Only an addition: the version before works on this schema too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "citizen_attributes",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("citizen_id", sa.String(length=36), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("value_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "citizen_id", "code", name=op.f("pk_citizen_attributes")),
        sqlite_with_rowid=False,
    )
