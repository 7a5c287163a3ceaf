"""The settings of an outgoing mail server, which the connectors by mail begin with."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

from .addresses import ascii_address, ascii_domain, is_loopback

Address = Annotated[str, AfterValidator(ascii_address), Field(json_schema_extra={"format": "email"})]
Domain = Annotated[str, AfterValidator(ascii_domain)]
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Host = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=253, pattern=r"^[A-Za-z0-9:][A-Za-z0-9.:_-]*$"),
]
FileName = Annotated[str | None, Field(json_schema_extra={"format": "path"})]
"""Of the machine: over HTTP its operator decides which may be named."""
Security = Literal["starttls", "tls", "none"]
UserName = Annotated[str, StringConstraints(min_length=1, max_length=320)]

_IN_CLEAR = (
    "'none' è ammesso solo verso questa stessa macchina (127.0.0.1, ::1, localhost): "
    "usare 'starttls' o 'tls' / only towards loopback"
)


class SmtpSettings(BaseModel):
    """How to reach the mail server, and who writes."""

    # A refused model must not print the password it was given.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    host: Host
    """Il server di posta in uscita (submission) dell'ente; lo dice chi gestisce la posta. / The ente's outgoing mail
    server (submission); whoever runs the mail knows it."""
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    """La porta: 587 con `starttls`, 465 con `tls`. / The port: 587 with `starttls`, 465 with `tls`."""
    security: Security = "starttls"
    """`starttls` (porta 587), `tls` dal primo byte (porta 465), `none` solo verso questa stessa macchina. / `starttls`
    (port 587), `tls` from the first byte (port 465), `none` only towards this same machine."""
    ca_file: FileName = None
    """Il file PEM, su questa macchina, dell'autorità di cui fidarsi *al posto di* quelle del sistema, per un server con
    un certificato privato. / The PEM file, on this machine, of the authority to trust *instead of* the system's, for a
    server with a private certificate."""
    username: UserName | None = None
    """L'utente della casella, se il server lo chiede. / The mailbox's user, where the server asks for one."""
    password: SecretStr | None = None
    """La sua password. / Its password."""

    from_address: Address
    """Il mittente: su un dominio dell'ente, allineato con SPF e DKIM. / The sender: on a domain of the body, aligned
    with its SPF and DKIM."""
    from_name: Line | None = None
    """Il nome che i destinatari vedono; se manca, quello dell'ente. / The name that recipients see; by default the
    body's own."""
    reply_to: Address | None = None
    """Una casella che qualcuno legge. Senza, il testo dice che le risposte non sono lette. / A mailbox that somebody
    reads. Without it the text says that answers are not read."""
    message_id_domain: Domain | None = None
    """La parte destra del Message-ID e il nome in EHLO; se manca, il dominio di `from_address`. Ciò che torna nomina
    così le consegne: cambiato, i ritorni di ciò che è in viaggio non sono più riconosciuti. / Right side of the
    Message-ID and name in EHLO; by default the domain of `from_address`. What comes back names deliveries by it:
    changed, the returns of what is under way are no longer recognised."""

    @model_validator(mode="after")
    def _clear_text_stays_here(self) -> Self:
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError(f"security: {_IN_CLEAR}")
        return self

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("password: con username, vanno dati insieme / goes together with username")
        return self

    @property
    def own_domain(self) -> str:
        return self.message_id_domain or self.from_address.rpartition("@")[2]

    def message_id(self, token: str) -> str:
        """The Message-ID of the delivery named `token`."""
        return f"<{token}@{self.own_domain}>"


class MailboxSettings(BaseModel):
    """The settings of a mailbox that is read over IMAP, for what comes back. Without `imap_host` none is read."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    imap_host: Host | None = None
    """Il server IMAP della casella in cui tornano rimbalzi e ricevute; assente: nessuna è letta. / The IMAP server of
    the mailbox in which bounces and receipts come back; absent: none is read."""
    imap_port: Annotated[int, Field(ge=1, le=65535)] = 993
    """La sua porta: 993 con `tls`, 143 con `starttls`. / Its port: 993 with `tls`, 143 with `starttls`."""
    imap_security: Security = "tls"
    """`tls` dal primo byte (porta 993), `starttls` (porta 143), `none` solo verso questa stessa macchina. / `tls` from
    the first byte (port 993), `starttls` (port 143), `none` only towards this same machine."""
    imap_ca_file: FileName = None
    """Come `ca_file`, per il server IMAP. / As `ca_file`, for the IMAP server."""
    imap_username: UserName | None = None
    """L'utente della casella. / The mailbox's user."""
    imap_password: SecretStr | None = None
    """La sua password. / Its password."""
    imap_folders: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[\x20\x21\x23-\x5b\x5d-\x7e]+$"
        ),
    ] = "INBOX"
    """Le cartelle che si leggono, separate da virgole; nomi in ASCII (per gli altri UTF-7 modificato). / Folders that
    are read, with commas; names in ASCII (modified UTF-7 for others)."""
    poll_every_s: Annotated[float, Field(ge=1, le=86_400)] = 300.0
    """Secondi tra un giro di lettura e il successivo, quando non c'era altro. / Seconds between two rounds, where there
    was nothing more."""

    @model_validator(mode="after")
    def _mailbox_is_whole(self) -> Self:
        if self.imap_host is None:
            return self
        if self.imap_username is None or self.imap_password is None:
            raise ValueError("imap_host: vuole anche imap_username e imap_password / needs a user name and a password")
        if self.imap_security == "none" and not is_loopback(self.imap_host):
            raise ValueError(f"imap_security: {_IN_CLEAR}")
        return self

    @property
    def folders(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(filter(None, (each.strip() for each in self.imap_folders.split(",")))))
