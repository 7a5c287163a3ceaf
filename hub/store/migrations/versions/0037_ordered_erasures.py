"""ordered erasures: that the erasure a citizen asked for was ordered, in spite of what, and when it was carried out

Only additions: the version before works on this schema too, and writes NULL into what it does not know.
"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    op.add_column("rights_requests", sa.Column("erasure_ordered_at", sa.BigInteger(), nullable=True))
    op.add_column("rights_requests", sa.Column("erasure_despite", sa.String(length=300), nullable=True))
    op.add_column("rights_requests", sa.Column("erased_at", sa.BigInteger(), nullable=True))
