"""What legal notifications add to payments, as who notifies says: in the timelines of the payments, newest last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from .citizens import Citizen
from .database import Tx
from .rows import IN_ORDER, Batch
from .tables import items, timeline

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
        .where(its.lifecycle == "active")
        .order_by(*IN_ORDER)
        .with_for_update()
    )
    for row in tx.connection.execute(query).mappings().all():
        item, cost = dict(row), told.by_notice[row["notice_key"]]
        if _known(tx, item) != cost:
            batch.event(item, tx.now, COST, channel=told.channel, cost_cents=cost)
            batch.change(item)  # whoever follows the changes is to see it
    batch.write(tx)
    return len(batch.changed_items)


def _known(tx: Tx, item: Mapping[str, Any]) -> int | None:
    its = timeline.c
    mine = (its.ente_id == item["ente_id"], its.citizen_id == item["citizen_id"], its.item_id == item["item_id"])
    query = select(its.data).where(*mine, its.event == COST).order_by(its.at.desc(), its.event_id.desc()).limit(1)
    found = tx.connection.execute(query).scalar_one_or_none()
    return None if found is None else int(found["cost_cents"])
