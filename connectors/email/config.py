"""The settings of the e-mail connector. Their schema is their documentation."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

from .addresses import ascii_address, ascii_domain, is_loopback

Address = Annotated[str, AfterValidator(ascii_address)]
Domain = Annotated[str, AfterValidator(ascii_domain)]
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class Settings(BaseModel):
    """How to reach the mail server, and who writes."""

    # A refused model must not print the password it was given.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=1, max_length=253, pattern=r"^[A-Za-z0-9:][A-Za-z0-9.:_-]*$"
        ),
    ]
    """Il server di posta in uscita (submission) dell'ente."""
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    """`starttls` (port 587), `tls` from the first byte (port 465), `none` only towards this same machine."""
    ca_file: str | None = None
    """PEM of the authority to trust *instead of* the system's, for a server with a private certificate."""
    username: Annotated[str, StringConstraints(min_length=1, max_length=320)] | None = None
    password: SecretStr | None = None

    from_address: Address
    """On a domain of the body, aligned with its SPF and DKIM."""
    from_name: Line | None = None
    """The name that recipients see; the body's own name when absent."""
    reply_to: Address | None = None
    """A mailbox that somebody reads. Without it the text says that answers are not read."""
    message_id_domain: Domain | None = None
    """Right side of the Message-ID and name in EHLO; the domain of `from_address` when absent."""

    bounce_domain: Domain | None = None
    """Envelope sender `<token>@bounce_domain`, one per delivery (VERP): needs a domain that takes any local part."""
    bounce_plus: bool = False
    """Without a bounce domain: `name+<token>@...` from `from_address`, where the server knows plus addresses."""
    unsubscribe_mailto: Address | None = None
    """Mailbox offered beside the one-click address in `List-Unsubscribe`."""

    @model_validator(mode="after")
    def _clear_text_stays_here(self) -> Self:
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError(
                "security 'none' è ammesso solo verso questa stessa macchina (127.0.0.1, ::1, localhost): "
                "usare 'starttls' o 'tls' / only towards loopback"
            )
        return self

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username e password vanno dati insieme / go together")
        return self

    @property
    def own_domain(self) -> str:
        return self.message_id_domain or self.from_address.rpartition("@")[2]

    def envelope_sender(self, token: str) -> str:
        """Where bounces of the delivery named `token` come back."""
        if self.bounce_domain:
            return f"{token}@{self.bounce_domain}"
        if self.bounce_plus:
            local, _, domain = self.from_address.rpartition("@")
            return f"{local}+{token}@{domain}"
        return self.from_address
