"""client certificates of an ente's clients at PDND

Only additions: the version before works on this schema too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.add_column("pdnd_clients", sa.Column("certificate_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("pdnd_clients", sa.Column("certificate_reference", sa.String(length=500), nullable=True))
