"""What payments ask their citizen to pay now: the whole, or the instalments that stand for it.

The one rule of it: what the feed shows as payable in a cart, what goes into a cart, what is printed, and how the feed
says that each instalment stands.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from contracts.base import ROME
from contracts.items.payment import Position, to_pay
from contracts.paying import Debtor, InstallmentState, PayableNotice
from contracts.states import PAYABLE
from hub.registry import Registry
from hub.store.connector_versions import Environment
from hub.store.costs import Cost, costs_of
from hub.store.notice_keys import environment_of, notice_key
from hub.store.paid import Paid, paid_among
from hub.store.ports import Vault
from hub.store.reading import Listed, Reading
from hub.store.tables import from_micros

from .positions import debtor_of, instalment_reasons


# Nobody changes one of these, nor what is owed of it: a page of the feed makes many, and frozen they would cost more.
@dataclass(slots=True)
class Kept:
    """An item as it is kept, opened. `repr` shows nothing personal."""

    ente_id: str
    citizen_id: str
    item_id: str
    vendor_id: str
    state: str
    lifecycle: str
    expires_at: datetime | None
    content: Mapping[str, Any] | None = field(repr=False)
    """Its JSON, which was checked when it came; None: it is no payment."""
    notice_key: str | None = field(repr=False)
    cost_cents: int | None
    """What a legal notification adds to the notice of the whole, where that is known."""
    tax_code: str = field(repr=False)

    @property
    def position(self) -> Position | None:
        """As the payment says, where it does."""
        asked = None if self.content is None else self.content.get("position")
        return None if asked is None else Position.model_validate(asked, strict=False)


def kept_of(reading: Reading, row: Listed, content: Mapping[str, Any]) -> Kept:
    """An item that a citizen's reading gave, and what it says."""
    return Kept(
        reading.citizen.ente_id,
        reading.citizen.citizen_id,
        row.item_id,
        row.vendor_id,
        row.state,
        row.lifecycle,
        None if row.expires_at is None else from_micros(row.expires_at),
        content if row.collection == "payments" else None,
        row.notice_key,
        row.cost_cents,
        reading.subject.tax_code,
    )


@dataclass(slots=True)
class Owed:
    """A notice that can be paid now, and of which payment. `repr` shows nothing personal."""

    payment: Kept
    notice: PayableNotice
    environment: Environment
    """Of the connectors that may have it: of what is on trial, those for tests alone."""
    part: int = 0
    """0 the whole, n the n-th instalment."""
    plan: int = 0
    """0 the whole, else the plan that the instalment is of: of one payment nothing goes beside another plan."""
    key: str | None = field(default=None, repr=False)
    """An instalment's notice key, by which it may be known as paid; None: the whole's state says it."""
    cost: Cost | None = None
    """What a legal notification adds to an instalment's notice, where that is known: it is in its amount."""
    instead: frozenset[str] = frozenset()
    """The numbers of its payment's other plans: whoever pays this one owes none of them, whichever payment asks."""

    @property
    def debtor(self) -> Debtor | None:
        """Who owes it, as the payment says, where it does."""
        return debtor_of(self.payment.position)


