"""expiry: what grows too old is found without reading all that waits

Only an index: the version before works on this schema too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_EXPIRABLE = sa.text("claim_id IS NULL AND (state = 'queued' OR state = 'held')")


def upgrade() -> None:
    op.create_index(
        "ix_deliveries_expiry",
        "deliveries",
        ["ente_id", "expires_at"],
        unique=False,
        sqlite_where=_EXPIRABLE,
        postgresql_where=_EXPIRABLE,
    )
