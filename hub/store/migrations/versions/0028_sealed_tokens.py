"""sealed tokens: what tokens of the evidence say of persons, and the hub's word for records sealed after the fact

Only additions: the version before works on this schema too, and goes on writing tokens in the clear, which
`raccordo evidence seal` seals afterwards.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.add_column("evidence", sa.Column("tokens_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("evidence", sa.Column("sealed_later", sa.String(length=64), nullable=True))
