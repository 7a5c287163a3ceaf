"""One delivery: hand it to the provider once, then wait for the receipts, which come as reports (`pulling`)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from connectors.base.mail.addresses import BadAddress, ascii_address, opaque_token
from connectors.base.mail.client import Letter
from contracts.connector import Continue, Memo, Notice, Preview
from contracts.failures import Rejected, Skipped, Unconfirmed

from .config import Settings
from .message import compose

LONGEST_WAIT = timedelta(hours=28)
"""A provider gives its last word within 24 hours of accepting, which takes minutes; with two hours for late ones, and
two for reading them, who has heard nothing hears nothing more."""

_OF_AN_ATTEMPT = frozenset({"message-id", "date", "mime-version", "content-type", "content-transfer-encoding"})


def advance(
    notice: Notice, memo: Memo, settings: Settings, send: Callable[[Letter], None], now: Callable[[], datetime]
) -> Continue:
    """The next step. Never done: what the provider has taken waits for its receipts.

    Raises Unconfirmed where they do not come in time: a person looks, and a late one still counts.
    """
    recipient = _recipient(notice)
    if not memo:
        message_id = settings.message_id(opaque_token(notice.delivery_id))
        fixed = {"message_id": message_id, "date": format_datetime(now().astimezone(UTC).replace(microsecond=0))}
        return Continue(fixed, unsafe=True, provider_id=message_id)
    if "sent_at" not in memo:
        send(_letter(notice, recipient, memo, settings))
        memo = {**memo, "sent_at": now().isoformat()}
    left = datetime.fromisoformat(memo["sent_at"]) + LONGEST_WAIT - now()
    if left <= timedelta():
        raise Unconfirmed("pec.no_receipt")
    return Continue(memo, after=left, accepted=True, provider_id=memo["message_id"])


def preview(notice: Notice, settings: Settings) -> tuple[Preview, ...]:
    """The message, without what is fixed at its first attempt."""
    date = format_datetime(notice.created_at)
    message = compose(notice, _recipient(notice), message_id="<preview@invalid>", date=date, settings=settings)
    fields = {name: str(value) for name, value in message.items() if name.lower() not in _OF_AN_ATTEMPT}
    fields |= {"envelope sender": settings.from_address, "text/plain": message.get_content()}
    return (Preview(f"SMTP {settings.host}:{settings.port} ({settings.security}), PEC", fields),)


def _recipient(notice: Notice) -> str:
    if not notice.digital_address:
        raise Skipped("pec.no_address")
    try:
        return ascii_address(notice.digital_address)
    except BadAddress:
        raise Rejected("pec.address_invalid") from None


def _letter(notice: Notice, recipient: str, memo: Memo, settings: Settings) -> Letter:
    message = compose(notice, recipient, message_id=memo["message_id"], date=memo["date"], settings=settings)
    return Letter(opaque_token(notice.delivery_id), settings.from_address, recipient, message.as_bytes())
