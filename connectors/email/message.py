"""Notice -> e-mail message: headers of a courtesy notice of a public body, a text part and an equal HTML part."""

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import EmailPolicy

from connectors.base.lines import one_line
from connectors.base.mail.addresses import in_header, opaque_token
from connectors.base.mail.mapping import render, safe_url
from contracts.connector import Notice
from contracts.failures import Misconfigured

from .config import Settings

_WHOLE = frozenset({"message-id", "list-unsubscribe"})
_LONGEST_LINE = 998


class _Policy(EmailPolicy):
    """The standard policy breaks a long URL in List-Unsubscribe into encoded words, which no mail client reads back."""

    def fold(self, name: str, value: str) -> str:
        if name.lower() not in _WHOLE:
            return str(super().fold(name, value))
        return f"{name}: {value}\r\n".replace(", ", ",\r\n ")

    def fold_binary(self, name: str, value: str) -> bytes:
        return self.fold(name, value).encode("ascii") if name.lower() in _WHOLE else super().fold_binary(name, value)


_POLICY = _Policy(linesep="\r\n", max_line_length=78, cte_type="7bit")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What is fixed before the first attempt and the same on every other."""

    message_id: str
    date: datetime


def compose(notice: Notice, recipient: str, stamp: Stamp, settings: Settings) -> EmailMessage:
    """The message for `recipient`, an address already checked. The same arguments give the same bytes."""
    rendered = render(notice, answers_are_read=settings.reply_to is not None)
    message = EmailMessage(policy=_POLICY)
    message["Message-ID"] = stamp.message_id
    message["Date"] = stamp.date
    message["From"] = in_header(settings.from_address, one_line(settings.from_name or notice.ente_name))
    message["To"] = in_header(recipient)
    if settings.reply_to:
        message["Reply-To"] = in_header(settings.reply_to)
    message["Subject"] = rendered.subject
    message["Auto-Submitted"] = "auto-generated"
    if notice.unsubscribe_url:
        message["List-Unsubscribe"] = _unsubscribe(notice.unsubscribe_url, settings, notice.delivery_id)
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    # Quoted-printable: 7 bit on every path, so that no relay re-encodes what DKIM has signed.
    message.set_content(rendered.text, cte="quoted-printable")
    message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    # Only now, because setting a content drops every Content- header before it.
    message["Content-Language"] = ", ".join(rendered.languages)
    # A random boundary would make every attempt another message; "=_" cannot occur in quoted-printable.
    message.set_boundary(f"=_{opaque_token(notice.delivery_id)}")
    return message


def _unsubscribe(url: str, settings: Settings, delivery_id: str) -> str:
    one_click = f"<{safe_url(url)}>"
    if not url.isascii() or len(one_click) > _LONGEST_LINE - len("List-Unsubscribe: ,"):
        raise Misconfigured("email.unsubscribe_url")
    if not settings.unsubscribe_mailto:
        return one_click
    return f"{one_click}, <mailto:{settings.unsubscribe_mailto}?subject={opaque_token(delivery_id)}>"
