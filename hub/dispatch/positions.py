"""What the connector of pagoPA is told: the debt position as the payment is at the moment of the call."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time

from contracts.base import ROME
from contracts.connector import Notice
from contracts.failures import Skipped
from contracts.items import Payment
from contracts.items.payment import PaymentPart, Position
from contracts.paying import Debtor
from contracts.positions import POSITION, PayOption, PositionData, Share, StampDuty
from contracts.states import OWED, SETTLED_FOR_GOOD
from hub.store.connector_versions import Environment
from hub.store.notice_keys import environment_of

from .told_payments import ToldPayment

_NAMED: Mapping[Environment, str] = {"production": "RAC", "test": "RAC-TEST"}
"""How positions are named, so that those of a payment are two also where both connectors reach one provider, as they do
at a simulator: what was tried out would else stand for what is real."""


def position_notice(told: ToldPayment, by: Environment) -> Notice:
    """The notice that registers a payment, or keeps its position, by a connector of that environment. Where the payment
    is in the other one by now its position is taken back, and nothing of it is told. Raises Skipped: it is paid."""
    row, item = told.row, told.item
    # As its own vendor has it: what others say of the same notice changes nothing at pagoPA.
    state = row["own_state"] or row["state"]
    here = environment_of(row["notice_key"]) == by
    if here and state in SETTLED_FOR_GOOD:
        raise Skipped("notice.moot")
    asked = item.position if here else None
    owed = row["lifecycle"] == "active" and state in OWED and asked is not None
    position = PositionData(
        name=f"{_NAMED[by]}-{row['item_id']}",
        revision=row["version"],
        wanted="payable" if owed else "gone",
        creditor_tax_code=item.creditor_tax_code,
        debtor_kind=item.recipient.subject_kind,
        debtor_name="" if asked is None else asked.debtor_name,
        expires=item.invalid_after_due,
        options=() if asked is None else _options(item, asked),
        paper=debtor_of(asked),
    )
    return replace(told.notice(POSITION), position=position)


def debtor_of(position: Position | None) -> Debtor | None:
    """To whom the notice of its payment is printed; None where it has no address."""
    if position is None or position.debtor_address is None:
        return None
    where = position.debtor_address
    return Debtor(
        full_name=position.debtor_name,
        address=where.street,
        building_number=where.number,
        city=where.city,
        postal_code=where.postal_code,
        province=where.province,
    )


def instalment_reasons(reason: str, position: Position) -> Iterator[str]:
    """What each instalment of a payment for that reason is for; it is told by its place in its plan."""
    counts, places = Counter(each.of_plan for each in position.installments), Counter[int]()
    for each in position.installments:
        places[each.of_plan] += 1
        suffix = f", rata {places[each.of_plan]} di {counts[each.of_plan]}"
        yield f"{reason[: 140 - len(suffix)]}{suffix}"


def _options(item: Payment, position: Position) -> tuple[PayOption, ...]:
    assert item.notice_number is not None
    assert item.due_date is not None
    whole = PayOption(
        item.notice_number,
        item.amount_cents,
        item.reason,
        _last_second(item.due_date),
        _shares(item, position, item.amount_cents, item.items),
    )
    plan = []
    for each, reason in zip(position.installments, instalment_reasons(item.reason, position), strict=True):
        assert each.notice_number is not None
        plan.append(
            PayOption(
                each.notice_number,
                each.amount_cents,
                reason,
                _last_second(each.due_date),
                _shares(item, position, each.amount_cents, each.items),
                instalment=True,
                plan=each.of_plan,
            )
        )
    return whole, *plan


def _shares(item: Payment, position: Position, amount_cents: int, parts: tuple[PaymentPart, ...]) -> tuple[Share, ...]:
    if parts:
        return tuple(_share(item, part) for part in parts)
    assert position.category is not None
    account = (position.iban, position.postal_iban)
    return (Share(amount_cents, item.creditor_tax_code, item.reason, position.category, *account),)


def _share(item: Payment, part: PaymentPart) -> Share:
    assert part.category is not None
    share = Share(part.amount_cents, part.receiver_tax_code, part.reason or item.reason, part.category)
    if part.stamp is None:
        return replace(share, iban=part.iban, postal_iban=part.postal_iban)
    stamp = StampDuty(part.stamp.document_sha256, part.stamp.kind, part.stamp.province)
    return replace(share, stamp=stamp)


def _last_second(day: date) -> datetime:
    """Of a day in Rome: it may be paid on it, to its end."""
    return datetime.combine(day, time(23, 59, 59), ROME).astimezone(UTC)
