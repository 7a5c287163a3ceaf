"""What the connector of a legal notification is told: that what it asks to pay was paid, how much of it, and when."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from contracts.connector import Notice
from contracts.failures import Skipped
from contracts.items import Receipt
from contracts.settling import SETTLED, SettledPayment
from contracts.states import PAID_AND_KEPT
from hub.store.folding import settles
from hub.store.opening import content_of
from hub.store.paid import same_notice
from hub.store.ports import Vault
from hub.store.settling import notification_of

from .putting_off import PutOff
from .told_payments import ToldPayment

NOT_ACCEPTED: Final = "notice.not_accepted"
"""Its notification has no name yet."""
_LATER = timedelta(minutes=10)


def settled_notice(connection: Connection, vault: Vault, told: ToldPayment, now: datetime) -> Notice:
    """The notice that a payment was made.

    Raises:
        Skipped: no notification asks for the payment any more, it is not paid after all, or was given back.
        PutOff: the notification was not accepted yet.
    """
    claim, item = told.claim, told.item
    same = same_notice(connection, told.citizen, told.row)
    counting = [content_of(connection, vault, told.citizen, each) for each in same if settles(each, told.row)]
    try:
        name = notification_of(connection, claim.ente_id, claim.message_id, claim.connector_id)
    except LookupError:
        raise Skipped("notice.moot") from None
    receipts = [(each.paid_at, each.amount_cents) for each in counting if isinstance(each, Receipt)]
    # Where a source but says that it is paid, it was so when that was true, and all of it.
    said = [(each["as_of"] or each["updated_at"], item.amount_cents) for each in same if each["state"] in PAID_AND_KEPT]
    given_back = any(each["state"] == "refunded" for each in same)
    if given_back or not (receipts or said) or item.notice_number is None:
        raise Skipped("notice.moot")
    if name is None:
        raise PutOff(NOT_ACCEPTED, now + _LATER)
    paid_at, amount_cents = min(receipts or said)
    settled = SettledPayment(name, item.notice_number, item.creditor_tax_code, paid_at, amount_cents)
    return replace(told.notice(SETTLED), settled=settled)
