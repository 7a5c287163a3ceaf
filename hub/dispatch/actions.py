"""The links of e-mails (S4, S12, S13): opaque, expiring, without personal data. Whoever opens one is not logged in: it
leads to the portal, which asks for that, or says that nothing is left to be done, and no more.
"""

import base64
import binascii
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import RowMapping, select

from contracts.items import Action, Application, Deadline, Document, Item, Message, Payment, Subscription
from hub.registry import Registry
from hub.store.citizens import Citizens
from hub.store.database import Database
from hub.store.opening import opened
from hub.store.ports import Vault
from hub.store.tables import item_identities

LIFETIME: Final = timedelta(days=400)
_PURPOSE: Final = "action-link"
_MAC_BYTES: Final = 16
_WHOLE: Final = 0
"""In the place of an action's number: the item itself."""

Standing = Literal["open", "done", "expired", "void", "unknown"]

_ASKING: Final = frozenset({"payment_notice", "integration_request", "deadline_reminder"})
_INFORMING: Final = frozenset({"inform", "download"})
_STANDINGS: Final[dict[str, dict[str, Standing]]] = {
    "payments": {
        "due": "open",
        "started": "open",
        "overdue": "open",
        "paid": "done",
        "paid_elsewhere": "done",
        "refunded": "done",
        "expired": "expired",
    },
    "applications": {
        "draft": "open",
        "awaiting_payment": "open",
        "integration_requested": "open",
        "withdrawn": "void",
        "revoked": "void",
        "expired": "expired",
    },
    "subscriptions": {
        "renewal_due": "open",
        "renewed": "done",
        "requested": "done",
        "ended": "expired",
    },
    "deadlines": {"open": "open", "met": "done", "missed": "expired"},
    "documents": {"expired": "expired", "announced": "open", "available": "open"},
}
"""How what was asked about an item stands, by the item's state; what is not here is void."""


@dataclass(frozen=True, slots=True)
class Way:
    """Where a link leads. `url` is that of the portal, which is all that an unknown link has not."""

    standing: Standing
    url: str | None = None


@dataclass(frozen=True, slots=True)
class ActionLinks:
    """Makes and reads them. The same delivery gives the same link: what may be sent twice is the same both times."""

    vault: Vault
    public_url: Callable[[str], str]

    def make(self, ente_id: str, message_id: str, number: int = _WHOLE) -> str:
        """The link to what a message tells of, or to its action of that number, counted from 1."""
        content = UUID(message_id).bytes + bytes([number])
        token = base64.urlsafe_b64encode(content + self._mac(content)).decode().rstrip("=")
        return f"{self.public_url(ente_id)}/public/v1/actions/{token}"

    def read(self, token: str) -> tuple[str, int] | None:
        """(message_id, number of the action) of a link of ours."""
        try:
            found = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        content, mac = found[:-_MAC_BYTES], found[-_MAC_BYTES:]
        if len(content) != 17 or not hmac.compare_digest(mac, self._mac(content)):
            return None
        return str(UUID(bytes=content[:16])), content[16]

    def _mac(self, content: bytes) -> bytes:
        return bytes.fromhex(self.vault.keyed_hash(_PURPOSE, content.hex()))[:_MAC_BYTES]


@dataclass(frozen=True, slots=True)
class ActionDesk:
    """Says where a link leads now."""

    links: ActionLinks
    database: Database
    vault: Vault
    citizens: Citizens
    registry: Callable[[], Registry]

    def way(self, token: str) -> Way:
        """Where the link leads."""
        named = self.links.read(token)
        if named is None:
            return Way("unknown")
        message_id, number = named
        with self.database.read() as connection:
            its = item_identities.c
            where = connection.execute(select(its.ente_id, its.citizen_id).where(its.item_id == message_id)).first()
            if where is None:
                return Way("unknown")
            portal = self.registry().ente(where.ente_id).portal_url
            try:
                citizen = self.citizens.by_id(connection, where.ente_id, where.citizen_id)
            except LookupError:  # erased
                return Way("void", portal)
            row, message = opened(connection, self.vault, citizen, message_id)
            about, item = row, message
            if row["about_item_id"] is not None:
                about, item = opened(connection, self.vault, citizen, row["about_item_id"])
            now = self.database.now(connection)
        if {row["lifecycle"], about["lifecycle"]} != {"active"}:
            return Way("void", portal)
        if now >= row["received_at"] + LIFETIME or _is_over(row, now) or _is_over(about, now):
            return Way("expired", portal)
        assert isinstance(message, Message)
        action = message.actions[number - 1] if 0 < number <= len(message.actions) else None
        url = f"{portal}/items/{about['item_id']}" + (f"?action={action.kind}" if action else "")
        return Way(standing(message, action, item, about["state"], now), url)


def standing(message: Message, action: Action | None, item: Item, state: str, now: datetime) -> Standing:
    """How what the link is for stands: an action's, or what the message as a whole asks for."""
    if action is not None:
        if action.valid_to is not None and action.valid_to <= now:
            return "expired"
        if action.kind in _INFORMING:
            return "open"
    elif message.kind not in _ASKING:
        return "open"
    match item:
        case Document() if item.delivery is not None and item.delivery.state in ("collected", "delivered"):
            return "done"
        case Payment() | Application() | Subscription() | Deadline() | Document():
            return _STANDINGS[item.collection].get(state, _otherwise(item))
        case _:
            return "open"


def _otherwise(item: Item) -> Standing:
    # An application that goes on has what was asked for; of the others such a state takes back what was asked.
    return "done" if isinstance(item, Application) else "void"


def _is_over(row: RowMapping, now: datetime) -> bool:
    return row["expires_at"] is not None and row["expires_at"] <= now
