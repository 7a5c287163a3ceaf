"""What mail systems send back, as they word it: status notifications and complaints about a message of ours."""

from dataclasses import dataclass

_HEAD = """From: {sender}\r
To: <{to}>\r
Subject: {subject}\r
Date: Mon, 2 Mar 2026 10:00:00 +0100\r
Message-ID: <{name}@mx.posta.example>\r
Auto-Submitted: auto-replied\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type={kind}; boundary="=_return"\r
\r
--=_return\r
Content-Type: text/plain; charset=utf-8\r
Content-Transfer-Encoding: 8bit\r
\r
{words}\r
"""


@dataclass(frozen=True, slots=True)
class Fate:
    """What happened at one recipient."""

    recipient: str
    action: str = "failed"
    status: str = "5.1.1"
    diagnostic: str = ""


def notification(original: bytes, sender: str, *fates: Fate, envelope_id: str = "", quotes: str = "headers") -> bytes:
    """An RFC 3464 notification to the envelope sender. `quotes` of the original its `headers`, `all` or `nothing`."""
    blocks = [
        f"Final-Recipient: rfc822; {fate.recipient}\r\nAction: {fate.action}\r\nStatus: {fate.status}\r\n"
        f"Remote-MTA: dns; mx.posta.example\r\nDiagnostic-Code: smtp; {fate.diagnostic or f'550 {fate.status} no'}\r\n"
        for fate in fates
    ]
    first = "Reporting-MTA: dns; mx.posta.example\r\n"
    if envelope_id:
        first += f"Original-Envelope-Id: {envelope_id}\r\n"
    head = _HEAD.format(
        sender="Mail Delivery System <MAILER-DAEMON@mx.posta.example>",
        to=sender,
        subject="Undelivered Mail Returned to Sender",
        name="dsn",
        kind="delivery-status",
        words="Non è stato possibile consegnare il messaggio.",
    )
    status = "\r\n".join([first, *blocks])
    return f"{head}--=_return\r\nContent-Type: message/delivery-status\r\n\r\n{status}\r\n".encode() + _quoted(
        original, quotes
    )


def complaint(original: bytes, sender: str, *, kind: str = "abuse", quotes: str = "all") -> bytes:
    """An RFC 5965 report, without the recipient, as most are."""
    head = _HEAD.format(
        sender="Feedback Loop <fbl@posta.example>",
        to=sender,
        subject="Email feedback report",
        name="arf",
        kind="feedback-report",
        words="Segnalazione di un utente.",
    )
    fields = f"Feedback-Type: {kind}\r\nUser-Agent: Simulator/1\r\nVersion: 1\r\n"
    return f"{head}--=_return\r\nContent-Type: message/feedback-report\r\n\r\n{fields}\r\n".encode() + _quoted(
        original, quotes
    )


def _quoted(original: bytes, quotes: str) -> bytes:
    if quotes == "nothing":
        return b"--=_return--\r\n"
    kind, part = ("message/rfc822", original) if quotes == "all" else ("text/rfc822-headers", _headers(original))
    return f"--=_return\r\nContent-Type: {kind}\r\n\r\n".encode() + part + b"\r\n--=_return--\r\n"


def _headers(original: bytes) -> bytes:
    return original.partition(b"\r\n\r\n")[0] + b"\r\n"
