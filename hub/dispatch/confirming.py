"""The letter to an address that a citizen gave: its link, and whether it is still to be sent."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from contracts.failures import Skipped
from contracts.identifiers import new_uuid7
from contracts.items import Action, Message
from hub.clock import Clock
from hub.security.vault import Vault
from hub.store.citizens import Citizen
from hub.store.contacts import email_hash
from hub.store.directory import HUB_VENDOR
from hub.store.profile_contacts import CONFIRM_WITHIN, LETTER, Confirmation, waits_for_confirmation

from .sealed_links import SealedLinks

_PLACE = "public|contact"
_LABELS = {"it": "Conferma l'indirizzo", "en": "Confirm the address"}


def is_letter(row: RowMapping, message: Message) -> bool:
    """Whether a message is such a letter: the hub's own, of that name."""
    return row["vendor_id"] == HUB_VENDOR and message.external_id.startswith(LETTER)


@dataclass(frozen=True, slots=True)
class ConfirmLinks:
    """Makes and reads the links. `public_url` gives the base address of an ente."""

    vault: Vault
    clock: Clock
    public_url: Callable[[str], str]

    def action(self, connection: Connection, citizen: Citizen, message: Message, written_at: datetime) -> Action:
        """What the letter asks its reader for. Raises Skipped where it was taken back, or is verified by now."""
        value_hash = email_hash(self.vault, message.recipient.email or "")
        if not waits_for_confirmation(connection, citizen, value_hash):
            raise Skipped("notice.moot")
        token = self._links.seal([citizen.ente_id, citizen.citizen_id, value_hash], written_at + CONFIRM_WITHIN)
        url = f"{self.public_url(citizen.ente_id)}/public/v1/contacts/{token}"
        # Not validated: our own address may be of plain HTTP on loopback.
        return Action.model_construct(kind="confirm", label=_LABELS[message.language[:2]], url=url, primary=True)

    def read(self, token: str) -> Confirmation:
        """What a link confirms. Raises ItemUnknown for one that is not ours, or too old."""
        ente_id, citizen_id, value_hash = self._links.open(token)
        return Confirmation(ente_id, citizen_id, value_hash, new_uuid7())

    @property
    def _links(self) -> SealedLinks:
        return SealedLinks(self.vault, self.clock, _PLACE)
