"""The calls to the mail server in their order. Which phase was reached decides what a broken session means."""

import base64
import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from contracts.connector import Limits
from contracts.failures import Deferred, Failure, Misconfigured, Unconfirmed

from .sentences import explain, working
from .settings import SmtpSettings
from .statuses import Phase, Reply, failure
from .wire import Deadline, Session, tls_context

QUIT_S = 1.0
"""How long to wait for the answer to QUIT: the message is the server's already."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What goes over the wire: one recipient, the bytes, and the token by which a bounce is recognised."""

    token: str
    sender: str = field(repr=False)
    recipient: str = field(repr=False)
    content: bytes = field(repr=False)


class Mailer:
    """Sends letters, one session each. Holds no connection, so it may be shared between threads."""

    def __init__(self, settings: SmtpSettings, limits: Limits) -> None:
        self._settings = settings
        self._limits = limits
        self._tls = None if settings.security == "none" else tls_context(settings.ca_file)

    def send(self, letter: Letter) -> None:
        """Return when the server has taken the letter, else raise a Failure."""
        with self._conversation() as talk:
            talk.envelope(letter)
            talk.content(letter.content)

    def check(self) -> str:
        """Connect, secure, log in and leave; a sentence for the administrator, or a Failure that explains itself."""
        try:
            with self._conversation():
                return working(self._settings)
        except Failure as exc:
            raise explain(exc, self._settings) from None

    @contextmanager
    def _conversation(self) -> Iterator["_Conversation"]:
        deadline = Deadline(self._limits.timeout_s)
        at_once = self._tls if self._settings.security == "tls" else None
        session = Session(own_name=self._settings.own_domain, deadline=deadline, tls=at_once)
        talk = _Conversation(session, self._settings)
        try:
            talk.greet()
            if self._settings.security == "starttls" and self._tls is not None:
                talk.secure(self._tls)
            talk.login()
            yield talk
            deadline.at_most(QUIT_S)
            with suppress(OSError, smtplib.SMTPException):
                session.quit()
        except (OSError, smtplib.SMTPException) as exc:
            # Not chained: it may hold an answer of the server, and that the citizen's address.
            raise _broken(talk.phase, exc, timed_out=deadline.passed) from None
        finally:
            session.close()


class _Conversation:
    """The steps of a session; `phase` is always the step under way."""

    def __init__(self, session: Session, settings: SmtpSettings) -> None:
        self.phase = Phase.CONNECT
        self._session = session
        self._settings = settings

    def greet(self) -> None:
        self._expect(220, self._session.open(self._settings.host, self._settings.port))
        self._hello()

    def secure(self, context: ssl.SSLContext) -> None:
        self.phase = Phase.TLS
        # Never on in clear: an absent STARTTLS is also what an attacker in between would show.
        if not self._session.has_extn("starttls"):
            raise Misconfigured("email.starttls_missing")
        self._expect(220, self._session.docmd("STARTTLS"))
        self._session.upgrade(context, self._settings.host)
        self._hello()

    def login(self) -> None:
        """One try with one mechanism: each refusal counts towards a lock-out of the account."""
        if self._settings.username is None or self._settings.password is None:
            return
        self.phase = Phase.LOGIN
        user, password = self._settings.username, self._settings.password.get_secret_value()
        offered = self._session.esmtp_features.get("auth", "").upper().split()
        if "PLAIN" in offered:
            self._expect(235, self._session.docmd("AUTH", f"PLAIN {_base64(f'{chr(0)}{user}{chr(0)}{password}')}"))
        elif "LOGIN" in offered:
            self._expect(334, self._session.docmd("AUTH", "LOGIN"))
            self._expect(334, self._session.docmd(_base64(user)))
            self._expect(235, self._session.docmd(_base64(password)))
        else:
            raise Misconfigured("email.auth_missing")

    def envelope(self, letter: Letter) -> None:
        dsn = self._session.has_extn("dsn")
        self.phase = Phase.SENDER
        wishes = f" RET=HDRS ENVID={letter.token}" if dsn else ""
        self._expect(250, self._session.docmd("MAIL", f"FROM:<{letter.sender}>{wishes}"))
        self.phase = Phase.RECIPIENT
        wishes = " NOTIFY=FAILURE,DELAY" if dsn else ""
        self._expect(250, self._session.docmd("RCPT", f"TO:<{letter.recipient}>{wishes}"))

    def content(self, content: bytes) -> None:
        self.phase = Phase.DATA
        self._expect(354, self._session.docmd("DATA"))
        self._session.send(dot_stuffed(content))
        self.phase = Phase.SENT
        code, text = self._session.getreply()
        if 200 <= code < 300:
            return
        if not 400 <= code < 600:
            raise Unconfirmed("email.no_answer", f"{self.phase} {code}")
        raise failure(Reply.read(self.phase, code, text))

    def _hello(self) -> None:
        self.phase = Phase.HELLO
        self._expect(250, self._session.ehlo())

    def _expect(self, wanted: int, answer: tuple[int, bytes]) -> None:
        code, text = answer
        if code // 10 == wanted // 10:  # 251 is as good as 250
            return
        if 400 <= code < 600:
            raise failure(Reply.read(self.phase, code, text))
        raise Deferred("email.protocol", f"{self.phase} {code}")


def dot_stuffed(content: bytes) -> bytes:
    """The content as DATA wants it: leading dots doubled, the final dot after a line end."""
    ended = content if content.endswith(b"\r\n") else content + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", ended) + b".\r\n"


def _broken(phase: Phase, exc: Exception, *, timed_out: bool) -> Failure:
    """A session that ended without an answer.

    A certificate that does not hold is `Misconfigured`: it meets every delivery, trying again changes nothing, and a
    person must decide whether it expired, the authority is missing, or somebody sits in between.
    """
    if phase is Phase.SENT:
        return Unconfirmed("email.no_answer", phase)
    if isinstance(exc, ssl.SSLCertVerificationError):
        return Misconfigured("email.tls_untrusted", phase)
    if isinstance(exc, ssl.SSLError) and not isinstance(exc, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Misconfigured("email.tls_failed", phase)
    if timed_out or isinstance(exc, TimeoutError):
        return Deferred("email.timeout", phase)
    return Deferred("email.unreachable" if phase is Phase.CONNECT else "email.connection_lost", phase)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
