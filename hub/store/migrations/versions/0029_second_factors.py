"""second factors of local administrators, and their recovery codes

Only additions: the version before works on this schema too, but asks nobody for a code.
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.create_table(
        "second_factors",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("administrator_id", sa.String(length=36), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("enrolled_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "administrator_id", name=op.f("pk_second_factors")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("administrator_id", sa.String(length=36), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("ente_id", "administrator_id", "code_hash", name=op.f("pk_recovery_codes")),
    )
