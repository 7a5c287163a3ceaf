"""Notice -> PEC message. Plain text, one recipient, the sender of the envelope in `From` (RFC 6109, 3.1.1)."""

from email.message import EmailMessage
from email.policy import EmailPolicy

from connectors.base.lines import one_line
from connectors.base.mail.addresses import in_header
from connectors.base.mail.mapping import render
from contracts.connector import Notice

from .config import Settings

_POLICY = EmailPolicy(linesep="\r\n", max_line_length=78, cte_type="7bit")


def compose(notice: Notice, recipient: str, *, message_id: str, date: str, settings: Settings) -> EmailMessage:
    """The message for an address already checked. The same arguments give the same bytes."""
    rendered = render(notice, answers_are_read=True, registered=True)
    message = EmailMessage(policy=_POLICY)
    message["Message-ID"] = message_id
    message["Date"] = date
    message["From"] = in_header(settings.from_address, one_line(settings.from_name or notice.ente_name))
    message["To"] = in_header(recipient)
    if settings.reply_to:
        message["Reply-To"] = in_header(settings.reply_to)
    message["Subject"] = rendered.subject
    message["X-TipoRicevuta"] = settings.receipt_kind
    message.set_content(rendered.text, cte="quoted-printable")
    message["Content-Language"] = ", ".join(rendered.languages)
    return message
