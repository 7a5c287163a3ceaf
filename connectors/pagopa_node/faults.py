"""What a station may answer with outcome KO: pagoPA's codes for a creditor (`PAA_...`), and why."""

from typing import Final

from contracts.inbound import Wrong

FAULTS: Final = {
    "PAA_SINTASSI_XSD": "La richiesta non è valida rispetto allo schema",
    "PAA_ID_DOMINIO_ERRATO": "idPA errato",
    "PAA_ID_INTERMEDIARIO_ERRATO": "idBrokerPA errato",
    "PAA_STAZIONE_INT_ERRATA": "idStation errato",
    "PAA_PAGAMENTO_SCONOSCIUTO": "Pagamento in attesa sconosciuto all'ente creditore",
    "PAA_PAGAMENTO_DUPLICATO": "Pagamento in attesa già pagato",
    "PAA_PAGAMENTO_SCADUTO": "Pagamento in attesa scaduto",
    "PAA_PAGAMENTO_ANNULLATO": "Pagamento in attesa annullato",
    "PAA_RECEIPT_DUPLICATA": "Per l'avviso esiste già un'altra ricevuta",
    "PAA_SEMANTICA": "Errore semantico",
    "PAA_SYSTEM_ERROR": "Errore generico",
}
"""What we may answer with outcome KO."""

NOT_PAYABLE: Final = {
    "creating": "PAA_PAGAMENTO_SCONOSCIUTO",
    "creation_failed": "PAA_PAGAMENTO_SCONOSCIUTO",
    "due": None,
    # Somebody has begun to pay, which may be this very payment, or one that was given up. That nobody pays twice at
    # once is the platform's affair, by its tokens; here it would be refused for ever.
    "started": None,
    "overdue": None,
    "paid": "PAA_PAGAMENTO_DUPLICATO",
    "paid_elsewhere": "PAA_PAGAMENTO_DUPLICATO",
    "refunded": "PAA_PAGAMENTO_DUPLICATO",
    "expired": "PAA_PAGAMENTO_SCADUTO",
    "cancelled": "PAA_PAGAMENTO_ANNULLATO",
}
"""The fault by a payment's state; None: it can be paid."""


class Refused(Exception):
    """The answer is KO, with this fault code. The description goes to the provider of payment services."""

    def __init__(self, code: str, description: str = "", *, declined: Wrong | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.description = description
        self.declined = declined
        """Why, where an administrator has to be able to see it."""
