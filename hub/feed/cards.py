"""Digital cards: the address in their QR, and what it says to whoever reads it (S50).

The address is made of the card's item_id alone and outlives the keys that rotate: a QR may have been printed. It is
sealed, so that none can be guessed, and of a card that was never issued nothing can be told from one that is unknown.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from contracts.base import rfc3339
from contracts.items import Document
from hub.clock import Clock
from hub.errors import ItemUnknown
from hub.registry import Registry
from hub.security.vault import Vault, VaultError
from hub.store.citizens import Citizens
from hub.store.database import Database
from hub.store.item_history import version_payload
from hub.store.vendor_reading import item_by_id

from .views import shown_state

_PURPOSE = "card"


@dataclass(frozen=True, slots=True)
class Check:
    """What a card says, and whose it is: the access log of that citizen tells of it."""

    view: dict[str, Any]
    ente_id: str
    citizen_id: str
    item_id: str


@dataclass(frozen=True, slots=True)
class Cards:
    """Makes the addresses of cards and answers for them."""

    vault: Vault
    database: Database
    citizens: Citizens
    clock: Clock
    registry: Callable[[], Registry]

    def address(self, ente_id: str, item_id: str) -> str:
        """What the QR of a card holds: always the same."""
        token = self.vault.stamp(_PURPOSE, UUID(item_id).bytes)
        return f"{self.registry().ente(ente_id).public_url}/public/v1/cards/{token}"

    def check(self, token: str) -> Check:
        """contracts.cards.CardCheck. Raises ItemUnknown for what was never issued, is hidden still or was erased."""
        try:
            item_id = str(UUID(bytes=self.vault.read_stamp(_PURPOSE, token)))
        except (VaultError, ValueError):
            raise ItemUnknown from None
        with self.database.read() as connection:
            now = self.clock.now()
            item = item_by_id(connection, item_id)
            if item is None or item["hidden"] or item["lifecycle"] not in ("active", "withdrawn"):
                raise ItemUnknown
            try:
                citizen = self.citizens.by_id(connection, item["ente_id"], item["citizen_id"])
            except LookupError:
                raise ItemUnknown from None
            payload = version_payload(connection, self.vault, citizen, item_id=item_id, version=item["version"])
        content = orjson.loads(payload or b"{}")
        if item["collection"] != "documents" or content.get("card") is None:
            raise ItemUnknown
        card = Document.model_validate_json(payload or b"{}")
        registry = self.registry()
        if registry.ente(item["ente_id"]).ended_at is not None:
            raise ItemUnknown
        kind = registry.document_type(item["ente_id"], card.doc_type)
        view = {
            "state": card_state(item, card, now),
            "doc_type": card.doc_type,
            "type_label": {
                "it": kind.label_it if kind else card.doc_type,
                "en": kind.label_en if kind else card.doc_type,
            },
            "issuer": card.issuer or registry.ente(item["ente_id"]).name,
            "valid_from": _told(card.valid_from),
            "valid_to": _told(card.ends_at),
            "checked_at": rfc3339(now),
        }
        return Check(view, item["ente_id"], item["citizen_id"], item_id)


def card_state(item: dict[str, Any], card: Document, now: datetime) -> str:
    """How the card stands at that moment, whether or not the hub has come to note that it ended."""
    state = shown_state(item["state"], item["expires_at"], now)
    if item["lifecycle"] == "withdrawn" or state == "revoked":
        return "revoked"
    if state == "superseded":
        return "superseded"
    if state == "expired" or (card.ends_at is not None and card.ends_at <= now):
        return "expired"
    return "not_yet_valid" if card.valid_from is not None and card.valid_from > now else "valid"


def _told(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
