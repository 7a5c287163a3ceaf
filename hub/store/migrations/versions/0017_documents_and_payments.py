"""document types, links found from both ends, files by reference, payments that fold

Only additions: the version before works on this schema too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    for name in ("folded_into", "own_state"):
        op.add_column("items", sa.Column(name, sa.String(length=36 if name == "folded_into" else 30), nullable=True))
    op.create_table(
        "document_types",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("doc_type", sa.String(length=64), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("ente_id", "doc_type", name=op.f("pk_document_types")),
    )
    op.create_table(
        "item_links",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("citizen_id", sa.String(length=36), nullable=False),
        sa.Column("from_item_id", sa.String(length=36), nullable=False),
        sa.Column("rel", sa.String(length=20), nullable=False),
        sa.Column("external_id", sa.String(length=400), nullable=False),
        sa.Column("vendor_id", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint(
            "ente_id", "citizen_id", "from_item_id", "rel", "external_id", name=op.f("pk_item_links")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_item_links_to", "item_links", ["ente_id", "vendor_id", "source", "external_id"], unique=False)
    op.create_table(
        "referenced_files",
        sa.Column("ente_id", sa.String(length=20), nullable=False),
        sa.Column("citizen_id", sa.String(length=36), nullable=False),
        sa.Column("item_id", sa.String(length=36), nullable=False),
        sa.Column("host", sa.String(length=260), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("problem", sa.String(length=40), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_since", sa.BigInteger(), nullable=True),
        sa.Column("checked_at", sa.BigInteger(), nullable=True),
        sa.Column("wanted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("ente_id", "citizen_id", "item_id", name=op.f("pk_referenced_files")),
        sqlite_with_rowid=False,
    )
    for name, column in (("ix_referenced_files_wanted", "wanted_at"), ("ix_referenced_files_bad", "failed_since")):
        where = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            name,
            "referenced_files",
            ["ente_id", column],
            unique=False,
            sqlite_where=where,
            postgresql_where=where,
        )
