"""What a payment's `position` asks of the hub: which connector registers it, and which notice numbers it is to give."""

from collections.abc import Callable
from dataclasses import replace

from contracts.items import Payment
from contracts.items.payment import Position
from hub.errors import ContractViolation, Fault
from hub.store.drafts import Draft, Numbers, Registration
from hub.store.notice_keys import notice_key

_ONE_PLAN = "the creditor's connector registers one plan of instalments (api v1 of GPD)"
_UNSERVED = "no pagoPA connector of this ente registers positions of that creditor"


def registered(
    draft: Draft,
    item: Payment,
    position: Position,
    by: Registration | None,
    keyed_hash: Callable[[str, str], str],
) -> Draft:
    """The draft of a payment, with what its position asks for. Raises ContractViolation where nobody could do so."""
    if by is None:
        raise ContractViolation(faults=(Fault("/position", "position.unserved", _UNSERVED),))
    if len(position.plans) > 1 and not by.numbering.several_plans:
        raise ContractViolation(faults=(Fault("/position/installments", "position.several_plans", _ONE_PLAN),))
    numbers = (item.notice_number, *(each.notice_number for each in position.installments))
    missing = tuple(part for part, number in enumerate(numbers) if number is None)
    instalments = tuple(
        None if number is None else notice_key(keyed_hash, item.creditor_tax_code, number) for number in numbers[1:]
    )
    return replace(draft, registration=by, numbers=Numbers(by.numbering, missing), instalments=instalments)
