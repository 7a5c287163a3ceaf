"""One delivery, step by step: fix the identifiers, then send; believe a doubtful refusal only the second time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

from connectors.base.mail.addresses import BadAddress, ascii_address, opaque_token
from connectors.base.mail.client import Letter
from connectors.base.mail.statuses import Doubtful, Verdict
from contracts.connector import Continue, Done, Memo, Notice, Preview, Turn
from contracts.failures import Rejected, Skipped

from .config import Settings
from .dkim_signing import signed
from .message import Stamp, compose

_OF_AN_ATTEMPT = frozenset({"message-id", "date", "mime-version", "content-type"})

SECOND_LOOK = timedelta(hours=12)
"""A domain that does not exist must be missing twice within 24 hours."""


def advance(
    notice: Notice, memo: Memo, settings: Settings, send: Callable[[Letter], None], turn: Turn
) -> Done | Continue:
    """The next step of a delivery; the memo holds identifiers and a date, nothing of the citizen."""
    recipient = _recipient(notice)
    if "message_id" not in memo:
        if (wait := _wait(recipient, memo, settings, turn)) > timedelta():
            return Continue({"turn": "taken"}, after=wait)
        memo = _first_memo(notice, settings)
        return Continue(memo, unsafe=True, provider_id=memo["message_id"])
    if memo.get("waiting"):
        return Continue({**memo, "waiting": False}, unsafe=True)
    stamp = Stamp(message_id=memo["message_id"], date=datetime.fromisoformat(memo["date"]))
    try:
        send(_letter(notice, recipient, stamp, settings))
    except Doubtful:
        if memo.get("doubted"):
            raise
        return Continue({**memo, "doubted": True, "waiting": True}, after=SECOND_LOOK)
    return Done(provider_id=stamp.message_id, detail="inviata come cortesia / sent as courtesy")


def _wait(recipient: str, memo: Memo, settings: Settings, turn: Turn) -> timedelta:
    """Until the notice's place among those to its domain; who has waited for his place has it."""
    domain = recipient.rpartition("@")[2]
    rate = settings.rate_of(domain)
    return timedelta() if rate is None or memo.get("turn") else turn(domain, rate)


def preview(notice: Notice, settings: Settings) -> tuple[Preview, ...]:
    """The letter, without what is fixed at its first attempt: Message-ID and date."""
    stamp = Stamp(message_id="<preview@invalid>", date=notice.created_at)
    message = compose(notice, _recipient(notice), stamp, settings)
    fields = {"envelope sender": settings.envelope_sender(opaque_token(notice.delivery_id))}
    fields |= {name: str(value) for name, value in message.items() if name.lower() not in _OF_AN_ATTEMPT}
    for part in message.iter_parts():
        assert isinstance(part, EmailMessage)
        fields[part.get_content_type()] = part.get_content()
    return (Preview(f"SMTP {settings.host}:{settings.port} ({settings.security})", fields),)


def _recipient(notice: Notice) -> str:
    if not notice.email or not notice.email.strip():
        raise Skipped("email.no_address")
    try:
        return ascii_address(notice.email)
    except BadAddress:
        raise Rejected(Verdict.ADDRESS) from None


def _first_memo(notice: Notice, settings: Settings) -> Memo:
    # Both are fixed before the first attempt: a message sent again is the same message, byte for byte.
    return {
        "message_id": settings.message_id(opaque_token(notice.delivery_id)),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _letter(notice: Notice, recipient: str, stamp: Stamp, settings: Settings) -> Letter:
    token = opaque_token(notice.delivery_id)
    content = compose(notice, recipient, stamp, settings).as_bytes()
    if settings.dkim_keys:
        content = signed(content, settings.dkim_keys, domain=settings.signing_domain, at=stamp.date)
    return Letter(token, settings.envelope_sender(token), recipient, content)
