"""What the connector of a legal notification is told: that what it asks to pay was paid, how much of it, and when."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from contracts.connector import Notice
from contracts.failures import Deferred, Skipped
from contracts.items import Payment, Receipt
from contracts.settling import SETTLED, SettledPayment
from hub.store.configuration import RESTRICTED
from hub.store.erasing import ERASED
from hub.store.folding import settles
from hub.store.opening import content_of, opened
from hub.store.outbox import Claim
from hub.store.paid import same_notice
from hub.store.settling import PAID_AND_KEPT, notification_of

from .putting_off import PutOff

if TYPE_CHECKING:
    from .notices import Notices

NOT_ACCEPTED: Final = "notice.not_accepted"
"""Its notification has no name yet."""
_LATER = timedelta(minutes=10)


def settled_notice(notices: "Notices", claim: Claim) -> Notice:
    """The notice of a claimed delivery. Nobody's wishes count: it is told to no citizen.

    Raises:
        Skipped: no notification asks for the payment any more, it is not paid after all, or its citizen was erased.
        Deferred: it is restricted.
        PutOff: the notification was not accepted yet.
    """
    with notices.database.read() as connection:
        tax_code, citizen = notices.whose(connection, claim.ente_id, claim.citizen_id)
        row, item = opened(connection, notices.vault, citizen, claim.message_id)
        if row["lifecycle"] == "restricted":
            raise Deferred(RESTRICTED, about="message")
        if row["lifecycle"] == "erased":
            raise Skipped(ERASED)
        assert isinstance(item, Payment)
        same = same_notice(connection, citizen, row)
        payments = [each for each in same if each["collection"] == "payments"]
        counting = [each for each in same if any(settles(each, payment) for payment in payments)]
        found = [content_of(connection, notices.vault, citizen, each) for each in counting]
        try:
            name = notification_of(connection, claim.ente_id, claim.message_id, claim.connector_id)
        except LookupError:
            raise Skipped("notice.moot") from None
        now = notices.database.now(connection)
    receipts = [(each.paid_at, each.amount_cents) for each in found if isinstance(each, Receipt)]
    # Where a source but says that it is paid, it was so when that was true, and all of it.
    said = [
        (each["as_of"] or each["updated_at"], item.amount_cents) for each in payments if each["state"] in PAID_AND_KEPT
    ]
    if not (receipts or said) or item.notice_number is None:
        raise Skipped("notice.moot")
    if name is None:
        raise PutOff(NOT_ACCEPTED, now + _LATER)
    paid_at, amount_cents = min(receipts or said)
    return Notice(
        delivery_id=claim.delivery_id,
        ente_name=notices.registry().ente(claim.ente_id).name,
        kind=SETTLED,
        language=item.language,
        created_at=claim.created_at,
        deep_link="",
        tax_code=tax_code,
        email=None,
        title=item.reason,
        body_markdown="",
        settled=SettledPayment(name, item.notice_number, item.creditor_tax_code, paid_at, amount_cents),
    )
