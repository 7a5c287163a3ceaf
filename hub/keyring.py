"""The hub's own keys in their order: which one signs at an instant, and which are published for who checks receipts.

A new key is sealed in the database, so that every machine has it within seconds; the file `hub-key.pem` of each home
follows. It begins with the newest private key, after which stand the public keys of before: what they signed (anchors,
manifests, the journal of erasures) still verifies.
"""

import json
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection

from hub.security import jose, jwk
from hub.security.sign import SigningKey
from hub.security.token_keys import TokenProblem
from hub.security.vault import Vault
from hub.store.database import Tx
from hub.store.hub_keys import HubKey, follow, forget_private, private_place, read_hub_keys
from hub.store.tables import EPOCH

log = logging.getLogger(__name__)

HubKeyType = Literal["es256", "rs256"]
"""Of the hub's own keys: what every vendor can verify, and what a key in PEM signs with by itself."""


class RotationRefused(Exception):
    """The hub's key cannot be rotated now; the text says why."""


@dataclass(frozen=True, slots=True)
class RingKey:
    """One of the hub's keys. Without `signing` it is published, and signs no more."""

    kid: str
    public_jwk: dict[str, Any]
    signing: SigningKey | None
    signs_from: datetime
    published_until: datetime | None


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys as they were at one version of the trust; in the order in which they sign."""

    keys: tuple[RingKey, ...]

    @classmethod
    def load(cls, connection: Connection, vault: Vault, own: SigningKey) -> "Keyring":
        """`own` is the key of the home: alone before the first rotation; the newest where the database, restored from
        an older back-up, does not know it. Raises TokenProblem: the newest is in a token that cannot be used."""
        rows = read_hub_keys(connection)
        keys = [_ring_key(row, vault, own, followed=row is not rows[-1]) for row in rows]
        if own.kid not in [key.kid for key in keys]:
            keys.append(RingKey(own.kid, own.public_jwk(), own, keys[-1].signs_from if keys else EPOCH, None))
        return cls(tuple(keys))

    def signing(self, now: datetime) -> SigningKey:
        """The key that signs at `now`."""
        found = [key.signing for key in self.keys if key.signing is not None and key.signs_from <= now]
        # The clock of this machine may be behind that of the database: then the first one signs.
        return found[-1] if found else next(key.signing for key in self.keys if key.signing is not None)

    def published(self, now: datetime) -> list[dict[str, Any]]:
        """The public keys as a JWK set: those that sign or will, and those that signed until a while ago."""
        return [key.public_jwk for key in self.keys if key.published_until is None or now < key.published_until]

    def newest(self) -> SigningKey | None:
        """The key that no other follows, with the public keys of before; None where it is not at hand."""
        *before, last = self.keys
        if last.signing is None:
            return None
        earlier = tuple(jwk.jwk_key(json.dumps(key.public_jwk)) for key in before)
        return SigningKey(last.signing.private, (), last.signing.chosen, earlier)

    def state(self, key: RingKey, now: datetime) -> str:
        """coming, current, retiring or ended."""
        if key.signs_from > now:
            return "coming"
        if self.signing(now) is key.signing:
            return "current"
        return "retiring" if key.published_until is None or now < key.published_until else "ended"


def rotate(
    tx: Tx, vault: Vault, own: SigningKey, made: SigningKey, *, begins: datetime | None, overlap: timedelta
) -> SigningKey:
    """Let the key `made` sign, from now on or from `begins`; those of before stay published for `overlap` after that.

    Returns it with the public keys of before, to be written into the home's file. Raises RotationRefused.
    """
    begins = begins or tx.now
    if begins < tx.now:
        raise RotationRefused("it would begin in the past")
    ring = Keyring.load(tx.connection, vault, own)
    coming = [key for key in ring.keys if key.signs_from > tx.now]
    if coming:
        raise RotationRefused(f"the key {coming[0].kid} is to come at {coming[0].signs_from.isoformat()} already")
    if made.kid in [key.kid for key in ring.keys]:
        raise RotationRefused(f"the key {made.kid} was the hub's before")
    current = ring.signing(tx.now)
    follow(tx, _row(made, vault, begins), first=_row(own, vault, EPOCH), ends=begins + overlap)
    forget_private(tx, [key.kid for key in ring.keys if key.kid != current.kid])
    newest = Keyring.load(tx.connection, vault, made).newest()
    assert newest is not None  # made here
    return newest


def pem(key: SigningKey) -> bytes:
    """The content of `hub-key.pem`."""
    return key.stored() + b"".join(jose.public_pem(one) for one in key.earlier)


def _row(key: SigningKey, vault: Vault, signs_from: datetime) -> HubKey:
    sealed = vault.seal(key.stored(), private_place(key.kid))
    return HubKey(key.kid, key.public_jwk(), sealed, signs_from)


def _ring_key(row: HubKey, vault: Vault, own: SigningKey, *, followed: bool) -> RingKey:
    signing = own if row.kid == own.kid else None
    if signing is None and row.private_sealed is not None:
        try:
            signing = SigningKey.read(vault.open(row.private_sealed, private_place(row.kid)), token=True)
        except TokenProblem as problem:
            if not followed:
                raise
            log.warning("hub_key.unusable kid=%s problem=%s", row.kid, problem)
    return RingKey(row.kid, dict(row.public_jwk), signing, row.signs_from, row.published_until)
