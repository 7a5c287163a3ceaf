"""The simulated PEC provider: takes messages over SMTP, and puts the receipts into the mailbox it serves over IMAP.

Its formal checks are those of RFC 6109, 3.1.1. What the recipient's side says is decided by the name before the first
dot or plus of the address: `inesistente` is not there, `piena` is full, `virus` is infected, `lenta` is warned about,
`persa` is warned about twice, `esterna` is no PEC address, `muta` is only accepted, `falsa` gets a forged receipt of
delivery; anybody else has it.
"""

import re
from collections.abc import Mapping, Sequence
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

from connectors.base.mail.simulated_mailbox import SimulatedMailbox
from connectors.base.mail.simulated_smtp import Account, Fault, Simulator

from .simulated_provider import PROVIDER, Provider, identity, inner

SENDER = "comune@pec.example.it"

_FATES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "inesistente": (("errore-consegna", "no-dest", "5.1.1 - Gestore simulato - indirizzo non valido"),),
    "piena": (("errore-consegna", "altro", "5.2.2 - Gestore simulato - casella piena"),),
    "virus": (("errore-consegna", "virus", ""),),
    "lenta": (("preavviso-errore-consegna", "altro", "4.4.1 - Gestore simulato - nessuna presa in carico"),),
    "persa": (
        ("preavviso-errore-consegna", "altro", "4.4.1 - Gestore simulato - nessuna presa in carico"),
        ("preavviso-errore-consegna", "altro", "5.4.1 - Gestore simulato - tempo massimo superato"),
    ),
    "muta": (),
    "esterna": (),
    "falsa": (),
}
_DELIVERED = (("avvenuta-consegna", "nessuno", ""),)


class PecProvider:
    """A `contracts.connector.Simulation`: clear text on loopback."""

    def __init__(self, folder: Path, *, port: int = 0, imap_port: int = 0, account: Account | None = None) -> None:
        self.provider = Provider(folder)
        self.receipts = SimulatedMailbox(folder / "receipts", port=imap_port)
        self.smtp = Simulator(folder, port=port, account=account, taken=self._taken)

    def start(self) -> Mapping[str, Any]:
        self.smtp.start()
        self.receipts.start()
        return {
            "host": "127.0.0.1",
            "port": self.smtp.port,
            "security": "none",
            "from_address": SENDER,
            "receipt_authorities": self.provider.authority.pem,
            "poll_every_s": 5.0,
            **self.receipts.settings(),
        }

    def stop(self) -> None:
        self.smtp.stop()
        self.receipts.stop()

    def _taken(self, content: bytes, sender: str, recipients: Sequence[str]) -> None:
        if fault := formal_fault(content, sender, recipients):
            self._put("non-accettazione", content, error="altro", detail=f"5.6.0 - Gestore simulato - {fault}")
            return
        name = re.split(r"[.+@]", recipients[0])[0].lower()
        self._put("accettazione", content, recipient_kind="esterno" if name == "esterna" else "certificato")
        for kind, error, detail in _FATES.get(name, _DELIVERED):
            self._put(kind, content, error=error, detail=detail)
        if name == "falsa":
            forger = identity("Gestore simulato", email=PROVIDER)
            xml = self.provider.daticert("avvenuta-consegna", content)
            self.receipts.deposit(self.provider.wrapped("avvenuta-consegna", inner(xml), forger))

    def _put(self, kind: str, content: bytes, **facts: Any) -> None:
        self.receipts.deposit(self.provider.receipt(kind, content, **facts))


def formal_fault(content: bytes, sender: str, recipients: Sequence[str]) -> str | None:
    """Why a provider does not accept a message."""
    headers = message_from_bytes(content, policy=default)
    if [each.addr_spec for each in headers["From"].addresses] != [sender]:
        return "mittente diverso dalla busta"
    named = {each.addr_spec for name in ("To", "Cc") if headers[name] for each in headers[name].addresses}
    if headers["Bcc"] is not None or named != set(recipients):
        return "destinatari diversi dalla busta"
    return None


def simulate(folder: Path, **options: Any) -> PecProvider:
    """See `connectors.registry.simulate`."""
    return PecProvider(folder, **options)


__all__ = ["Account", "Fault", "PecProvider", "simulate"]
