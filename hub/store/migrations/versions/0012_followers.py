"""followers: which events of items a connector is told

Only an addition: the version before works on this schema too, and writes NULL into what it does not know.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("connectors", sa.Column("follows", sa.JSON(none_as_null=True), nullable=True))
