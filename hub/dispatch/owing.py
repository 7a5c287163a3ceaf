"""What payments ask their citizen to pay now: the whole, or the instalments that stand for it.

The one rule of it: what the feed shows as payable in a cart, what goes into a cart, and what is printed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from contracts.base import ROME
from contracts.items.payment import Position
from contracts.paying import Debtor, PayableNotice
from contracts.states import PAYABLE
from hub.registry import Registry
from hub.store.connector_versions import Environment
from hub.store.numbering import notice_key
from hub.store.paid import Paid, paid_among
from hub.store.ports import Vault
from hub.store.reading import Listed, Reading
from hub.store.tables import from_micros

from .positions import debtor_of, instalment_reasons


class Asked(BaseModel):
    """What of a payment's content says what is owed. It was checked when it came: a list of many is not to pay for that
    again."""

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)

    creditor_tax_code: str
    notice_number: str | None = None
    amount_cents: int
    reason: str = Field(repr=False)
    due_date: date | None = None
    invalid_after_due: bool = False
    position: Position | None = Field(None, repr=False)


@dataclass(frozen=True, slots=True)
class Kept:
    """An item as it is kept, opened. `repr` shows nothing personal."""

    ente_id: str
    citizen_id: str
    item_id: str
    vendor_id: str
    state: str
    lifecycle: str
    expires_at: datetime | None
    asked: Asked | None
    """None: it is no payment."""
    cost_cents: int | None
    """What a legal notification adds to the notice of the whole, where that is known."""
    tax_code: str = field(repr=False)


def kept_of(reading: Reading, row: Listed) -> Kept:
    """An item that a citizen's reading gave."""
    return Kept(
        reading.citizen.ente_id,
        reading.citizen.citizen_id,
        row.item_id,
        row.vendor_id,
        row.state,
        row.lifecycle,
        None if row.expires_at is None else from_micros(row.expires_at),
        Asked.model_validate_json(row.payload) if row.collection == "payments" else None,
        row.cost_cents,
        reading.subject.tax_code,
    )


@dataclass(frozen=True, slots=True)
class Owed:
    """A notice that can be paid now, of whose payment, and who owes it. `repr` shows nothing personal."""

    ente_id: str
    citizen_id: str
    item_id: str
    tax_code: str = field(repr=False)
    notice: PayableNotice
    debtor: Debtor | None = field(repr=False)
    """As the payment says, where it does."""
    environment: Environment
    """Of the connectors that may have it: of a vendor in the sandbox, those for tests alone."""
    part: int = 0
    """0 the whole, n the n-th instalment."""
    plan: int = 0
    """0 the whole, else the plan that the instalment is of: of one payment nothing goes beside another plan."""
    instead: frozenset[str] = frozenset()
    """The numbers of its payment's other plans: whoever pays this one owes none of them, whichever payment asks."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Of a payment, with a notice of its own."""

    number: int
    plan: int
    notice_number: str
    amount_cents: int
    reason: str = field(repr=False)
    due_date: date | None
    key: str | None
    """An instalment's notice key, by which it may be known as paid; None: the whole's state says it."""


@dataclass(frozen=True, slots=True)
class Owing:
    """Says what is owed of payments."""

    vault: Vault
    registry: Callable[[], Registry]

    def of(
        self, connection: Callable[[], Connection], payments: Sequence[Kept], now: datetime
    ) -> list[tuple[Owed, ...]]:
        """Of each of these payments of one citizen, the notices that can be paid now, the whole first. The database is
        asked only where there are instalments, which may have been paid."""
        parts = [tuple(self._parts(each)) if _is_open(each, now) else () for each in payments]
        keys = {part.key for its in parts for part in its if part.key is not None}
        paid = paid_among(connection(), payments[0].ente_id, payments[0].citizen_id, keys) if keys else Paid()
        today = now.astimezone(ROME).date()
        return [self._owed(kept, its, paid, today) for kept, its in zip(payments, parts, strict=True)]

    def _owed(self, kept: Kept, parts: Sequence[_Part], paid: Paid, today: date) -> tuple[Owed, ...]:
        asked = kept.asked
        if asked is None or not parts:
            return ()
        registry = self.registry()
        ente_name, vendor = registry.ente(kept.ente_id).name, registry.vendors.get((kept.ente_id, kept.vendor_id))
        environment: Environment = "test" if vendor is not None and vendor.stage == "sandbox" else "production"
        debtor = debtor_of(asked.position)
        instead = {plan: frozenset(each.notice_number for each in parts if each.plan != plan) for plan in _plans(parts)}
        return tuple(
            Owed(
                kept.ente_id,
                kept.citizen_id,
                kept.item_id,
                kept.tax_code,
                PayableNotice(
                    each.notice_number,
                    asked.creditor_tax_code,
                    each.amount_cents,
                    ente_name,
                    each.reason,
                    None if each.due_date is None else each.due_date.isoformat(),
                ),
                debtor,
                environment,
                each.number,
                each.plan,
                instead[each.plan],
            )
            for each in _unpaid(kept, parts, paid)
            if _in_time(asked, each, today)
        )

    def _parts(self, kept: Kept) -> Iterator[_Part]:
        """Those that have a notice number."""
        if (asked := kept.asked) is None:
            return
        if asked.notice_number is not None:
            amount = asked.amount_cents + (kept.cost_cents or 0)
            yield _Part(0, 0, asked.notice_number, amount, asked.reason, asked.due_date, None)
        if (position := asked.position) is None:
            return
        reasons = instalment_reasons(asked.reason, position)
        for n, (each, reason) in enumerate(zip(position.installments, reasons, strict=True), start=1):
            if each.notice_number is not None:
                key = notice_key(self.vault.keyed_hash, asked.creditor_tax_code, each.notice_number)
                yield _Part(n, each.of_plan, each.notice_number, each.amount_cents, reason, each.due_date, key)


def _unpaid(kept: Kept, parts: Sequence[_Part], paid: Paid) -> Iterator[_Part]:
    settled = {each for each in parts if each.key is not None and paid.knows(kept.vendor_id, each.key)}
    # Who has begun with a plan pays by it: neither the whole nor another plan is owed any more.
    plans = _plans(settled)
    return (each for each in parts if each not in settled and (not plans or each.plan in plans))


def _plans(parts: Iterable[_Part]) -> set[int]:
    return {each.plan for each in parts}


def _is_open(kept: Kept, now: datetime) -> bool:
    over = kept.expires_at is not None and kept.expires_at <= now
    return kept.lifecycle == "active" and kept.state in PAYABLE and not over


def _in_time(asked: Asked, part: _Part, today: date) -> bool:
    late = part.due_date is not None and part.due_date < today
    return part.amount_cents > 0 and not (late and asked.invalid_after_due)
