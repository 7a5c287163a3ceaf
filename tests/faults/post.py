"""The mail server of the fault tests: how it behaves from its next start on stands in a file, and whom its certificate
names, and until when.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from connectors.base.mail.simulated_server import Security
from connectors.base.mail.simulated_smtp import Fault, Simulator
from connectors.base.mail.simulated_tls import server_context

from ..mutual_tls import pem
from ..pki import root

_CERTIFICATES = {"good": ("127.0.0.1", 30), "expired": ("127.0.0.1", -1), "of_another": ("10.9.8.7", 30)}
"""The address that it names, and for how many days from now it is good."""


class Post:
    """A `contracts.connector.Simulation`. `behave` writes down how the next one in that folder begins."""

    def __init__(self, folder: Path, port: int, *, certificate: str = "") -> None:
        behaviour = folder / "behaviour.json"
        told = json.loads(behaviour.read_text()) if behaviour.exists() else {}
        self._server = Simulator(folder, port=port)
        self._ca = folder / "ca.pem"
        if certificate and not self._ca.exists():
            _issue(folder)
        if shown := told.get("certificate", certificate):
            file = folder / f"{shown}.pem"
            self._server._security = Security(server_context(file, file), from_the_first_byte=False)
        self._server.misbehave(*(Fault(**fault) for fault in told.get("faults", ())))

    def start(self) -> Mapping[str, Any]:
        self._server.start()
        where = {"host": "127.0.0.1", "port": self._server.port, "from_address": "avvisi@comune.example.it"}
        security = {"security": "starttls", "ca_file": str(self._ca)} if self._ca.exists() else {"security": "none"}
        return where | security

    def stop(self) -> None:
        self._server.stop()


def behave(folder: Path, **told: Any) -> None:
    """From its next start on: `certificate` is good, expired or of_another, or "" where no STARTTLS is offered;
    `faults` are those of the simulator."""
    folder.joinpath("behaviour.json").write_text(json.dumps(told))


def _issue(folder: Path) -> None:
    """The authority, and each of the certificates with its key."""
    authority, now = root(), datetime.now(UTC)
    (folder / "ca.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    for name, (address, days) in _CERTIFICATES.items():
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        until = now + timedelta(days=days)
        party = authority.issue(address, since=until - timedelta(days=60), until=until, more=[(names, False)])
        (folder / f"{name}.pem").write_text(pem(party))
