"""rights: how long each collection is kept, who acts for whom, which requests are open

Only additions: the version before works on this schema too, and writes NULL into what it does not know.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "retentions",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("collection", sa.String(length=20), nullable=False),
        sa.Column("months", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "collection", name=op.f("pk_retentions")),
    )
    op.add_column("access_log", sa.Column("delegation_id", sa.String(length=36), nullable=True))
    op.create_table(
        "delegations",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("delegation_id", sa.String(length=36), nullable=False),
        sa.Column("citizen_id", sa.String(length=36), nullable=False),
        sa.Column("delegate_id", sa.String(length=36), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("ente_id", "delegation_id", name=op.f("pk_delegations")),
    )
    op.create_index("ix_delegations_citizen_id", "delegations", ["ente_id", "citizen_id"], unique=False)
    op.create_table(
        "rights_requests",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("citizen_id", sa.String(length=36), nullable=True),
        sa.Column("received_on", sa.String(length=10), nullable=False),
        sa.Column("due_on", sa.String(length=10), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.PrimaryKeyConstraint("ente_id", "request_id", name=op.f("pk_rights_requests")),
    )
