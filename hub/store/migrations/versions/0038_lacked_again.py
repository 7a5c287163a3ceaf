"""lacked again: of what a source has no more, that a second list of all that it has lacked it as well

Only an addition: the version before works on this schema too, and goes on counting lists for itself.
"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    op.add_column("missing_records", sa.Column("lacked_again", sa.Boolean(), nullable=False, server_default=sa.false()))
