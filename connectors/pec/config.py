"""The settings of the PEC connector. Their schema is their documentation."""

from functools import cached_property
from typing import Annotated, Literal, Self

from cryptography import x509
from pydantic import Field, model_validator

from connectors.base.mail.settings import MailboxSettings, SmtpSettings
from contracts.tls import PEM


class Settings(MailboxSettings, SmtpSettings):
    """The ente's PEC mailbox: where it sends, where its receipts arrive, and whose receipts are believed."""

    receipt_authorities: Annotated[str, Field(min_length=1, max_length=1_000_000), PEM]
    """I certificati in PEM che garantiscono i gestori dell'elenco AgID: delle autorità che hanno emesso i loro, o dei
    gestori stessi. Una ricevuta conta solo se firmata sotto uno di essi. / PEM of the certificates that vouch for the
    providers of AgID's list: of the authorities that issued theirs, or the providers' own. A receipt counts only if
    signed under one of them."""
    receipt_kind: Literal["completa", "breve", "sintetica"] = "completa"
    """Che cosa contiene la ricevuta di consegna (X-TipoRicevuta). Solo `completa` prova il contenuto. / What the
    delivery receipt holds (X-TipoRicevuta). Only `completa` proves the content."""

    @model_validator(mode="after")
    def _receipts_can_be_read(self) -> Self:
        if self.imap_host is None:
            raise ValueError(
                "imap_host: la PEC lo vuole, senza ricevute non si sa che cosa è arrivato / receipts are needed"
            )
        _ = self.authorities
        return self

    @cached_property
    def authorities(self) -> tuple[x509.Certificate, ...]:
        """Raises ValueError for what is no PEM of certificates."""
        try:
            return tuple(x509.load_pem_x509_certificates(self.receipt_authorities.encode()))
        except ValueError:
            raise ValueError("receipt_authorities: non sono certificati PEM / not certificates in PEM") from None
