"""Encryption at rest: keyed hashes of subjects, data keys of citizens, sealed fields.

AES-256-GCM. A sealed value begins with the id of the key that sealed it and its nonce; its associated data is its
place (table, column, row, version), so that a ciphertext moved elsewhere does not open. The vault key is never in the
database.
"""

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12


class VaultError(Exception):
    """A sealed value does not open: wrong key, wrong place, or changed bytes."""


@dataclass(frozen=True, slots=True)
class Vault:
    """The hub's master keys: `current` seals, every one of `keys` opens. `pepper` keys the hashes and never rotates."""

    current: str
    keys: dict[str, bytes] = field(repr=False)
    pepper: bytes = field(repr=False)

    @classmethod
    def create(cls, path: Path) -> "Vault":
        """Make a vault file (mode 0600). Raises FileExistsError."""
        key_id = secrets.token_hex(4)
        content = {
            "current": key_id,
            "keys": {key_id: secrets.token_bytes(32).hex()},
            "pepper": secrets.token_bytes(32).hex(),
        }
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> "Vault":
        """Read a vault file. Raises OSError or VaultError."""
        try:
            content = json.loads(path.read_text())
            return cls(
                current=content["current"],
                keys={key_id: bytes.fromhex(key) for key_id, key in content["keys"].items()},
                pepper=bytes.fromhex(content["pepper"]),
            )
        except (KeyError, ValueError, AttributeError) as exc:
            raise VaultError(f"{path} is not a vault file") from exc

    @property
    def fingerprint(self) -> int:
        """Says of a vault file whether it is this one, whatever key is the current one; a number of 62 bits."""
        return int(self.keyed_hash("vault", "fingerprint")[:16], 16) >> 2

    def keyed_hash(self, purpose: str, value: str) -> str:
        """Hex HMAC-SHA-256: codes are enumerable, so a plain hash would be no protection."""
        return hmac.digest(self.pepper, f"{purpose}\0{value}".encode(), hashlib.sha256).hex()

    def seal(self, plaintext: bytes, place: str) -> bytes:
        """Seal under the vault key."""
        return self.current.encode() + self.seal_with(self.keys[self.current], plaintext, place)

    def open(self, sealed: bytes, place: str) -> bytes:
        """Open what `seal` made, with whichever vault key sealed it. Raises VaultError."""
        key = self.keys.get(sealed[:8].decode("ascii", "replace"))
        if key is None:
            raise VaultError("sealed with an unknown vault key")
        return self.open_with(key, sealed[8:], place)

    def new_data_key(self) -> bytes:
        """A citizen's own key."""
        return secrets.token_bytes(32)

    def seal_with(self, key: bytes, plaintext: bytes, place: str) -> bytes:
        """Seal under a citizen's key: nonce + ciphertext + tag, bound to `place`."""
        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(key).encrypt(nonce, plaintext, place.encode())

    def open_with(self, key: bytes, sealed: bytes, place: str) -> bytes:
        """Open what `seal_with` made. Raises VaultError."""
        try:
            return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], place.encode())
        except (InvalidTag, ValueError) as exc:
            raise VaultError("does not open") from exc
