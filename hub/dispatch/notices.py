"""What a connector is told: one message, for one citizen, opened just for the moment of the delivery."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import Connection, RowMapping, select

from contracts.connector import Notice, PaymentData
from contracts.failures import Deferred, Skipped
from contracts.items import Action, Item, Message, Payment
from hub.registry import Registry
from hub.store.citizens import Citizen, Citizens
from hub.store.configuration import RESTRICTED
from hub.store.database import Database
from hub.store.erasing import ERASED
from hub.store.optouts import opted_out
from hub.store.outbox import Claim
from hub.store.ports import Vault
from hub.store.reading import version_payload
from hub.store.tables import items

_ITEM: TypeAdapter[Item] = TypeAdapter(Item)

# What the person asked for or must act on cannot be switched off (email-and-pec, "List-Unsubscribe").
_ALWAYS = frozenset({"integration_request", "outcome", "alert"})

# Whoever has paid meanwhile is not asked to pay.
_SETTLED = frozenset({"paid", "paid_elsewhere", "cancelled", "refunded"})


class Embargoed(Deferred):
    """The item is not to be shown yet: a new version said so after this delivery was claimed."""

    def __init__(self, until: datetime) -> None:
        super().__init__("item.embargoed", about="message")
        self.until = until


@dataclass(frozen=True, slots=True)
class Notices:
    """Builds notices from claims."""

    database: Database
    vault: Vault
    citizens: Citizens
    registry: Callable[[], Registry]
    unsubscribe_url: Callable[[str, str, str, str], str]
    """(ente_id, citizen_id, topic, hash of the address) -> a one-click address."""

    def of(self, claim: Claim) -> Notice:
        """The notice of a claimed delivery. Raises Skipped when it was withdrawn, is moot, or was opted out of,
        Embargoed before its time."""
        with self.database.read() as connection:
            try:
                tax_code, citizen = self.citizens.tax_code(connection, claim.ente_id, claim.citizen_id)
            except LookupError:
                raise Skipped(ERASED) from None
            row, message = self.item(connection, citizen, claim.message_id)
            about, item = row, message
            if row["about_item_id"] is not None:
                about, item = self.item(connection, citizen, row["about_item_id"])
            if "restricted" in (row["lifecycle"], about["lifecycle"]):
                raise Deferred(RESTRICTED, about="message")  # claimed before it was; what has not left yet waits
            if {row["lifecycle"], about["lifecycle"]} != {"active"}:
                raise Skipped("item.withdrawn")
            if about["collection"] == "payments" and about["state"] in _SETTLED:
                raise Skipped("notice.moot")
            until = max(row["visible_from"] or claim.created_at, about["visible_from"] or claim.created_at)
            if until > self.database.now(connection) and not claim.accepted:
                raise Embargoed(until)
            assert isinstance(message, Message)
            unsubscribe_url = None
            if claim.channel == "email" and message.kind not in _ALWAYS:
                unsubscribe_url = self._unsubscribe_url(connection, citizen, row["service_id"] or "*", message)
        ente = self.registry().ente(claim.ente_id)
        return Notice(
            delivery_id=claim.delivery_id,
            ente_name=ente.name,
            kind=message.kind,
            language=message.language,
            created_at=claim.created_at,
            deep_link=f"{ente.portal_url}/items/{about['item_id']}",
            tax_code=tax_code,
            email=message.recipient.email,
            title=message.title,
            body_markdown=message.body_markdown,
            sensitive=message.sensitivity == "sensitive",
            due_at=about["due_at"],
            payment=payment_of(item),
            # As it stood when it was to leave, and not now: what may be sent twice must be the same both times.
            action=_action(message, max(claim.created_at, row["visible_from"] or claim.created_at)),
            unsubscribe_url=unsubscribe_url,
        )

    def item(self, connection: Connection, citizen: Citizen, item_id: str) -> tuple[RowMapping, Item]:
        """A citizen's item: its row, and its newest version."""
        mine = (items.c.ente_id == citizen.ente_id) & (items.c.citizen_id == citizen.citizen_id)
        row = connection.execute(select(items).where(mine, items.c.item_id == item_id)).mappings().one()
        payload = version_payload(connection, self.vault, citizen, item_id=item_id, version=row["version"])
        assert payload is not None
        return row, _ITEM.validate_json(payload)

    def _unsubscribe_url(self, connection: Connection, citizen: Citizen, topic: str, message: Message) -> str | None:
        """The address to switch the topic off for this mailbox. Raises Skipped where it was switched off."""
        if message.recipient.email is None:
            return None
        address_hash = self.vault.keyed_hash("email", message.recipient.email.lower())
        if opted_out(connection, citizen, channel="email", topic=topic, address_hash=address_hash):
            raise Skipped("email.opted_out")
        return self.unsubscribe_url(citizen.ente_id, citizen.citizen_id, topic, address_hash)


def payment_of(item: Item) -> PaymentData | None:
    """The pagoPA notice of an item, while it can be paid."""
    if not isinstance(item, Payment) or item.notice_number is None or item.state not in ("due", "started", "overdue"):
        return None
    return PaymentData(item.notice_number, item.amount_cents, item.creditor_tax_code, item.invalid_after_due)


def _action(message: Message, now: datetime) -> Action | None:
    open_now = [
        action
        for action in message.actions
        if (action.valid_from is None or action.valid_from <= now)
        and (action.valid_to is None or action.valid_to > now)
    ]
    return next((a for a in open_now if a.primary), open_now[0] if open_now else None)
