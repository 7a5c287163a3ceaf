"""Passwords of local administrators: Argon2id (RFC 9106), in the PHC string that names its own parameters."""

import os
import threading
from functools import cache

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

SHORTEST, LONGEST = 12, 256
"""Characters. Length is what makes a password strong (NIST SP 800-63B 3.1.1): no rules about its letters."""

_MEMORY_KIB, _PASSES = 19 * 1024, 2
# Two at once, however many sign in: a stranger must not fill the memory.
_TURNS = threading.BoundedSemaphore(2)


class WeakPassword(ValueError):
    """The password cannot be taken; the text says why."""


def check_strength(password: str, username: str) -> None:
    """Raises WeakPassword."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPassword(f"a password has {SHORTEST} to {LONGEST} characters")
    if username.lower() in password.lower():
        raise WeakPassword("a password does not contain the account's name")
    if len(set(password)) < SHORTEST // 2:
        raise WeakPassword("a password has more than a few different characters")


def password_hash(password: str) -> str:
    """What is kept of a password."""
    with _TURNS:
        return _derived(_bytes(password))


def is_password(password: str, kept: str | None) -> bool:
    """Whether it is the one. It takes as long where there is none, so that nobody learns which accounts exist."""
    with _TURNS:
        try:
            Argon2id.verify_phc_encoded(_bytes(password), kept or _nobodys())
        except (InvalidKey, ValueError):
            return False
    return kept is not None


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "replace")


@cache
def _nobodys() -> str:
    return _derived(os.urandom(32))


def _derived(secret: bytes) -> str:
    salt = os.urandom(16)
    kdf = Argon2id(salt=salt, length=32, iterations=_PASSES, lanes=1, memory_cost=_MEMORY_KIB)
    return kdf.derive_phc_encoded(secret)
