"""Which hosts are this machine, and which addresses are public: what a name given by others may lead to."""

import ipaddress
from typing import Final

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
"""Hosts that are this machine itself, where plain http may do."""

_EMBEDDING: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
"""IPv6 addresses that hold one of IPv4 (NAT64), which may be anywhere."""


def is_public(address: str) -> bool:
    """Whether it is an address of one host on the Internet, which hides no other (mapped, 6to4, Teredo, NAT64)."""
    try:
        number = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(number, ipaddress.IPv6Address) and (
        number.ipv4_mapped or number.sixtofour or number.teredo or any(number in one for one in _EMBEDDING)
    ):
        return False
    return number.is_global and not number.is_multicast and not number.is_reserved
