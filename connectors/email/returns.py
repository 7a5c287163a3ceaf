"""What comes back: delivery status notifications (RFC 3464) and complaints (ARF, RFC 5965), read as reports.

What is proved, and what not: mail has no sender that one could trust, so a bounce proves nothing by itself. It counts
only where it names the token of a delivery, 130 bits that nobody has who did not handle that very message: its sender,
the servers on its way, and its recipient. Who forges with it harms the notice that he was given, and no other. A
recipient's address alone names nothing.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import Message
from email.parser import BytesParser, HeaderParser
from email.utils import getaddresses
from typing import Literal

from connectors.base.mail.addresses import TOKEN
from connectors.base.mail.statuses import DEAD, REPORTED_STATUS, Phase, Reply, Verdict, verdict
from contracts.inbound import Report

from .config import Settings

log = logging.getLogger(__name__)

MOST_BYTES = 262_144
"""Of a message that came back, so much is read: its report stands before the message that it is about."""
_MOST_PARTS = 20
_MOST_RECIPIENTS = 50

_RECIPIENTS = ("To", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To")
_CODE = re.compile(r"\b([45]\d\d)\b")
_COMPLAINTS = frozenset({"abuse", "fraud"})
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError)
"""What the standard library's parser raises for mail that was made to break it."""

Kind = Literal["bounce", "complaint", "other"]


@dataclass(frozen=True, slots=True)
class Returned:
    """What a message in the mailbox is. `other` is no report at all, or one about nothing of ours."""

    kind: Kind
    report: Report | None = None
    """None also where there is nothing to tell: a delay, a report that takes a complaint back."""


OTHER = Returned("other")


def read_return(content: bytes, arrived_at: datetime, settings: Settings) -> Returned:
    """Never raises, whatever the bytes are."""
    try:
        message = BytesParser(policy=policy.compat32).parsebytes(content[:MOST_BYTES])
        parts = _parts(message)
        if "message/feedback-report" in parts:
            return _complaint(message, parts, arrived_at, settings)
        if "message/delivery-status" in parts:
            return _bounce(message, parts, arrived_at, settings)
    except _UNREADABLE as exc:
        log.info("email.return_unreadable error=%s", type(exc).__name__)
    return OTHER


def _parts(message: Message) -> dict[str, Message]:
    """The parts of a report by their types, the first of each; those of a message inside it are not the report's."""
    if message.get_content_type() != "multipart/report" or not message.is_multipart():
        return {}
    found: dict[str, Message] = {}
    for part in list(message.get_payload())[:_MOST_PARTS]:
        if isinstance(part, Message):
            found.setdefault(part.get_content_type(), part)
    return found


@dataclass(frozen=True, slots=True)
class _Fate:
    """What became of it at one recipient."""

    action: str
    status: str
    code: int

    @property
    def verdict(self) -> Verdict:
        # A generic status says less than the code beside it.
        return verdict(Reply(Phase.RECIPIENT, self.code, "" if self.status.endswith(".0.0") else self.status))

    @property
    def is_dead(self) -> bool:
        return self.verdict in DEAD


def _bounce(message: Message, parts: dict[str, Message], at: datetime, settings: Settings) -> Returned:
    blocks = _blocks(parts["message/delivery-status"])
    fates = [fate for block in blocks if (fate := _fate(block)) is not None]
    token = _token(message, parts, settings, *(_text(block, "Original-Envelope-Id") for block in blocks))
    if token is None or not fates:
        return OTHER
    provider_id = settings.message_id(token)
    if any(fate.action in ("delivered", "relayed", "expanded") for fate in fates):
        return Returned("bounce", Report("delivered", at, provider_id=provider_id))
    failed = [fate for fate in fates if fate.action == "failed"]
    if len(failed) < len(fates):
        # Delayed: whoever holds it goes on trying, and will say how it ends.
        return Returned("bounce")
    worst = next((fate for fate in failed if not fate.is_dead), failed[0])
    if worst.verdict is Verdict.SENDER:
        log.warning("email.bounced_by_policy status=%s", worst.status)
    reason = f"email.bounced.{worst.status}"
    dead = all(fate.is_dead for fate in failed)
    return Returned("bounce", Report("failed", at, provider_id=provider_id, reason=reason, address_is_dead=dead))


