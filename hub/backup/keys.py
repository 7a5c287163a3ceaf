"""The vault and the hub's key inside a back-up, under a passphrase. Without them the data cannot be read: by design."""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

SHORTEST = 12
_COST = {"n": 2**17, "r": 8, "p": 1}
"""128 MB and some tenths of a second for each guess."""
_PLACE = b"raccordo back-up keys 1"


class WrongPassphrase(Exception):
    """The passphrase is not the one of this back-up, or its keys were changed."""


def seal_keys(files: Mapping[str, bytes], passphrase: str) -> bytes:
    """The key files, by name, so that only the passphrase opens them."""
    salt, nonce = os.urandom(16), os.urandom(12)
    content = json.dumps({name: b64encode(raw).decode("ascii") for name, raw in files.items()}).encode()
    sealed = AESGCM(_key(passphrase, salt)).encrypt(nonce, content, _PLACE)
    return salt + nonce + sealed


def open_keys(sealed: bytes, passphrase: str) -> dict[str, bytes]:
    """The key files. Raises WrongPassphrase."""
    salt, nonce, content = sealed[:16], sealed[16:28], sealed[28:]
    try:
        found = json.loads(AESGCM(_key(passphrase, salt)).decrypt(nonce, content, _PLACE))
    except (InvalidTag, ValueError):
        raise WrongPassphrase from None
    return {name: b64decode(raw) for name, raw in found.items()}


def _key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, **_COST).derive(passphrase.encode())