@dataclass(frozen=True, slots=True)
class Owing:
    """Says what is owed of payments."""

    vault: Vault
    registry: Callable[[], Registry]

    def of(self, connection: Callable[[], Connection], payments: Sequence[Kept], now: datetime) -> list[Sequence[Owed]]:
        """Of each of these payments of one citizen, the notices that can be paid now, the whole first. The database is
        asked only where there are instalments, which may have been paid."""
        registry = self.registry()
        parts = [self._notices(kept, registry) if _is_open(kept, now) else [] for kept in payments]
        paid = _looked_up(connection, payments, parts)
        today = _day(now)
        return [[each for each in _unpaid(its, paid) if _in_time(each, today)] for its in parts]

    def standing(self, connection: Connection, kept: Kept, now: datetime) -> list[tuple[Owed, InstallmentState]]:
        """Each instalment of a payment and how it stands, whatever became of the payment."""
        parts = self._notices(kept, self.registry())
        if len(parts) < 2:
            return []
        paid = _looked_up(lambda: connection, [kept], [parts])
        left = {each.part for each in _unpaid(parts, paid)} if _is_open(kept, now) else ()
        today = _day(now)
        return [(each, _state(each, paid, each.part in left, today)) for each in parts if each.part]

    def _notices(self, kept: Kept, registry: Registry) -> list[Owed]:
        """All that has a notice number, the whole first."""
        asked = kept.content
        if asked is None:
            return []
        environment = environment_of(kept.notice_key)
        name, creditor, reason = registry.ente(kept.ente_id).name, asked["creditor_tax_code"], asked["reason"]
        every: list[Owed] = []
        if (number := asked.get("notice_number")) is not None:
            amount = to_pay(asked["amount_cents"], asked.get("notification_fee_cents"), kept.cost_cents)
            notice = PayableNotice(number, creditor, amount, name, reason, asked.get("due_date"))
            every.append(Owed(kept, notice, environment))
        if not (asked.get("position") or {}).get("installments"):
            return every
        position = kept.position
        assert position is not None
        reasons = instalment_reasons(reason, position)
        every += [
            Owed(
                kept,
                PayableNotice(each.notice_number, creditor, each.amount_cents, name, why, each.due_date.isoformat()),
                environment,
                n,
                each.of_plan,
                notice_key(self.vault.keyed_hash, creditor, each.notice_number),
            )
            for n, (each, why) in enumerate(zip(position.installments, reasons, strict=True), start=1)
            if each.notice_number is not None
        ]
        plans = {each.plan for each in every}
        instead = {plan: frozenset(each.notice.notice_number for each in every if each.plan != plan) for plan in plans}
        for each in every:
            each.instead = instead[each.plan]
        return every


def _looked_up(connection: Callable[[], Connection], payments: Sequence[Kept], parts: Sequence[Sequence[Owed]]) -> Paid:
    """Which of these are paid; of instalments, what is added to their notices is now in what is owed of them."""
    its = [(each, each.key) for of_one in parts for each in of_one if each.key is not None]
    if not its:
        return Paid()
    ente_id, citizen_id, read = payments[0].ente_id, payments[0].citizen_id, connection()
    costs = costs_of(read, {(ente_id, key) for _, key in its})
    for each, key in its:
        if cost := costs.get((ente_id, key)):
            each.notice = replace(each.notice, amount_cents=each.notice.amount_cents + cost.cents)
            each.cost = cost
    return paid_among(read, ente_id, citizen_id, {key for _, key in its})


def _unpaid(parts: Sequence[Owed], paid: Paid) -> Sequence[Owed]:
    # Who has begun with a plan pays by it: neither the whole nor another plan is owed any more.
    begun = {each.plan for each in parts if _is_paid(each, paid)}
    return [each for each in parts if not _is_paid(each, paid) and each.plan in begun] if begun else parts


def _is_paid(owed: Owed, paid: Paid) -> bool:
    return owed.key is not None and paid.knows(owed.payment.vendor_id, owed.key)


def _state(owed: Owed, paid: Paid, left: bool, today: str) -> InstallmentState:
    if _is_paid(owed, paid):
        return "paid"
    if not left:
        return "closed"
    if not _in_time(owed, today):
        return "expired"
    return "overdue" if owed.notice.due_on is not None and owed.notice.due_on < today else "due"


def _day(now: datetime) -> str:
    return now.astimezone(ROME).date().isoformat()


def _is_open(kept: Kept, now: datetime) -> bool:
    over = kept.expires_at is not None and kept.expires_at <= now
    return kept.lifecycle == "active" and kept.state in PAYABLE and not over


def _in_time(owed: Owed, today: str) -> bool:
    notice, content = owed.notice, owed.payment.content
    late = notice.due_on is not None and notice.due_on < today
    return notice.amount_cents > 0 and not (late and content is not None and content.get("invalid_after_due", False))
