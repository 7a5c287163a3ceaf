"""What a payment's `position` asks of the hub: who may register it, and which notice numbers are missing."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from contracts.items import Payment
from contracts.items.payment import Position
from hub.store.connector_versions import Environment
from hub.store.drafts import Asked, Draft, Registration
from hub.store.notice_keys import notice_key


def asking(
    draft: Draft,
    item: Payment,
    position: Position,
    by: Mapping[Environment, Registration],
    keyed_hash: Callable[[str, str], str],
) -> Draft:
    """The draft of a payment, with what its position asks for; `by`: who may register it, in each environment."""
    numbers = (item.notice_number, *(each.notice_number for each in position.installments))
    missing = tuple(part for part, number in enumerate(numbers) if number is None)
    instalments = tuple(
        None if number is None else notice_key(keyed_hash, item.creditor_tax_code, number) for number in numbers[1:]
    )
    asked = Asked(item.creditor_tax_code, missing, len(position.plans) > 1, by)
    return replace(draft, asked=asked, instalments=instalments)
