"""What legal notifications add to pagoPA notices, as who notifies says: with each payment as it is now, and in its
timeline as it came to be.

The cost is the notice's, as SEND has it (by creditor and number) and GPD asks for it: whoever pays the notice pays it,
so that all who owe it are told the same.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from contracts.faults import bilingual
from contracts.items import SEND
from contracts.states import OWED, PAID
from hub.errors import HubError

from .database import Tx, lock_names
from .given import GIVEN, given, is_given
from .notice_keys import staged
from .rows import IN_ORDER, Batch
from .tables import items, timeline

COST = "notification_cost"
"""The event; its data are the `channel` and the `cost_cents`."""
Notice = tuple[str, str]
"""(ente_id, `notice_key`)"""
_ITS = items.c
_KNOWN = (
    select(_ITS.ente_id, _ITS.notice_key, _ITS.cost_cents, _ITS.cost_at)
    .select_from(GIVEN.join(items, is_given(_ITS.ente_id, _ITS.notice_key)))
    .where(_ITS.collection == "payments", _ITS.lifecycle != "erased", _ITS.cost_at.is_not(None))
)


class AmountIncludesCost(HubError):
    """The amount has grown by just what the legal notification adds to it: the hub adds that itself."""

    status, code, title = 422, "amount.includes_cost", "Costi di notifica compresi / Notification costs included"
    text_it = "L'importo è cresciuto proprio di quanto vi aggiunge la notifica a valore legale: lo aggiunge l'hub."


def includes_cost(seen_it: str, seen: str) -> AmountIncludesCost:
    """The error, from how it can be seen, with what is to be done about it."""
    return AmountIncludesCost(
        bilingual(
            f"{seen_it}, proprio quanto aggiunge la notifica: pubblicare l'importo senza questi costi, o dire in"
            " notification_fee_cents quanti dei suoi centesimi lo sono (0: nessuno)",
            f"{seen}, which is what the notification adds: publish it without them, or say in notification_fee_cents"
            " how much of it they are (0: nothing)",
        )
    )


class Cost(NamedTuple):
    cents: int
    heard_at: datetime

    def added_to(self, amount_cents: int) -> dict[str, Any]:
        """contracts.paying.NotificationCost of a notice of that amount."""
        return {"cost_cents": self.cents, "total_cents": amount_cents + self.cents, "as_of": self.heard_at}


@dataclass(frozen=True, slots=True)
class Costs:
    """Of an ente's notices, by their keys in production; in cents."""

    ente_id: str
    channel: str
    by_notice: Mapping[str, int] = field(repr=False)
    on_trial: bool = False


def costs_of(connection: Connection, notices: Collection[Notice]) -> dict[Notice, Cost]:
    """What was last heard of each of these notices, whoever owes it and was notified."""
    known: dict[Notice, Cost] = {}
    for row in connection.execute(_KNOWN, given(notices)) if notices else ():
        notice, cost = (row.ente_id, row.notice_key), Cost(row.cost_cents, row.cost_at)
        if notice not in known or known[notice].heard_at < cost.heard_at:
            known[notice] = cost
    return known


def note_costs(tx: Tx, told: Sequence[Costs]) -> list[int]:
    """A Committer handler: of how many payments something else was known, each."""
    # Who publishes one of these notices meanwhile would find nothing to take over, and not be found.
    lock_names(tx, {notice_lock(each.ente_id, key) for each in told for key in each.by_notice})
    return [_note(tx, each) for each in told]


def _note(tx: Tx, told: Costs) -> int:
    batch = Batch()
    by_notice = {staged(key, on_trial=told.on_trial): cents for key, cents in told.by_notice.items()}
    query = (
        select(items)
        .where(_ITS.ente_id == told.ente_id, _ITS.notice_key.in_(sorted(by_notice)))
        # What was paid was paid at the price of that time: what comes later asks its citizen for nothing more.
        .where(_ITS.collection == "payments", _ITS.lifecycle == "active", _ITS.state.not_in(PAID))
        .order_by(*IN_ORDER)
        .with_for_update()
    )
    for row in tx.connection.execute(query).mappings().all():
        cost = by_notice[row["notice_key"]]
        if row["cost_cents"] != cost:
            _bear(batch, dict(row), Cost(cost, tx.now), tx.now, told.channel)
    batch.write(tx)
    return len(batch.changed_items)


def take_costs(tx: Tx, batch: Batch) -> None:
    """Payments that are new, or now of another notice, bear what is known of their notice."""
    written = {row["item_id"] for row in batch.versions}
    bare = [item for item in batch.touched() if item["item_id"] in written and _is_bare(item)]
    known = costs_of(tx.connection, {(item["ente_id"], item["notice_key"]) for item in bare})
    for item in bare:
        cost = known.get((item["ente_id"], item["notice_key"]))
        if cost is not None and cost.cents:
            _bear(batch, item, cost, tx.now, SEND)


def told_costs(connection: Connection, item: Mapping[str, Any]) -> set[int]:
    """All that was ever heard of a payment."""
    its = timeline.c
    mine = [its[name] == item[name] for name in ("ente_id", "citizen_id", "item_id")]
    return {int(data["cost_cents"]) for data in connection.scalars(select(its.data).where(*mine, its.event == COST))}


def notice_lock(ente_id: str, notice_key: str) -> str:
    """The name by which whoever writes about a notice waits for whoever does already: one on trial and in production,
    as it is known only with the item which of them is meant."""
    return f"notice|{ente_id}|{notice_key[1:]}"


def _is_bare(item: Mapping[str, Any]) -> bool:
    owed = item["collection"] == "payments" and item["lifecycle"] == "active" and item["state"] in OWED
    return owed and item["notice_key"] is not None and item["cost_at"] is None


def _bear(batch: Batch, item: dict[str, Any], cost: Cost, now: datetime, channel: str) -> None:
    item |= {"cost_cents": cost.cents, "cost_at": cost.heard_at}
    batch.event(item, now, COST, channel=channel, cost_cents=cost.cents)
    batch.change(item)  # whoever follows the changes is to see it
