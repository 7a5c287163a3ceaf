"""ID_AUTH_CHANNEL_02 behind a proxy: the client certificate of the TLS connection, handed over as a header (modi 1.1).

The header is worth what the proxy's address is: from anywhere else it is refused, never read.
"""

import binascii
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Final, Literal
from urllib.parse import unquote_to_bytes

from hub.settings import Settings, networks

from .causes import Refusal
from .presented import MAX_CERTIFICATES

Form = Literal["nginx", "rfc9440"]
Network = IPv4Network | IPv6Network

CHAIN: Final = "client-cert-chain"
"""RFC 9440 2.3; the other form hands over the leaf alone."""
_PEM: Final = re.compile(rb"\A\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*\Z")
_MAX_CHARS: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class TrustedProxy:
    """Who may hand over client certificates, in which header and form."""

    networks: tuple[Network, ...]
    header: str
    """In lower case."""
    form: Form

    def trusts(self, peer: str) -> bool:
        """Whether a connection from that address is the proxy's."""
        try:
            address = ip_address(peer)
        except ValueError:  # a Unix socket, or nothing known
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self.networks)

    @property
    def headers(self) -> tuple[str, ...]:
        """The headers that only the proxy may send."""
        return (self.header, CHAIN) if self.form == "rfc9440" else (self.header,)


def as_x5c(form: Form, value: str, chain: Sequence[str]) -> dict[str, Any]:
    """The certificates as the `x5c` of a JOSE header, leaf first, to be judged by the same rules.

    Raises:
        Refusal: `channel.malformed`.
    """
    if len(value) + sum(map(len, chain)) > _MAX_CHARS:
        raise Refusal("channel.malformed", "too long")
    ders = [_escaped_pem(value)] if form == "nginx" else [_byte_sequence(value)]
    for line in chain:
        ders += [_byte_sequence(item.strip(" \t")) for item in line.split(",")]
    if len(ders) > MAX_CERTIFICATES:
        raise Refusal("channel.malformed", f"more than {MAX_CERTIFICATES} certificates")
    return {"x5c": [b64encode(der).decode("ascii") for der in ders]}


def handed_over(
    proxy: TrustedProxy, headers: Sequence[tuple[str, str]], peer: str
) -> tuple[tuple[tuple[str, str], ...], bytes | None]:
    """The headers without those that only the proxy may send, and the certificate (DER) that it hands over in them;
    None where there is none, or somebody else sent it.

    Raises:
        Refusal: `channel.malformed`.
    """
    kept = tuple(each for each in headers if each[0].lower() not in (*proxy.headers, CHAIN))
    given = [value for name, value in headers if name.lower() == proxy.header]
    if not given or not proxy.trusts(peer):
        return kept, None
    if len(given) > 1:
        raise Refusal("channel.malformed", "more than one certificate header")
    leaf = _escaped_pem(given[0]) if proxy.form == "nginx" else _byte_sequence(given[0])
    return kept, leaf


def _escaped_pem(value: str) -> bytes:
    """`$ssl_client_escaped_cert` of nginx: a PEM, percent-encoded."""
    found = _PEM.match(unquote_to_bytes(value))
    if found is None:
        raise Refusal("channel.malformed", "not one certificate in percent-encoded PEM")
    try:
        return binascii.a2b_base64(b"".join(found[1].split()), strict_mode=True)
    except binascii.Error:
        raise Refusal("channel.malformed", "not one certificate in percent-encoded PEM") from None


def _byte_sequence(item: str) -> bytes:
    """A byte sequence of RFC 8941 3.3.5: base64 between colons."""
    if len(item) < 2 or item[0] != ":" or item[-1] != ":":
        raise Refusal("channel.malformed", "not base64 between colons")
    try:
        return binascii.a2b_base64(item[1:-1].encode("ascii"), strict_mode=True)
    except ValueError:  # binascii.Error and UnicodeEncodeError are ValueErrors
        raise Refusal("channel.malformed", "not base64 between colons") from None


def trusted_proxy(settings: Settings) -> TrustedProxy | None:
    """Who hands over client certificates (ID_AUTH_CHANNEL_02), where somebody does."""
    if not settings.client_cert_header:
        return None
    return TrustedProxy(
        networks(settings.client_cert_proxies), settings.client_cert_header.lower(), settings.client_cert_form
    )
