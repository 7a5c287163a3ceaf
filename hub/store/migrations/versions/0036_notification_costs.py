"""notification costs: with the payments themselves, as lists, carts and notices ask for them

Only additions: the version before works on this schema too. What it notes meanwhile stands in the timeline alone until
SEND is asked the next time.
"""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0032"

PAGE = 1_000
"""Events that are held in memory."""
_KEY = ("ente_id", "citizen_id", "item_id")
_TIMELINE = sa.table(
    "timeline", *map(sa.column, (*_KEY, "event_id", "event")), sa.column("at"), sa.column("data", sa.JSON())
)
_ITEMS = sa.table("items", *map(sa.column, (*_KEY, "cost_cents", "cost_at")))


def upgrade() -> None:
    op.add_column("items", sa.Column("cost_cents", sa.BigInteger(), nullable=True))
    op.add_column("items", sa.Column("cost_at", sa.BigInteger(), nullable=True))
    of_one = sa.and_(*(_ITEMS.c[name] == sa.bindparam(f"key_{name}") for name in _KEY))
    put = sa.update(_ITEMS).where(of_one).values(cost_cents=sa.bindparam("cents"), cost_at=sa.bindparam("heard_at"))
    for page in _pages():
        # An item's events follow each other in the order of time, if need be over several pages: the last one counts.
        newest = {row["item_id"]: row for row in page}
        op.get_bind().execute(
            put,
            [
                {f"key_{name}": row[name] for name in _KEY}
                | {"cents": int(row["data"]["cost_cents"]), "heard_at": row["at"]}
                for row in newest.values()
            ],
        )


def _pages() -> Iterator[Sequence[sa.RowMapping]]:
    """All costs ever heard, by the timeline's key."""
    its = _TIMELINE.c
    place = (its.ente_id, its.item_id, its.event_id)
    told = sa.select(_TIMELINE).where(its.event == "notification_cost").order_by(*place).limit(PAGE)
    page = op.get_bind().execute(told).mappings().all()
    while page:
        yield page
        last = sa.tuple_(*(sa.literal(page[-1][column.name]) for column in place))
        page = op.get_bind().execute(told.where(sa.tuple_(*place) > last)).mappings().all()
