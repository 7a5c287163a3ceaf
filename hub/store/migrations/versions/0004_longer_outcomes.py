"""longer outcomes: `misconfigured` has 13 letters, and PostgreSQL counts them

SQLite holds no text to a length, and to say another one it would have to copy the table: there nothing changes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        # Longer only: no row is rewritten, and the version before writes as it did.
        op.alter_column("attempts", "outcome", existing_type=sa.String(length=12), type_=sa.String(length=20))
