"""The second factor of local administrators: one-time codes by time (TOTP, RFC 6238), and codes for when the device is
lost."""

import base64
import secrets
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP_S, DIGITS = 30, 6
_HASH = SHA1()  # noqa: S303 - as the RFC has it; an HMAC needs no collision resistance, and apps ignore another
STEPS_APART = 1
"""How far the device's clock may be off, either way (RFC 6238 5.2)."""
SECRET_BYTES = 20
"""As long as the HMAC's output (RFC 4226 4, R6)."""
RECOVERY_CODES = 10
_RECOVERY_BYTES = 10


def new_secret() -> bytes:
    """A secret for one device."""
    return secrets.token_bytes(SECRET_BYTES)


def enrolment_uri(secret: bytes, username: str, issuer: str) -> str:
    """What the authenticator app is given, as text or as a QR code made of it. It holds the secret."""
    return TOTP(secret, DIGITS, _HASH, STEP_S).get_provisioning_uri(username, issuer)


def step_of(secret: bytes, code: str, now: datetime) -> int | None:
    """The newest step of time near `now` whose code this is, as a number since 1970; None for a code of none."""
    if not code.isascii():
        return None
    device, here = HOTP(secret, DIGITS, _HASH), int(now.timestamp()) // STEP_S
    found = None
    for step in range(here - STEPS_APART, here + STEPS_APART + 1):
        try:
            device.verify(code.encode(), step)
        except InvalidToken:
            continue
        found = step
    return found


def new_recovery_codes() -> list[str]:
    """Ten of 80 random bits each, to be written down."""
    return [_grouped(base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode()) for _ in range(RECOVERY_CODES)]


def is_one_time(code: str) -> bool:
    """Whether it has the form of a device's code; a recovery code has another."""
    return len(code) == DIGITS and code.isdigit()


def normal(code: str) -> str:
    """A code as it is looked at: however its reader grouped it."""
    return code.replace(" ", "").replace("-", "").upper()


def _grouped(code: str) -> str:
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))
