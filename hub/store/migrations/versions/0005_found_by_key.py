"""found by key: JOSE headers kept once, wide rows left whole, and no second index for a plan to mistake for the first

Only additions: the version before works on this schema too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

# The tables themselves, or their partitions: a partitioned table has no storage.
_WIDE = """
SELECT oid::regclass::text FROM pg_class AS wide WHERE relkind = 'r' AND EXISTS (
    SELECT FROM unnest(ARRAY['evidence', 'item_versions']) AS name
    WHERE wide.oid = to_regclass(name)
       OR EXISTS (SELECT FROM pg_inherits WHERE inhrelid = wide.oid AND inhparent = to_regclass(name)))
"""


def upgrade() -> None:
    op.create_table(
        "jose_headers",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("segment", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_jose_headers")),
    )
    # Led by what tells rows apart: before there are statistics, PostgreSQL took the ente alone for as good as a name.
    op.create_index("ux_item_identities_item", "item_identities", ["item_id", "ente_id"], unique=True)
    op.drop_index("ux_item_identities_item_id", "item_identities")
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        for table in connection.exec_driver_sql(_WIDE).scalars().all():
            # What they hold is encrypted or base64: nothing gets smaller, and looking for it was half of an insert.
            op.execute(f"ALTER TABLE {table} SET (toast_tuple_target = 8160)")
