"""Encryption at rest: keyed hashes of subjects, data keys of citizens, sealed fields.

AES-256-GCM. A sealed value begins with the id of the key that sealed it and its nonce; its associated data is its
place (table, column, row, version), so that a ciphertext moved elsewhere does not open. The vault key is never in the
database.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

_NONCE = 12


class VaultError(Exception):
    """A sealed value does not open: wrong key, wrong place, or changed bytes."""


@lru_cache(maxsize=8)
def _keyed(pepper: bytes) -> hmac.HMAC:
    """Begun with the key: half the work of `hmac.digest`, which for each short value lets go of the interpreter too."""
    return hmac.new(pepper, digestmod=hashlib.sha256)


@dataclass(frozen=True, slots=True)
class Vault:
    """The hub's master keys: `current` seals, every one of `keys` opens. `pepper` keys the hashes and never rotates."""

    current: str
    keys: dict[str, bytes] = field(repr=False)
    pepper: bytes = field(repr=False)
    prepared: str | None = None
    """A key that seals nothing yet: every machine has to have it first."""
    path: Path | None = field(default=None, repr=False, compare=False)
    _read_at: list[int] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def create(cls, path: Path) -> "Vault":
        """Make a vault file (mode 0600). Raises FileExistsError."""
        key_id = secrets.token_hex(4)
        cls(key_id, {key_id: secrets.token_bytes(32)}, secrets.token_bytes(32)).write(path)
        return cls.load(path)

    def write(self, path: Path) -> None:
        """Write the keys into a new file (mode 0600), on disk when this returns. Raises FileExistsError."""
        content: dict[str, Any] = {
            "current": self.current,
            "keys": {key_id: key.hex() for key_id, key in self.keys.items()},
            "pepper": self.pepper.hex(),
        }
        if self.prepared is not None:
            content["prepared"] = self.prepared
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())

    @classmethod
    def load(cls, path: Path) -> "Vault":
        """Read a vault file. Raises OSError or VaultError."""
        try:
            content = json.loads(path.read_text())
            return cls(
                current=content["current"],
                keys={key_id: bytes.fromhex(key) for key_id, key in content["keys"].items()},
                pepper=bytes.fromhex(content["pepper"]),
                prepared=content.get("prepared"),
                path=path,
                _read_at=[path.stat().st_mtime_ns],
            )
        except (KeyError, ValueError, AttributeError) as exc:
            raise VaultError(f"{path} is not a vault file") from exc

    @property
    def fingerprint(self) -> int:
        """Says of a vault file whether it is this one, whatever key is the current one; a number of 62 bits."""
        return int(self.keyed_hash("vault", "fingerprint")[:16], 16) >> 2

    def keyed_hash(self, purpose: str, value: str) -> str:
        """Hex HMAC-SHA-256: codes are enumerable, so a plain hash would be no protection."""
        keyed = _keyed(self.pepper).copy()
        keyed.update(f"{purpose}\0{value}".encode())
        return keyed.hexdigest()

    def seal(self, plaintext: bytes, place: str) -> bytes:
        """Seal under the vault key."""
        return self.current.encode() + self.seal_with(self.keys[self.current], plaintext, place)

    def open(self, sealed: bytes, place: str) -> bytes:
        """Open what `seal` made, with whichever vault key sealed it. Raises VaultError."""
        key_id = sealed[:8].decode("ascii", "replace")
        key = self.keys.get(key_id) or self._read_again().get(key_id)
        if key is None:
            raise VaultError("sealed with an unknown vault key")
        return self.open_with(key, sealed[8:], place)

    def with_new_key(self) -> "Vault":
        """With one more key, prepared."""
        key_id = secrets.token_hex(4)
        return replace(self, keys={**self.keys, key_id: secrets.token_bytes(32)}, prepared=key_id)

    def advanced(self) -> "Vault":
        """With the prepared key as the current one."""
        assert self.prepared is not None
        return replace(self, current=self.prepared, prepared=None)

    def without(self, key_id: str) -> "Vault":
        """Without a key that is not the current one."""
        kept = {name: key for name, key in self.keys.items() if name != key_id}
        return replace(self, keys=kept, prepared=None if self.prepared == key_id else self.prepared)

    def _read_again(self) -> dict[str, bytes]:
        """The keys, with those that a rotation has put into the file meanwhile: this process goes on, and opens what
        others seal. Tokens of strangers come here too, so the file is read only when it has changed."""
        if self.path is None:
            return self.keys
        try:
            changed_at = self.path.stat().st_mtime_ns
            if [changed_at] != self._read_at:
                found = Vault.load(self.path)
                if found.pepper == self.pepper:
                    self.keys.update(found.keys)
                self._read_at[:] = [changed_at]
        except (OSError, VaultError):
            pass  # as before: what does not open is told by the caller
        return self.keys

    def stamp(self, purpose: str, value: bytes) -> str:
        """`value` as an opaque text that this vault alone makes, always the same, good for as long as the vault is: for
        addresses that are printed. Under the pepper, which never rotates."""
        return base64.urlsafe_b64encode(self._stamping(purpose).encrypt(value, None)).decode().rstrip("=")

    def read_stamp(self, purpose: str, text: str) -> bytes:
        """What `stamp` made into that text. Raises VaultError."""
        try:
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            value = self._stamping(purpose).decrypt(sealed, None)
        except (binascii.Error, InvalidTag, ValueError) as exc:
            raise VaultError("does not open") from exc
        if self.stamp(purpose, value) != text:
            raise VaultError("is not written as it was made")  # one text for one value: base64 leaves bits over
        return value

    def _stamping(self, purpose: str) -> AESSIV:
        return AESSIV(hmac.digest(self.pepper, f"stamp\0{purpose}".encode(), hashlib.sha512))

    def new_data_key(self) -> bytes:
        """A citizen's own key."""
        return secrets.token_bytes(32)

    def seal_with(self, key: bytes, plaintext: bytes, place: str) -> bytes:
        """Seal under a citizen's key: nonce + ciphertext + tag, bound to `place`."""
        # Of OpenSSL's generator, as those of its signatures: a call of the system gives up the interpreter, each time.
        nonce = ssl.RAND_bytes(_NONCE)
        return nonce + AESGCM(key).encrypt(nonce, plaintext, place.encode())

    def open_with(self, key: bytes, sealed: bytes, place: str) -> bytes:
        """Open what `seal_with` made. Raises VaultError."""
        return self.open_each(key, [(sealed, place)])[0]

    def open_each(self, key: bytes, values: Sequence[tuple[bytes, str]]) -> list[bytes]:
        """The same for many values under one key, which is made ready once. Raises VaultError."""
        try:
            decrypt = AESGCM(key).decrypt
            return [decrypt(sealed[:_NONCE], sealed[_NONCE:], place.encode()) for sealed, place in values]
        except (InvalidTag, ValueError) as exc:
            raise VaultError("does not open") from exc
