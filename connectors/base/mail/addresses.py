"""Addresses and names of the mail system: what is well formed, and the opaque token that stands for a delivery."""

import hashlib
import re
from base64 import b32encode
from email.headerregistry import Address
from ipaddress import ip_address

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_DOMAIN_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_DOMAIN_LABEL}(?:\.{_DOMAIN_LABEL})+")


TOKEN = re.compile(r"[a-z2-7]{26}")
"""The form of an `opaque_token`."""


class BadAddress(ValueError):
    """Not an address that plain SMTP can carry."""

    def __str__(self) -> str:
        # Never the address itself: this text reaches logs.
        return "not a usable e-mail address"


def ascii_domain(domain: str) -> str:
    """`domain` in the form that travels, IDNA where it has accents."""
    try:
        encoded = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise BadAddress from None
    if len(encoded) > 253 or not _DOMAIN.fullmatch(encoded):
        raise BadAddress
    return encoded


def ascii_address(text: str) -> str:
    """`text` as an address for the envelope and for `To`. Quoted and non-ASCII local parts are not supported."""
    local, at, domain = text.strip().rpartition("@")
    if not at or len(local) > 64 or not _LOCAL_PART.fullmatch(local):
        raise BadAddress
    return f"{local}@{ascii_domain(domain)}"


def in_header(address: str, name: str = "") -> Address:
    """An address already checked, as headers have it, with the name that is shown."""
    local, _, domain = address.rpartition("@")
    return Address(display_name=name, username=local, domain=domain)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def opaque_token(delivery_id: str) -> str:
    """130 bits that name the delivery and say nothing else: for Message-ID, bounce address and ENVID."""
    digest = hashlib.sha256(b"raccordo/email/" + delivery_id.encode()).digest()
    return b32encode(digest).decode("ascii").lower()[:26]
