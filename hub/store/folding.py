"""Facts that several items share. A receipt pays the payment of the same notice, and payments of one pagoPA notice are
one payment to the citizen, whoever published them (`settled` 14); one whose instalments are all paid is paid.

Each contributor keeps what its own vendor said: `own_state` where the shown one says more, `state` of the others. The
state of all of them together is on the shown one alone; so no vendor sees what another one said.
"""

from collections.abc import Collection, Mapping, MutableMapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import RowMapping, insert, select

from contracts.states import PAID, PAID_AND_KEPT, PAYABLE, SETTLED_FOR_GOOD

from .agenda import keep_agenda
from .costs import take_costs
from .database import Tx
from .deadlines import close_deadlines
from .drafts import Appointment, Draft
from .given import GIVEN, given, is_given
from .paid import proves
from .plans import Plans
from .rows import AS_IN_ORDER, Batch
from .settling import tell_settled
from .tables import items, user_states

FOLLOW = "follow"
"""The occasion on which the hub looks anew at what follows from an item: it is shown again, or valid again."""

_PRECEDENCE = (
    "refunded",
    "paid",
    "paid_elsewhere",
    "started",
    "overdue",
    "due",
    "creating",
    "expired",
    "cancelled",
    "creation_failed",
)
"""Of what contributors say, the first holds: what is paid stays so, and what one still asks for is due."""
_DEAD = frozenset({"expired", "cancelled", "creation_failed"})
_SAME = (
    select(items)
    .select_from(GIVEN.join(items, is_given(items.c.ente_id, items.c.citizen_id, items.c.notice_key)))
    .order_by(*AS_IN_ORDER)
    .with_for_update(of=items)
)
"""Every payment and receipt of the notices given, held until the commit."""
_TOGETHER = (
    select(items.c.ente_id, items.c.citizen_id, items.c.notice_key)
    .select_from(GIVEN.join(items, is_given(items.c.ente_id, items.c.citizen_id, items.c.folded_into)))
    .where(items.c.notice_key.is_not(None))
    .distinct()
)
"""The notices, as they were, of payments that are shown as the ones given."""


_Notice = tuple[str, str, str]
"""(ente_id, citizen_id, notice key)"""


def settle(tx: Tx, batch: Batch, plans: Plans, divided: Collection[str] = ()) -> None:
    """A payment whose receipt is here is paid, whichever came first, and stays so; so is one that is paid by the
    instalments of a plan; those of one notice become one. `divided`: the items of the batch that may be paid so."""
    take_costs(tx, batch)
    held = {item["item_id"]: item for item in batch.touched()}
    touched = {_notice(item) for item in held.values() if item["notice_key"] is not None} | _parted(tx, held)
    groups: dict[_Notice, list[dict[str, Any]]] = {}
    # Those whose instalments are paid: by what this batch says, or by what was said before they came.
    whose = {(held[item_id]["ente_id"], held[item_id]["citizen_id"]) for item_id in divided}
    left = touched
    while left:
        here = _groups(tx, left, held)
        groups |= here
        for notice in sorted(left):
            payments = [item for item in here[notice] if item["collection"] == "payments"]
            _pay(tx, batch, payments, [item for item in here[notice] if item["collection"] == "receipts"])
        whose |= {notice[:2] for notice in left if any(map(proves, here[notice]))}
        # What is paid in parts may itself be a part of another.
        whole = plans.paid(tx, batch, whose, held) if whose else []
        for item in whole:
            _is_paid(tx, batch, item)
        left = {_notice(item) for item in whole if item["notice_key"] is not None}
    for item in held.values():
        if item["folded_into"] is not None and item["notice_key"] is None:
            _fold(tx, batch, [item])  # its new version names no notice: it is one by itself
    paid: list[dict[str, Any]] = []
    for _, its in sorted(groups.items(), key=itemgetter(0)):
        payments = [item for item in its if item["collection"] == "payments"]
        _fold(tx, batch, sorted(payments, key=lambda item: str(item["item_id"])))
        if any(item["state"] in PAID_AND_KEPT for item in payments):
            paid += [item for item in payments if item["lifecycle"] == "active"]
    tell_settled(tx, batch, paid)


def _notice(item: Mapping[str, Any]) -> _Notice:
    return item["ente_id"], item["citizen_id"], item["notice_key"]


def _parted(tx: Tx, held: Mapping[str, dict[str, Any]]) -> set[_Notice]:
    """The notices of those with whom payments are shown: one that is of another notice now leaves them alone."""
    shown = {_whole(item) for item in held.values() if item["folded_into"] is not None}
    return {tuple(row) for row in tx.connection.execute(_TOGETHER, given(shown))} if shown else set()


def _whole(item: Mapping[str, Any]) -> tuple[str, str, str]:
    return item["ente_id"], item["citizen_id"], item["folded_into"]


