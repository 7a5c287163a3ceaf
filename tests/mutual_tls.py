"""A test CA with a server that demands client certificates of it, and clients that have good ones and bad ones."""

import ipaddress
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from hub.security.keys import certificates_pem, private_pem
from tests.pki import Party, root

HERE = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


def pem(party: Party) -> str:
    """Its certificate, those above it, and its key."""
    return (certificates_pem(party.chain) + private_pem(party.key)).decode()


@dataclass
class Pki:
    """The authority of a provider, which its server and its clients' certificates come from."""

    folder: Path
    root: Party = field(default_factory=lambda: root("Provider CA"))

    def __post_init__(self) -> None:
        self.server = self.root.issue("127.0.0.1", uses=[SERVER], more=[(HERE, False)])
        self.authorities.write_bytes(self.root.certificate.public_bytes(Encoding.PEM))

    @property
    def authorities(self) -> Path:
        """The file with the root."""
        return self.folder / "authorities.pem"

    def client(self, common: str = "hub", *, days: float = 90, since_days: float = -2, **how: Any) -> Party:
        """A client, whose certificate begins and ends so many days from now."""
        now = datetime.now(UTC)
        since, until = now + timedelta(days=since_days), now + timedelta(days=days)
        usual: dict[str, Any] = {"uses": [CLIENT], "since": since, "until": until}
        return self.root.issue(common, **(usual | how))

    def demanding(self, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
        """A server's context: without a certificate of the root there is no connection."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = version
        file = self.folder / "server.pem"
        file.write_text(pem(self.server))
        context.load_cert_chain(file)
        context.load_verify_locations(self.authorities)
        context.verify_mode = ssl.CERT_REQUIRED
        return context
