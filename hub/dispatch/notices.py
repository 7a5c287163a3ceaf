"""What a connector is told: one message, for one citizen, opened just for the moment of the delivery."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import TypeAdapter
from sqlalchemy import select

from contracts.connector import Notice, PaymentData
from contracts.failures import Skipped
from contracts.items import Action, Item, Message, Payment
from hub.registry import Registry
from hub.store.citizens import Citizens
from hub.store.database import Database
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


@dataclass(frozen=True, slots=True)
class Notices:
    """Builds notices from claims."""

    database: Database
    vault: Vault
    citizens: Citizens
    registry: Callable[[], Registry]
    unsubscribe_url: Callable[[str, str, str], str]
    """(ente_id, citizen_id, topic) -> a one-click address."""

    def of(self, claim: Claim) -> Notice:
        """The notice of a claimed delivery. Raises Skipped when it was withdrawn, is moot, or was opted out of."""
        with self.database.read() as connection:
            tax_code, citizen = self.citizens.tax_code(connection, claim.ente_id, claim.citizen_id)
            mine = (items.c.ente_id == claim.ente_id) & (items.c.citizen_id == claim.citizen_id)
            row = connection.execute(select(items).where(mine, items.c.item_id == claim.message_id)).mappings().one()
            if row["lifecycle"] != "active":
                raise Skipped("item.withdrawn")
            payload = version_payload(connection, self.vault, citizen, item_id=claim.message_id, version=row["version"])
            about, about_payload = None, None
            if row["about_item_id"] is not None:
                told = select(items).where(mine, items.c.item_id == row["about_item_id"])
                about = connection.execute(told).mappings().one()
                about_payload = version_payload(
                    connection, self.vault, citizen, item_id=about["item_id"], version=about["version"]
                )
            topic = row["service_id"] or "*"
            silenced = opted_out(connection, citizen, channel=claim.channel, topic=topic)
        if about is not None and about["collection"] == "payments" and about["state"] in _SETTLED:
            raise Skipped("notice.moot")
        assert payload is not None
        message = _ITEM.validate_json(payload)
        assert isinstance(message, Message)
        optional = message.kind not in _ALWAYS
        if optional and silenced:
            raise Skipped(f"{claim.channel}.opted_out")
        item = _ITEM.validate_json(about_payload) if about_payload is not None else message
        ente = self.registry().ente(claim.ente_id)
        shown = about["item_id"] if about is not None else claim.message_id
        return Notice(
            delivery_id=claim.delivery_id,
            ente_name=ente.name,
            kind=message.kind,
            language=message.language,
            created_at=claim.created_at,
            deep_link=f"{ente.portal_url}/items/{shown}",
            tax_code=tax_code,
            email=message.recipient.email,
            title=message.title,
            body_markdown=message.body_markdown,
            sensitive=message.sensitivity == "sensitive",
            due_at=about["due_at"] if about is not None else message.due_at,
            payment=_payment(item),
            action=_action(message, claim.created_at),
            unsubscribe_url=self.unsubscribe_url(claim.ente_id, claim.citizen_id, topic) if optional else None,
        )


def _payment(item: Item) -> PaymentData | None:
    if not isinstance(item, Payment) or item.notice_number is None or item.state not in ("due", "started", "overdue"):
        return None
    return PaymentData(item.notice_number, item.amount_cents, item.creditor_tax_code, item.invalid_after_due)


def _action(message: Message, now: datetime) -> Action | None:
    open_now = [a for a in message.actions if a.valid_to is None or a.valid_to > now.astimezone(UTC)]
    return next((a for a in open_now if a.primary), open_now[0] if open_now else None)
