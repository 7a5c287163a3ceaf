"""The simulated mail server of the e-mail connector, with the mailbox into which its bounces and complaints come back.

What comes back is decided by the name of the recipient, before the first dot or plus: `inesistente` does not exist,
`piena` is full, `bloccata` refuses the sender, `lenta` is only delayed, `reclamo` complains; others say nothing.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from connectors.base.mail.simulated_mailbox import SimulatedMailbox
from connectors.base.mail.simulated_smtp import Account, Fault, Simulator, mailbox_messages

from .simulated_returns import Fate, complaint, notification

__all__ = ["Account", "Fault", "MailServer", "Simulator", "mailbox_messages", "simulate"]

_FATES = {
    "inesistente": ("failed", "5.1.1"),
    "piena": ("failed", "5.2.2"),
    "bloccata": ("failed", "5.7.1"),
    "lenta": ("delayed", "4.4.1"),
}


class MailServer:
    """The simulated mail server as a `contracts.connector.Simulation`: clear text on loopback, no login to send."""

    def __init__(self, folder: Path, *, port: int = 0, imap_port: int = 0) -> None:
        self.returns = SimulatedMailbox(folder / "returns", port=imap_port)
        self.smtp = Simulator(folder, port=port, taken=self._answer)

    def start(self) -> Mapping[str, Any]:
        self.smtp.start()
        self.returns.start()
        return {
            "host": "127.0.0.1",
            "port": self.smtp.port,
            "security": "none",
            "from_address": "avvisi@comune.example.it",
            "bounce_plus": True,
            "poll_every_s": 5.0,
            **self.returns.settings(),
        }

    def stop(self) -> None:
        self.smtp.stop()
        self.returns.stop()

    def _answer(self, content: bytes, sender: str, recipients: Sequence[str]) -> None:
        for recipient in recipients:
            name = re.split(r"[.+@]", recipient)[0].lower()
            if name in _FATES:
                action, status = _FATES[name]
                self.returns.deposit(notification(content, sender, Fate(recipient, action, status)))
            elif name == "reclamo":
                self.returns.deposit(complaint(content, sender))


def simulate(folder: Path, **options: Any) -> MailServer:
    """See `connectors.registry.simulate`."""
    return MailServer(folder, **options)
