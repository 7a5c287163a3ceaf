"""What an answer of the mail server means: the table of `email-and-pec.md`, part A, for the direct SMTP answer.

The phase counts too: before RCPT no recipient is known, so a refusal there is about us and would meet every delivery.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase

from contracts.failures import Deferred, Failure, Misconfigured, Rejected


class Phase(StrEnum):
    CONNECT = "connect"
    HELLO = "ehlo"
    TLS = "starttls"
    LOGIN = "auth"
    SENDER = "mail"
    RECIPIENT = "rcpt"
    DATA = "data"
    """Up to the last byte of the final dot: nothing is accepted yet."""
    SENT = "sent"
    """The final dot has left: without an answer nobody knows."""


ABOUT_US = frozenset({Phase.CONNECT, Phase.HELLO, Phase.TLS, Phase.LOGIN, Phase.SENDER})


class Verdict(StrEnum):
    """The values are the stable reasons that the hub records."""

    ADDRESS = "email.address_invalid"
    DOMAIN = "email.domain_unknown"
    LOOP = "email.loop"
    MAILBOX_OFF = "email.mailbox_disabled"
    MAILBOX_FULL = "email.mailbox_full"
    CONTENT = "email.content_refused"
    LATER = "email.server_busy"
    GAVE_UP = "email.undeliverable"
    BLOCKED = "email.blocked"
    SENDER = "email.sender_refused"
    LOGIN = "email.login_refused"
    SERVER = "email.server_refused"
    REFUSED = "email.refused"


# First match wins. 5.1.7 and 5.1.8 (bad sender) are RFC 3463's; Postfix says them at RCPT.
ENHANCED: tuple[tuple[str, Verdict], ...] = (
    ("5.1.0", Verdict.ADDRESS),
    ("5.1.1", Verdict.ADDRESS),
    ("5.1.3", Verdict.ADDRESS),
    ("5.1.6", Verdict.ADDRESS),
    ("5.1.10", Verdict.ADDRESS),
    ("5.1.2", Verdict.DOMAIN),
    ("5.4.4", Verdict.DOMAIN),
    ("5.4.6", Verdict.LOOP),
    ("5.1.7", Verdict.SENDER),
    ("5.1.8", Verdict.SENDER),
    ("5.2.1", Verdict.MAILBOX_OFF),
    ("4.2.2", Verdict.MAILBOX_FULL),
    ("5.2.2", Verdict.MAILBOX_FULL),
    ("5.2.3", Verdict.CONTENT),
    ("5.3.4", Verdict.CONTENT),
    ("5.6.*", Verdict.CONTENT),
    ("5.4.7", Verdict.GAVE_UP),
    ("5.7.0", Verdict.BLOCKED),
    ("5.7.1", Verdict.BLOCKED),
    ("5.7.2[0-9]", Verdict.SENDER),
    ("5.7.5[0-9][0-9]", Verdict.SENDER),
    ("5.7.8", Verdict.LOGIN),
    ("5.5.*", Verdict.SERVER),
    ("4.*", Verdict.LATER),
    ("5.*", Verdict.REFUSED),
)

# Without an enhanced status the basic code must do.
BASIC: dict[int, Verdict] = {
    500: Verdict.SERVER,
    502: Verdict.SERVER,
    503: Verdict.SERVER,
    504: Verdict.SERVER,
    530: Verdict.LOGIN,
    534: Verdict.LOGIN,
    535: Verdict.LOGIN,
    538: Verdict.LOGIN,
    552: Verdict.MAILBOX_FULL,
    554: Verdict.BLOCKED,
    555: Verdict.SERVER,
    556: Verdict.ADDRESS,
}

# Where the phase changes the meaning.
BY_PHASE: dict[tuple[Phase, int, str], Verdict] = {
    # Outlook.com answers "550 5.5.0 mailbox unavailable": one citizen's address must not stop everybody's mail.
    (Phase.RECIPIENT, 550, "5.5.0"): Verdict.REFUSED,
    (Phase.DATA, 552, ""): Verdict.CONTENT,
    (Phase.SENT, 552, ""): Verdict.CONTENT,
}

MISCONFIGURED = frozenset({Verdict.SENDER, Verdict.LOGIN, Verdict.SERVER})
DEAD = frozenset({Verdict.ADDRESS, Verdict.MAILBOX_OFF})
"""Nothing will get through to that address, now or later."""
SECOND_TIME = frozenset({Verdict.DOMAIN, Verdict.LOOP})
DEFERRED: dict[Verdict, timedelta | None] = {
    Verdict.LATER: None,
    Verdict.MAILBOX_FULL: timedelta(days=1),
}
BLOCKED_AFTER = timedelta(hours=4)

_ENHANCED_STATUS = re.compile(rb"([245]\.\d{1,3}\.\d{1,3})(?!\S)")
REPORTED_STATUS = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?![.\d])")
"""The same as a report has it, with words after it or none."""


class Doubtful(Rejected):
    """A refusal believed only the second time, because faults of DNS and routing pass."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the server, without its text: servers put the recipient's address in it."""

    phase: Phase
    code: int
    status: str = ""

    @classmethod
    def read(cls, phase: Phase, code: int, text: bytes) -> "Reply":
        found = _ENHANCED_STATUS.match(text)
        status = found.group(1).decode("ascii") if found else ""
        # "550 4.1.1" contradicts itself; RFC 2034 wants equal classes, and the basic code decides.
        return cls(phase, code, status if status[:1] == str(code)[:1] else "")

    def __str__(self) -> str:
        return f"{self.phase} {self.code} {self.status}".rstrip()


