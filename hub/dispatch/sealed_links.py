"""What a link of an e-mail stands for, sealed in the link itself: opaque, expiring, without personal data."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from contracts.faults import bilingual
from hub.clock import Clock
from hub.errors import ItemUnknown
from hub.security.vault import Vault, VaultError


@dataclass(frozen=True, slots=True)
class SealedLinks:
    """Seals and opens texts. `place` keeps links of one purpose from being taken for another's."""

    vault: Vault
    clock: Clock
    place: str

    def seal(self, texts: list[str], until: datetime) -> str:
        """The part of an address that stands for these texts until then."""
        sealed = self.vault.seal(orjson.dumps([*texts, int(until.timestamp())]), self.place)
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, token: str) -> list[str]:
        """The texts. Raises ItemUnknown for a token that is not ours, or too old."""
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            found: list[Any] = orjson.loads(self.vault.open(sealed, self.place))
        except (binascii.Error, ValueError, VaultError):
            raise ItemUnknown(bilingual("Questo link non è valido", "this link is not valid")) from None
        *texts, until = found
        if until < self.clock.now().timestamp():
            raise ItemUnknown(bilingual("Questo link è scaduto", "this link has expired"))
        return texts
