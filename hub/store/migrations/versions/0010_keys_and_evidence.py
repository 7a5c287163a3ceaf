"""keys and evidence: the hub's own keys; what verified each token, the message's name, where a refusal came from

Only additions: the version before works on this schema too, and writes NULL into what it does not know.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("evidence", sa.Column("verified_by", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("evidence", sa.Column("message_id", sa.String(length=256), nullable=True))
    op.add_column("evidence", sa.Column("peer", sa.String(length=10), nullable=True))
    op.create_table(
        "key_material",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_key_material")),
    )
    op.create_table(
        "hub_keys",
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("public_jwk", sa.JSON(), nullable=False),
        sa.Column("private_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("signs_from", sa.BigInteger(), nullable=False),
        sa.Column("published_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_hub_keys")),
    )