def verdict(reply: Reply) -> Verdict:
    """The row of the table for a reply of 400 or more."""
    if reply.code < 500:
        return _by_status(reply) if reply.status else Verdict.LATER
    if reply.phase is Phase.LOGIN:
        return Verdict.LOGIN
    found = BY_PHASE.get((reply.phase, reply.code, reply.status)) or _by_code_or_status(reply)
    if reply.phase in ABOUT_US and found not in MISCONFIGURED and found is not Verdict.CONTENT:
        return Verdict.SENDER if reply.phase is Phase.SENDER else Verdict.SERVER
    return found


def failure(reply: Reply) -> Failure:
    """What the connector raises for a reply of 400 or more.

    Refused by policy (5.7.1) is ambiguous at RCPT: "relay access denied" meets every delivery, a block-list one. To
    pause everything for one citizen is wrong, to burn the queue as rejected too: it waits. After the content it is this
    message that was refused, and sending it again and again would only harm the sender's name: rejected.
    """
    found = verdict(reply)
    detail = str(reply)
    if found in MISCONFIGURED:
        return Misconfigured(found, detail)
    if found in DEFERRED:
        return Deferred(found, detail, after=DEFERRED[found], about="provider" if _of_the_server(reply) else "message")
    if found is Verdict.BLOCKED and reply.phase is Phase.RECIPIENT:
        return Deferred(found, detail, after=BLOCKED_AFTER, about="message")
    if found in SECOND_TIME:
        return Doubtful(found, detail)
    return Rejected(found, detail, address_is_dead=found in DEAD)


def _of_the_server(reply: Reply) -> bool:
    """Whether "later" is said to everybody. With the content it may be said to this one alone (a filter's 451 4.7.1):
    the texts of one vendor must not stop the mail of all."""
    if reply.phase is Phase.RECIPIENT or verdict(reply) is Verdict.MAILBOX_FULL:
        return False
    return reply.phase not in (Phase.DATA, Phase.SENT) or reply.code == 421 or reply.status.startswith("4.3.")


def _by_status(reply: Reply) -> Verdict:
    return next(found for pattern, found in ENHANCED if fnmatchcase(reply.status, pattern))


def _by_code_or_status(reply: Reply) -> Verdict:
    # "530 5.7.0 Must issue STARTTLS" and "535 5.7.0 ..." speak of us whatever the status.
    if reply.status and BASIC.get(reply.code) is not Verdict.LOGIN:
        return _by_status(reply)
    return BASIC.get(reply.code, Verdict.REFUSED)
