"""The simulated mail server of the e-mail connector."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connectors.base.mail.simulated_smtp import Account, Fault, Simulator, mailbox_messages

__all__ = ["Account", "Fault", "MailServer", "Simulator", "mailbox_messages", "simulate"]


class MailServer:
    """The simulated mail server as a `contracts.connector.Simulation`: clear text on loopback, no login."""

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        self._simulator = Simulator(folder, port=port)

    def start(self) -> Mapping[str, Any]:
        self._simulator.start()
        return {
            "host": "127.0.0.1",
            "port": self._simulator.port,
            "security": "none",
            "from_address": "avvisi@comune.example.it",
        }

    def stop(self) -> None:
        self._simulator.stop()


def simulate(folder: Path, **options: Any) -> MailServer:
    """See `connectors.registry.simulate`."""
    return MailServer(folder, **options)
