"""OpenCity's statuses and what they are here, as `spec/personal-area.md` ("Mapping to the canonical status") has it;
their words are those of `spec/opencity.md`. What is in none of the tables goes to the quarantine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Turn = Literal["citizen", "body", "none"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a status means here. `label` is the source's own word, None where it must not be shown yet."""

    state: str
    turn: Turn
    label: str | None
    outcome: Literal["accepted", "rejected"] | None = None
    closed: bool = False


APPLICATIONS: Mapping[str, Standing] = {
    "1000": Standing("draft", "citizen", "Bozza"),
    "1500": Standing("awaiting_payment", "citizen", "In attesa di pagamento"),
    "1510": Standing("awaiting_payment", "body", "In attesa dell'esito del pagamento"),
    "1520": Standing("submitted", "body", "Pagamento avvenuto"),
    "1530": Standing("awaiting_payment", "citizen", "Pagamento rifiutato"),
    "1900": Standing("submitted", "body", "Inviata"),
    "2000": Standing("submitted", "body", "Acquisita"),
    "3000": Standing("registered", "body", "Protocollata"),
    "4000": Standing("in_progress", "body", "In carico"),
    "4100": Standing("integration_requested", "body", "Richiesta integrazioni"),
    "4200": Standing("integration_requested", "citizen", "In attesa di integrazioni"),
    "4300": Standing("integration_submitted", "body", "Integrazioni in attesa di protocollazione"),
    "4400": Standing("integration_submitted", "body", "Integrazioni protocollate"),
    "4500": Standing("in_progress", "body", "Ripresa in carico"),
    "5000": Standing("in_progress", "body", "In elaborazione"),
    # Decided, and not yet to be shown: not even by the source's own code.
    "6000": Standing("in_progress", "body", None),
    "7000": Standing("completed", "none", "Accettata", "accepted", closed=True),
    "8000": Standing("in_progress", "body", None),
    "9000": Standing("completed", "none", "Rifiutata", "rejected", closed=True),
    "20000": Standing("withdrawn", "none", "Ritirata", closed=True),
    "50000": Standing("revoked", "none", "Annullata", closed=True),
}
PAYMENTS: Mapping[str, str] = {
    "CREATION_PENDING": "creating",
    "CREATION_FAILED": "creation_failed",
    "PAYMENT_PENDING": "due",
    "PAYMENT_STARTED": "started",
    "CANCELED": "cancelled",
    "COMPLETE": "paid",
    "EXPIRED": "expired",
}
SUBSCRIPTIONS: Mapping[str, str] = {"active": "active", "withdraw": "cancelled"}
