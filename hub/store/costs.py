"""What legal notifications add to payments, as who notifies says: with each payment as it is now, and in its timeline
as it came to be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from contracts.states import PAID

from .citizens import Citizen
from .database import Tx
from .rows import IN_ORDER, Batch
from .tables import items

COST = "notification_cost"
"""The event; its data are the `channel` and the `cost_cents`."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Of a citizen's payments, by `notice_key`; in cents."""

    citizen: Citizen
    channel: str
    by_notice: Mapping[str, int] = field(repr=False)


def note_costs(tx: Tx, told: Sequence[Costs]) -> list[int]:
    """A Committer handler: of how many payments something else was known, each."""
    return [_note(tx, each) for each in told]


def _note(tx: Tx, told: Costs) -> int:
    its, batch = items.c, Batch()
    mine = (its.ente_id == told.citizen.ente_id, its.citizen_id == told.citizen.citizen_id)
    query = (
        select(items)
        .where(*mine, its.notice_key.in_(sorted(told.by_notice)), its.collection == "payments")
        # What was paid was paid at the price of that time: what comes later asks its citizen for nothing more.
        .where(its.lifecycle == "active", its.state.not_in(PAID))
        .order_by(*IN_ORDER)
        .with_for_update()
    )
    for row in tx.connection.execute(query).mappings().all():
        cost = told.by_notice[row["notice_key"]]
        if row["cost_cents"] != cost:
            item = dict(row) | {"cost_cents": cost, "cost_at": tx.now}
            batch.event(item, tx.now, COST, channel=told.channel, cost_cents=cost)
            batch.change(item)  # whoever follows the changes is to see it
    batch.write(tx)
    return len(batch.changed_items)