def _blocks(part: Message) -> list[Message]:
    payload = part.get_payload()
    return (
        [each for each in payload[: _MOST_RECIPIENTS + 1] if isinstance(each, Message)]
        if isinstance(payload, list)
        else []
    )


def _fate(block: Message) -> _Fate | None:
    """None for the block about the message as a whole."""
    words = _text(block, "Action").lower().split()
    if not words or not _text(block, "Final-Recipient"):
        return None
    status, diagnostic = REPORTED_STATUS.match(_text(block, "Status")), _text(block, "Diagnostic-Code")
    found, code = status.group(1) if status else "", _CODE.search(diagnostic)
    if not found or found.endswith(".0.0"):
        # Generic: the answer of the far server may say more.
        more = REPORTED_STATUS.search(diagnostic)
        found = more.group(1) if more else found or (f"{code.group(1)[0]}.0.0" if code else "5.0.0")
    return _Fate(
        words[0], found, int(code.group(1)) if code and code.group(1)[0] == found[0] else int(found[0]) * 100 + 50
    )


def _complaint(message: Message, parts: dict[str, Message], at: datetime, settings: Settings) -> Returned:
    inside = parts["message/feedback-report"].get_payload()
    fields = inside[0] if isinstance(inside, list) and inside else parts["message/feedback-report"]
    if not isinstance(fields, Message):
        return OTHER
    token = _token(message, parts, settings, *_addressed(_text(fields, "Original-Mail-From"), settings))
    kind = _text(fields, "Feedback-Type").lower()
    if kind == "auth-failure":
        log.warning("email.complaint kind=%s", kind)
    if token is None:
        return OTHER
    if kind not in _COMPLAINTS:
        return Returned("complaint")
    reason = f"email.complaint.{kind}"
    return Returned("complaint", Report("complained", at, provider_id=settings.message_id(token), reason=reason))


def _token(message: Message, parts: dict[str, Message], settings: Settings, *named: str) -> str | None:
    """The delivery it is about; None where it names none, or more than one."""
    found = set(filter(TOKEN.fullmatch, named))
    for header in _RECIPIENTS:
        found.update(_addressed(_text(message, header), settings))
    original = parts.get("message/rfc822") or parts.get("text/rfc822-headers")
    if original is not None and (token := _of_message_id(_headers(original))):
        found.add(token)
    return found.pop() if len(found) == 1 else None


def _addressed(text: str, settings: Settings) -> Iterator[str]:
    """The tokens in addresses that bounces of ours are sent to (VERP)."""
    for _, address in getaddresses([text[:2000]]):
        local, _, domain = address.lower().rpartition("@")
        if settings.bounce_domain and domain == settings.bounce_domain:
            token = local
        elif settings.bounce_plus and domain == settings.from_address.rpartition("@")[2]:
            own, _, token = local.rpartition("+")
            if own != settings.from_address.rpartition("@")[0].lower():
                continue
        else:
            continue
        if TOKEN.fullmatch(token):
            yield token


def _headers(part: Message) -> Message:
    payload = part.get_payload()
    if isinstance(payload, list):
        return payload[0] if payload and isinstance(payload[0], Message) else part
    return HeaderParser(policy=policy.compat32).parsestr(str(payload))


def _of_message_id(headers: Message) -> str | None:
    local = _text(headers, "Message-ID").strip("<> ").lower().partition("@")[0]
    return local if TOKEN.fullmatch(local) else None


def _text(message: Message, name: str) -> str:
    return str(message.get(name, "")).strip()
