"""Deliveries as they enter the outbox: what was planned without knowing the citizen, held against what is known here.

What needs no knowledge costs no statement: a message whose vendor gave an address is planned as it came, and what the
citizen wishes about it is looked up when it is about to be sent (`hub.dispatch.notices`).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from contracts.items import ALWAYS_TOLD

from .citizens import Citizen
from .contacts import reachable
from .database import Tx
from .drafts import NO_ADDRESS, PlannedDelivery
from .optouts import NO_SERVICE, OPTED_OUT
from .order import order_key
from .ports import Vault
from .preferences import NONE, Wishes, load_wishes, quiet_until
from .queueing import delivery_row
from .standing import URGENT

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Of some citizens, by (ente_id, citizen_id)."""

    wishes: dict[Key, Wishes]
    by_mail: Collection[Key]
    """Those who have a verified address."""

    def wishes_of(self, citizen: Citizen) -> Wishes:
        return self.wishes.get((citizen.ente_id, citizen.citizen_id), NONE)


NOTHING_KNOWN = Knowledge({}, ())


def know(tx: Tx, vault: Vault, told: Iterable[Citizen], without_address: Iterable[Citizen]) -> Knowledge:
    """The wishes of those who are `told` by a rule, and which of the others can be reached by e-mail all the same."""
    return Knowledge(load_wishes(tx.connection, vault, told), reachable(tx.connection, without_address))


def lacks_address(planned: Sequence[PlannedDelivery]) -> bool:
    """Whether the citizen's own verified address would make a difference."""
    return any(each.reason == NO_ADDRESS for each in planned)


def rows_of(
    tx: Tx,
    message: dict[str, Any],
    planned: Sequence[PlannedDelivery],
    citizen: Citizen,
    known: Knowledge,
    *,
    kind: str | None = None,
    in_turn: bool = False,
) -> list[dict[str, Any]]:
    """The rows of a message's deliveries; of those `in_turn` the first, with the others as its fallback.

    `kind` is that of a rule's message, about which the citizen's wishes are known.
    """
    if lacks_address(planned) and (citizen.ente_id, citizen.citizen_id) in known.by_mail:
        planned = [replace(each, reason=None) if each.reason == NO_ADDRESS else each for each in planned]
    due_at = max(tx.now, message["visible_from"] or tx.now)
    if kind is not None:
        wishes = known.wishes_of(citizen)
        if kind not in ALWAYS_TOLD:
            planned = [_as_wished(each, wishes, message["service_id"] or NO_SERVICE) for each in planned]
        if all(each.priority != URGENT for each in planned):
            due_at = quiet_until(wishes.quiet, due_at) or due_at
    open_ones = [each for each in planned if each.reason is None]
    if in_turn and len(open_ones) > 1:
        later = [fallback_of(each, message) for each in open_ones[1:]]
        rows = [planned_row(tx, each, message, due_at) for each in planned if each not in open_ones[1:]]
        for row in rows:
            row["fallback"] = later if row["reason"] is None else None
        return rows
    return [planned_row(tx, each, message, due_at) for each in planned]


def fallback_of(planned: PlannedDelivery, message: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a delivery that is begun only where the one before it does not reach."""
    return {
        "channel": planned.channel,
        "connector_id": planned.connector_id,
        "max_age_s": int(planned.max_age.total_seconds()),
        "priority": planned.priority,
        "order_key": order_key(message) if planned.ordered else None,
    }


def _as_wished(planned: PlannedDelivery, wishes: Wishes, topic: str) -> PlannedDelivery:
    if planned.reason is None and wishes.switched_off(planned.channel, topic):
        return replace(planned, reason=OPTED_OUT[planned.channel])
    return planned


def planned_row(tx: Tx, planned: PlannedDelivery, message: dict[str, Any], due_at: datetime) -> dict[str, Any]:
    """The row of one delivery of a message."""
    return delivery_row(
        tx.now,
        ente_id=message["ente_id"],
        citizen_id=message["citizen_id"],
        message_id=message["item_id"],
        connector_id=planned.connector_id,
        channel=planned.channel,
        due_at=due_at,
        max_age=planned.max_age,
        reason=planned.reason,
        priority=planned.priority,
        order_key=order_key(message) if planned.ordered else None,
    )
