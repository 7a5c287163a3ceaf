"""One-click addresses of e-mails (RFC 8058): opaque, expiring, without personal data, good for one topic."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from hub.clock import Clock
from hub.errors import ItemUnknown
from hub.security.vault import Vault, VaultError
from hub.store.optouts import OptOut

_PLACE = "public|unsubscribe"
_LIFETIME_S = 400 * 24 * 3600


@dataclass(frozen=True, slots=True)
class UnsubscribeLinks:
    """Makes and reads them. `public_url` gives the base address of an ente."""

    vault: Vault
    clock: Clock
    public_url: Callable[[str], str]

    def make(self, ente_id: str, citizen_id: str, topic: str, address_hash: str) -> str:
        """An address good for some 13 months."""
        until = int(self.clock.now().timestamp()) + _LIFETIME_S
        sealed = self.vault.seal(orjson.dumps([ente_id, citizen_id, topic, address_hash, until]), _PLACE)
        token = base64.urlsafe_b64encode(sealed).decode().rstrip("=")
        return f"{self.public_url(ente_id)}/public/v1/unsubscribes/{token}"

    def read(self, token: str) -> OptOut:
        """What a token switches off. Raises ItemUnknown for one that is not ours, or too old."""
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            ente_id, citizen_id, topic, address_hash, until = orjson.loads(self.vault.open(sealed, _PLACE))
        except (binascii.Error, ValueError, VaultError):
            raise ItemUnknown("this link is not valid") from None
        if until < self.clock.now().timestamp():
            raise ItemUnknown("this link has expired")
        return OptOut(ente_id, citizen_id, "email", topic, address_hash)
