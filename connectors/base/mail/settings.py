"""The settings of an outgoing mail server, which the connectors by mail begin with."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

from .addresses import ascii_address, ascii_domain, is_loopback

Address = Annotated[str, AfterValidator(ascii_address)]
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
    "security 'none' è ammesso solo verso questa stessa macchina (127.0.0.1, ::1, localhost): "
    "usare 'starttls' o 'tls' / only towards loopback"
)


class SmtpSettings(BaseModel):
    """How to reach the mail server, and who writes."""

    # A refused model must not print the password it was given.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    host: Host
    """Il server di posta in uscita (submission) dell'ente."""
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Security = "starttls"
    """`starttls` (port 587), `tls` from the first byte (port 465), `none` only towards this same machine."""
    ca_file: FileName = None
    """PEM of the authority to trust *instead of* the system's, for a server with a private certificate."""
    username: UserName | None = None
    password: SecretStr | None = None

    from_address: Address
    """On a domain of the body, aligned with its SPF and DKIM."""
    from_name: Line | None = None
    """The name that recipients see; the body's own name when absent."""
    reply_to: Address | None = None
    """A mailbox that somebody reads. Without it the text says that answers are not read."""
    message_id_domain: Domain | None = None
    """Right side of the Message-ID and name in EHLO; the domain of `from_address` when absent. What comes back names
    deliveries by it: changed, the returns of what is under way are no longer recognised."""

    @model_validator(mode="after")
    def _clear_text_stays_here(self) -> Self:
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError(_IN_CLEAR)
        return self

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username e password vanno dati insieme / go together")
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
    """Il server IMAP della casella in cui tornano rimbalzi e ricevute."""
    imap_port: Annotated[int, Field(ge=1, le=65535)] = 993
    imap_security: Security = "tls"
    imap_ca_file: FileName = None
    """As `ca_file`."""
    imap_username: UserName | None = None
    imap_password: SecretStr | None = None
    imap_folders: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[\x20\x21\x23-\x5b\x5d-\x7e]+$"
        ),
    ] = "INBOX"
    """Folders that are read, with commas; names in ASCII (modified UTF-7 for others)."""
    poll_every_s: Annotated[
        float, Field(ge=1, le=86_400, description="Seconds between two rounds, where there was nothing more")
    ] = 300.0

    @model_validator(mode="after")
    def _mailbox_is_whole(self) -> Self:
        if self.imap_host is None:
            return self
        if self.imap_username is None or self.imap_password is None:
            raise ValueError("imap_host vuole anche imap_username e imap_password / needs a user name and a password")
        if self.imap_security == "none" and not is_loopback(self.imap_host):
            raise ValueError(_IN_CLEAR)
        return self

    @property
    def folders(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(filter(None, (each.strip() for each in self.imap_folders.split(",")))))