def _groups(
    tx: Tx, notices: Collection[_Notice], held: MutableMapping[str, dict[str, Any]]
) -> dict[_Notice, list[dict[str, Any]]]:
    """The items of each of these notices, as they will be written; they are in one's hands from now on."""
    for row in tx.connection.execute(_SAME, given(notices)).mappings():
        held.setdefault(row["item_id"], dict(row))
    groups: dict[_Notice, list[dict[str, Any]]] = {notice: [] for notice in notices}
    for item in held.values():
        if item["notice_key"] is not None and _notice(item) in groups:
            groups[_notice(item)].append(item)
    return groups


def _pay(tx: Tx, batch: Batch, payments: Sequence[dict[str, Any]], receipts: Sequence[dict[str, Any]]) -> None:
    here = [receipt for receipt in receipts if receipt["lifecycle"] == "active"]
    for item in payments:
        if _own(item) not in SETTLED_FOR_GOOD and any(settles(receipt, item) for receipt in here):
            _is_paid(tx, batch, item)


def _is_paid(tx: Tx, batch: Batch, item: dict[str, Any]) -> None:
    item |= {"state": "paid", "own_state": None, "turn": "none", "updated_at": tx.now}
    batch.event(item, tx.now, "paid")
    batch.change(item)
    close_deadlines(tx, batch, item, "met")
    keep_agenda(tx, batch, item, (), first=False)


def settles(receipt: Mapping[str, Any] | RowMapping, payment: Mapping[str, Any] | RowMapping) -> bool:
    """Whether an item of a payment's notice is a receipt that counts for it: another vendor's does only by right."""
    is_receipt = receipt["collection"] == "receipts"
    return is_receipt and bool(receipt["settles"] or receipt["vendor_id"] == payment["vendor_id"])


def _own(item: Mapping[str, Any]) -> str:
    """What its own vendor may know of the payment's state."""
    return str(item["own_state"] or item["state"])


def _fold(tx: Tx, batch: Batch, payments: Sequence[dict[str, Any]]) -> None:
    """Show one of the payments for all of them. Nothing changes where there is only one."""
    there = [item for item in payments if item["lifecycle"] == "active"]
    if not there:
        return
    shown = _shown(there)
    # Of one that was withdrawn counts as well that it was paid.
    said = [_own(item) for item in payments if item in there or _own(item) in PAID]
    together = min(said, key=_PRECEDENCE.index)
    several = len(there) > 1
    for item in there:
        first = item is shown
        own = _own(item)
        wanted: dict[str, Any] = {
            "folded_into": shown["item_id"] if several else None,
            "state": together if first else own,
            "own_state": own if first and own != together else None,
        }
        if all(item[name] == value for name, value in wanted.items()):
            continue
        was_folded = item["folded_into"] not in (None, item["item_id"])
        over = first and together != item["state"] and together not in PAYABLE
        # Its vendor sees when it was updated: that another one has it too is none of its business.
        item |= wanted | {"turn": "citizen" if wanted["state"] in PAYABLE else "none"}
        batch.change(item)
        if not first and not was_folded:
            batch.event(item, tx.now, "folded")
            close_deadlines(tx, batch, item, "cancelled")
            keep_agenda(tx, batch, item, (), first=False)
        elif first and over:
            batch.event(item, tx.now, "settled", state=together)
            close_deadlines(tx, batch, item, "met" if together in PAID else "cancelled")
            keep_agenda(tx, batch, item, (), first=False)
        if first and was_folded:
            _take_over(tx, item, payments)
            keep_agenda(tx, batch, item, (Appointment(FOLLOW, tx.now, late=True),), first=False)


def _shown(there: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The one that was shown until now, unless another can be seen by more readers or is still asked for; the oldest
    at first."""
    before = {item["folded_into"] for item in there}
    return min(
        there,
        key=lambda item: (
            item["hidden"],
            item["min_loa"],
            _own(item) in _DEAD,
            item["item_id"] not in before,
            item["item_id"],
        ),
    )


def _take_over(tx: Tx, item: Mapping[str, Any], payments: Sequence[Mapping[str, Any]]) -> None:
    """The citizen's marks on the payment that was shown before are on this one: it is the same payment."""
    its = user_states.c
    former = {each["item_id"] for each in payments} - {item["item_id"]}
    mine = (its.ente_id == item["ente_id"]) & (its.citizen_id == item["citizen_id"])
    query = select(user_states).where(mine, its.item_id.in_(former | {item["item_id"]})).order_by(its.updated_at.desc())
    marks = [dict(row) for row in tx.connection.execute(query).mappings()]
    if marks and not any(row["item_id"] == item["item_id"] for row in marks):
        tx.connection.execute(insert(user_states), marks[0] | {"item_id": item["item_id"], "updated_at": tx.now})


def is_over(draft: Draft, item: Mapping[str, Any]) -> str | None:
    """How the deadlines of an item end of which other items say that nothing follows from it any more: its receipt was
    here first, its notice is shown with another payment, another document took its place. None: all is as drafted."""
    if item["folded_into"] not in (None, item["item_id"]):
        return "cancelled"
    if item["state"] == draft.state:
        return None
    if item["collection"] == "payments" and item["state"] not in PAYABLE:
        return "met" if item["state"] in PAID else "cancelled"
    return "cancelled" if item["state"] == "superseded" else None
