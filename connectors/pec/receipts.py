"""PEC receipts (DM 2-11-2005, note 12 of AgID, RFC 6109): a provider's signed word, read as a report.

Everything that decides is inside the signature: `daticert.xml`, and the original message where the receipt has it. The
headers around, `X-Ricevuta` and `X-Riferimento-Message-ID` too, anybody can write: a real receipt of another message
could be sent in again with ours named outside.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.message import Message
from email.parser import BytesParser
from email.utils import parseaddr
from html import unescape
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from cryptography import x509
from defusedxml.ElementTree import fromstring

from connectors.base.mail.addresses import TOKEN
from connectors.base.mail.statuses import REPORTED_STATUS
from contracts.inbound import Report, ReportedEvent

from .trust import Untrusted, vouched

MOST_BYTES = 4_194_304
"""Of a receipt: its signature is at the end, so it is read whole or not at all. Ours carry no attachments."""
_MOST_XML = 262_144
_MOST_PARTS = 20

# Some write the angle brackets of the Message-ID as they are.
_BARE_ID = re.compile(rb"<msgid>\s*<([^<>&]{1,500})>\s*</msgid>")
_FINAL_WARNING = "5.4.1"
"""What the second warning begins with, after 22 hours and more: the first has the same type and ends nothing."""


@dataclass(frozen=True, slots=True)
class Certified:
    """What `daticert.xml` says."""

    kind: str
    error: str
    at: datetime
    message_id: str = field(repr=False)
    sender: str = field(repr=False)
    """Of the message that the receipt is about."""
    recipients: Mapping[str, str] = field(repr=False)
    """By address, `certificato` or `esterno`."""
    detail: str = field(repr=False)
    """`errore-esteso`."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a message in the mailbox is: a `report`, or why it is none (`other` for mail that claims nothing)."""

    report: Report | None = None
    why: str = "other"


def read_receipt(
    raw: bytes, arrived_at: datetime, authorities: Sequence[x509.Certificate], own_domain: str, sender: str
) -> Receipt:
    """Never raises, whatever the bytes are. `own_domain` is that of our Message-IDs, `sender` our address."""
    try:
        outer = BytesParser(policy=policy.compat32).parsebytes(raw, headersonly=True)
        if outer.get_content_type() != "multipart/signed":
            return Receipt(why="claims" if outer["X-Ricevuta"] else "other")
        found = vouched(raw, authorities, arrived_at)
        if parseaddr(str(outer.get("From", "")))[1].lower() not in found.signers:
            return Receipt(why="sender_is_not_the_signer")
        parts = _parts(BytesParser(policy=policy.compat32).parsebytes(found.part))
        data = next((part for name, part in parts if name == "daticert.xml"), None)
        if data is None:
            return Receipt(why="no_daticert")
        certified = read_daticert(_content(data))
        token = _token(certified.message_id) or _token(_original_id(parts))
    except Untrusted as exc:
        return Receipt(why=str(exc))
    # Certificates alone have faults of several kinds (DuplicateExtension, InvalidVersion), with no class above them.
    except Exception:  # noqa: BLE001 - strangers write to mailboxes; what is raised here would be read again for ever
        return Receipt(why="unreadable")
    said = _said(certified)
    # Whoever got one of ours knows its Message-ID, and could have a provider certify what he sent himself under it.
    is_ours = parseaddr(certified.sender)[1].lower() == sender.lower()
    if token is None or said is None or not is_ours:
        return Receipt(why="nothing_of_ours")
    event, reason = said
    provider_id = f"<{token}@{own_domain}>"
    return Receipt(Report(event, certified.at, provider_id=provider_id, reason=reason, evidence=raw), "")


def read_daticert(xml: bytes) -> Certified:
    """Raises ValueError, ParseError, DefusedXmlException for what is none."""
    if len(xml) > _MOST_XML:
        raise ValueError("too long")
    root = fromstring(_BARE_ID.sub(rb"<msgid>&lt;\1&gt;</msgid>", xml), forbid_entities=True, forbid_external=True)
    if root.tag != "postacert":
        raise ValueError("not a postacert")
    data = root.find("dati")
    if data is None:
        raise ValueError("no dati")
    date = data.find("data")
    if date is None:
        raise ValueError("no data")
    moment = f"{_text(date, 'giorno')} {_text(date, 'ora')} {date.get('zona', '')}"
    return Certified(
        kind=root.get("tipo", ""),
        error=root.get("errore", ""),
        at=datetime.strptime(moment, "%d/%m/%Y %H:%M:%S %z"),
        message_id=_text(data, "msgid"),
        sender=(root.findtext("intestazione/mittente") or "").strip(),
        recipients={
            (each.text or "").strip(): each.get("tipo", "") for each in root.findall("intestazione/destinatari")
        },
        detail=_text(data, "errore-esteso"),
    )


def _said(data: Certified) -> tuple[ReportedEvent, str] | None:
    """The event of a kind of receipt, and its reason; None where it changes nothing."""
    status = REPORTED_STATUS.match(data.detail)
    code = status.group(1) if status else re.sub(r"[^a-z-]", "", data.error)[:20] or "altro"
    match data.kind:
        case "accettazione" if "esterno" in data.recipients.values():
            # No provider will ever say that it was delivered: there it is ordinary mail.
            return "failed", "pec.not_a_pec_address"
        case "accettazione":
            return "accepted", ""
        case "avvenuta-consegna":
            return "delivered", ""
        case "non-accettazione":
            return "failed", f"pec.not_accepted.{code}"
        case "errore-consegna":
            return "failed", f"pec.not_delivered.{code}"
        case "rilevazione-virus":
            return "failed", "pec.not_delivered.virus"
        case "preavviso-errore-consegna" if data.detail.startswith(_FINAL_WARNING):
            return "failed", f"pec.not_delivered.{_FINAL_WARNING}"
        case "preavviso-errore-consegna":
            return "delayed", "pec.warned"
        case _:
            return None


def _parts(message: Message) -> list[tuple[str, Message]]:
    """The parts of the signed one, by their file names; those of a message in it are not the receipt's."""
    payload = message.get_payload()
    parts = [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else [message]
    return [((part.get_filename() or "").lower(), part) for part in parts[:_MOST_PARTS]]


def _content(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        raise TypeError("not a leaf")
    return payload


def _original_id(parts: Sequence[tuple[str, Message]]) -> str:
    """The Message-ID of the original, which a complete receipt has in it."""
    for name, part in parts:
        inside = part.get_payload()
        if name == "postacert.eml" and isinstance(inside, list) and isinstance(inside[0], Message):
            return str(inside[0].get("Message-ID", ""))
    return ""


def _token(message_id: str) -> str | None:
    """Its local part, if it is one of ours: providers were seen to change what comes after."""
    local = unquote(unescape(message_id)).strip("<> \r\n\t").partition("@")[0].lower()
    return local if TOKEN.fullmatch(local) else None


def _text(element: Element, name: str) -> str:
    return (element.findtext(name) or "").strip()
