"""filed rights: what citizens ask about their data through a portal, in their own words, with its answer

Only additions: the version before works on this schema too, and writes NULL into what it does not know.
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.add_column("rights_requests", sa.Column("portal_id", sa.String(length=64), nullable=True))
    op.add_column("rights_requests", sa.Column("delegation_id", sa.String(length=36), nullable=True))
    op.add_column("rights_requests", sa.Column("item_id", sa.String(length=36), nullable=True))
    op.add_column("rights_requests", sa.Column("min_loa", sa.Integer(), server_default="2", nullable=False))
    op.add_column("rights_requests", sa.Column("text_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("rights_requests", sa.Column("answer_sealed", sa.LargeBinary(), nullable=True))
    op.create_index("ix_rights_requests_citizen_id", "rights_requests", ["ente_id", "citizen_id"], unique=False)
