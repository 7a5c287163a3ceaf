"""What a payment's `position` asks of the hub: which connector registers it, and which notice numbers it is to give."""

from dataclasses import replace

from contracts.items import Payment
from contracts.items.payment import Position
from hub.errors import ContractViolation, Fault
from hub.store.drafts import Registration

_ONE_PLAN = "the creditor's connector registers one plan of instalments (api v1 of GPD)"
_UNSERVED = "no pagoPA connector of this ente registers positions of that creditor"


def registration_of(item: Payment, position: Position, by: Registration | None) -> Registration:
    """The registration that is asked for. Raises ContractViolation where nobody could do it, or not so."""
    if by is None:
        raise ContractViolation(faults=(Fault("/position", "position.unserved", _UNSERVED),))
    if len(position.plans) > 1 and not by.numbering.several_plans:
        raise ContractViolation(faults=(Fault("/position/installments", "position.several_plans", _ONE_PLAN),))
    numbers = (item.notice_number, *(each.notice_number for each in position.installments))
    return replace(by, missing=tuple(part for part, number in enumerate(numbers) if number is None))
