"""endings: since when a body, or one of its vendors, has left

Only additions: the version before works on this schema too. To it a vendor that left is suspended, as all those of a
body that left are; such a body has no connector any more, and its portals are suspended.
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    op.add_column("enti", sa.Column("ended_at", sa.BigInteger(), nullable=True))
    op.add_column("vendors", sa.Column("ended_at", sa.BigInteger(), nullable=True))
