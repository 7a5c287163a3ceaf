"""One-click addresses of e-mails (RFC 8058), each good for one topic."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from hub.clock import Clock
from hub.security.vault import Vault
from hub.store.optouts import OptOut

from .sealed_links import SealedLinks

_PLACE = "public|unsubscribe"
_LIFETIME = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class UnsubscribeLinks:
    """Makes and reads them. `public_url` gives the base address of an ente."""

    vault: Vault
    clock: Clock
    public_url: Callable[[str], str]

    def make(self, ente_id: str, citizen_id: str, topic: str, address_hash: str) -> str:
        """An address good for some 13 months."""
        until = self.clock.now() + _LIFETIME
        token = self._links.seal([ente_id, citizen_id, topic, address_hash], until)
        return f"{self.public_url(ente_id)}/public/v1/unsubscribes/{token}"

    def read(self, token: str) -> OptOut:
        """What a token switches off. Raises ItemUnknown for one that is not ours, or too old."""
        ente_id, citizen_id, topic, address_hash = self._links.open(token)
        return OptOut(ente_id, citizen_id, "email", topic, address_hash)

    @property
    def _links(self) -> SealedLinks:
        return SealedLinks(self.vault, self.clock, _PLACE)
