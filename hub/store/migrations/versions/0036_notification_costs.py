"""notification costs: with the payments themselves, as lists, carts and notices ask for them

Only additions: the version before works on this schema too. What it notes meanwhile stands in the timeline alone until
SEND is asked the next time.
"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0032"

_KEY = ("ente_id", "citizen_id", "item_id")
_TIMELINE = sa.table(
    "timeline", *map(sa.column, (*_KEY, "event_id", "event")), sa.column("at"), sa.column("data", sa.JSON())
)
_ITEMS = sa.table("items", *map(sa.column, (*_KEY, "cost_cents", "cost_at")))


def upgrade() -> None:
    op.add_column("items", sa.Column("cost_cents", sa.BigInteger(), nullable=True))
    op.add_column("items", sa.Column("cost_at", sa.BigInteger(), nullable=True))
    its = _TIMELINE.c
    known = sa.select(_TIMELINE).where(its.event == "notification_cost").order_by(its.at, its.event_id)
    newest = {tuple(row[name] for name in _KEY): row for row in op.get_bind().execute(known).mappings()}
    of_one = sa.and_(*(_ITEMS.c[name] == sa.bindparam(f"key_{name}") for name in _KEY))
    put = sa.update(_ITEMS).where(of_one).values(cost_cents=sa.bindparam("cents"), cost_at=sa.bindparam("heard_at"))
    if newest:
        op.get_bind().execute(
            put,
            [
                {f"key_{name}": row[name] for name in _KEY}
                | {"cents": int(row["data"]["cost_cents"]), "heard_at": row["at"]}
                for row in newest.values()
            ],
        )
