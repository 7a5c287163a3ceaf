"""Reading a mailbox over IMAP4rev1 (RFC 3501): on from where it was left, one deadline over the session, nothing marked
and nothing removed but by `remove`.

A place in a folder is its UIDVALIDITY and the last UID that was read. Another UIDVALIDITY means other UIDs: then the
folder is read from its beginning, and what is told twice changes nothing.
"""

import imaplib
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from contracts.connector import Limits
from contracts.failures import Deferred, Failure, Misconfigured

from .mailbox_sentences import explain_mailbox, mailbox_works
from .settings import MailboxSettings
from .wire import Deadline, Lines, connected, tls_context

WINDOW = 500
"""UIDs that are asked about at once."""
MOST_MESSAGES = 50
MOST_BYTES = 16_777_216
"""What one step reads at most, with a little more for the protocol."""
_ROOM = 1_048_576
_LATER = re.compile(r"\[(?:UNAVAILABLE|INUSE|LIMIT|SERVERBUG|OVERQUOTA)\]", re.IGNORECASE)
_UID = re.compile(rb"\bUID (\d{1,10})\b")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d{1,12})\b")
_DATE = re.compile(rb'\bINTERNALDATE "([^"]{10,40})"')

Step = Literal["connect", "tls", "login", "folder", "read"]


@dataclass(frozen=True, slots=True)
class Place:
    validity: int
    uid: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A message, or its beginning."""

    folder: str
    uid: int
    arrived_at: datetime
    """When the mailbox took it, by its server's clock."""
    size: int
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reading:
    pieces: tuple[Piece, ...]
    places: dict[str, Place]
    more: bool
    passed_over: int
    """Those that were larger than was wanted."""


class Mailbox:
    """Reads the folders of one mailbox, a session each time. Holds no connection."""

    def __init__(self, settings: MailboxSettings, limits: Limits) -> None:
        self._settings = settings
        self._limits = limits
        self._tls = None if settings.imap_security == "none" else tls_context(settings.imap_ca_file)

    def check(self) -> str:
        """Open each folder; a sentence for the administrator, or a Failure that explains itself."""
        try:
            with self._session() as session:
                for folder in self._settings.folders:
                    session.examine(folder)
        except Failure as exc:
            raise explain_mailbox(exc, self._settings) from None
        return mailbox_works(self._settings)

    def read(self, places: dict[str, Place], *, most: int, whole: bool) -> Reading:
        """What came after `places`, each message up to `most` bytes; where it is wanted `whole`, larger ones are passed
        over. A session that breaks gives what it had, if it had something: else a slow line would never get on.

        Raises Deferred, Misconfigured.
        """
        walk = _Walk(dict(places), most, whole)
        try:
            with self._session() as session:
                for folder in self._settings.folders:
                    walk.through(session, folder)
        except Deferred:
            if not walk.pieces:
                raise
            walk.more = True
        return Reading(tuple(walk.pieces), walk.places, walk.more, walk.passed_over)

    def remove(self, folder: str, validity: int, uids: Sequence[int]) -> None:
        """Remove messages for good: only those, so only where the server knows UIDPLUS (RFC 4315)."""
        with self._session() as session:
            if session.examine(folder, readonly=False)[0] == validity and "UIDPLUS" in session.capabilities:
                numbers = ",".join(map(str, uids))
                session.ask("STORE", numbers, "+FLAGS.SILENT", "(\\Deleted)")
                session.ask("EXPUNGE", numbers)

    @contextmanager
    def _session(self) -> Iterator["_Session"]:
        deadline = Deadline(self._limits.timeout_s)
        session: _Session | None = None
        # A list, because the session that knows its step may not come to be.
        steps: list[Step] = ["connect"]
        try:
            session = _Session(self._settings, deadline, self._tls, steps)
            session.secure()
            session.login_once()
            yield session
            deadline.at_most(1.0)
            with suppress(OSError, imaplib.IMAP4.error):
                session.logout()
        except Failure:
            raise
        # Whatever else imaplib stumbles over, it read it from the server.
        except (OSError, imaplib.IMAP4.error, ValueError, LookupError, TypeError, AttributeError) as exc:
            # Not chained: it may hold an answer of the server, and that a subject or an address.
            raise _broken(steps[-1], exc, timed_out=deadline.passed) from None
        finally:
            if session is not None:
                session.shutdown()


class _Walk:
    """One reading under way."""

    def __init__(self, places: dict[str, Place], most: int, whole: bool) -> None:
        self.places = places
        self.pieces: list[Piece] = []
        self.more = False
        self.passed_over = 0
        self._most = most
        self._whole = whole
        self._bytes = 0

    def through(self, session: "_Session", folder: str) -> None:
        validity, uid_next = session.examine(folder)
        at = self.places.get(folder, Place(validity, 0))
        if at.validity != validity:
            at = Place(validity, 0)
        last = min(at.uid + WINDOW, uid_next - 1)
        if last <= at.uid:
            self.places[folder] = at
            return
        for uid, size, arrived_at in session.sizes(at.uid + 1, last):
            if len(self.pieces) >= MOST_MESSAGES or self._bytes + min(size, self._most) > MOST_BYTES:
                self.more = True
                return
            if self._whole and size > self._most:
                self.passed_over += 1
            elif (content := session.content(uid, self._most)) is not None:
                self.pieces.append(Piece(folder, uid, arrived_at, size, content))
                self._bytes += len(content)
            self.places[folder] = Place(validity, uid)
        self.places[folder] = Place(validity, last)
        self.more = self.more or last < uid_next - 1


class _Session(imaplib.IMAP4):
    """One connection: imaplib's protocol on a socket that knows the deadline."""

    def __init__(
        self, settings: MailboxSettings, deadline: Deadline, tls: ssl.SSLContext | None, steps: list[Step]
    ) -> None:
        self._deadline = deadline
        self._settings = settings
        self._tls = tls
        self._steps = steps
        self._lines: Lines | None = None
        self.sock: Any = None
        assert settings.imap_host is not None
        super().__init__(settings.imap_host, settings.imap_port)

    def secure(self) -> None:
        if self._settings.imap_security != "starttls" or self._tls is None:
            return
        self._steps.append("tls")
        # Never on in clear: an absent STARTTLS is also what an attacker in between would show.
        if "STARTTLS" not in self.capabilities:
            raise Misconfigured("imap.starttls_missing")
        self.sock.settimeout(self._deadline.left())
        self.starttls(self._tls)

    def login_once(self) -> None:
        """One try: each refusal counts towards a lock-out of the account."""
        self._steps.append("login")
        user, password = self._settings.imap_username, self._settings.imap_password
        assert user is not None
        assert password is not None
        secret = password.get_secret_value()
        try:
            if "AUTH=PLAIN" in self.capabilities:
                self.authenticate("PLAIN", lambda _: f"\0{user}\0{secret}".encode())
            elif "LOGINDISABLED" in self.capabilities:
                raise Misconfigured("imap.auth_missing")
            else:
                self.login(user, secret)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as exc:
            if _LATER.search(str(exc)):
                raise Deferred("imap.server_busy") from None
            raise Misconfigured("imap.login_refused") from None

    def examine(self, folder: str, *, readonly: bool = True) -> tuple[int, int]:
        """UIDVALIDITY and UIDNEXT of a folder, opened."""
        self._steps.append("folder")
        kind, answer = self.select(f'"{folder}"', readonly=readonly)
        if kind != "OK":
            if _LATER.search(str(answer)):
                raise Deferred("imap.server_busy")
            raise Misconfigured("imap.folder_missing", folder if folder.isprintable() else "")
        found = [self.response(name)[1][0] for name in ("UIDVALIDITY", "UIDNEXT")]
        self._steps.append("read")
        if not all(isinstance(each, bytes) and each.isdigit() and len(each) <= 10 for each in found):
            raise Deferred("imap.protocol", "no UIDVALIDITY or UIDNEXT")
        return int(found[0]), int(found[1])

    def ask(self, command: str, *args: str) -> list[Any]:
        """A UID command that must succeed."""
        kind, answer = self.uid(command, *args)
        if kind != "OK":
            raise Deferred("imap.refused", command)
        return answer

    def sizes(self, first: int, last: int) -> list[tuple[int, int, datetime]]:
        """UID, size and arrival of the messages there, in order. Unsolicited answers may be among them."""
        found = {}
        for line in self.ask("FETCH", f"{first}:{last}", "(UID RFC822.SIZE INTERNALDATE)"):
            text = line if isinstance(line, bytes) else b""
            uid, size, date = _UID.search(text), _SIZE.search(text), _DATE.search(text)
            if uid and size and first <= int(uid.group(1)) <= last:
                found[int(uid.group(1))] = (int(size.group(1)), _moment(date.group(1) if date else b""))
        return [(uid, *found[uid]) for uid in sorted(found)]

    def content(self, uid: int, most: int) -> bytes | None:
        """The first `most` bytes of a message; None where it is gone."""
        for part in self.ask("FETCH", str(uid), f"(UID BODY.PEEK[]<0.{most}>)"):
            if isinstance(part, tuple) and len(part) == 2 and b"BODY[" in part[0].upper():
                return bytes(part[1])[:most]
        return None

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        self.host, self.port = host, port
        at_once = self._tls if self._settings.imap_security == "tls" else None
        self.sock = connected(host, port, self._deadline, at_once)

    def read(self, size: int) -> bytes:
        return self._reader().read(size)

    def readline(self) -> bytes:
        return self._reader().readline(1_000_000)

    def send(self, data: Any) -> None:
        self.sock.settimeout(self._deadline.left())
        self.sock.sendall(data)

    def shutdown(self) -> None:
        # imaplib makes one at STARTTLS, and the socket stays open as long as it is.
        for name in ("file", "_file"):
            if (file := vars(self).get(name)) is not None:
                file.close()
        if self.sock is not None:
            self.sock.close()

    def _reader(self) -> Lines:
        # After STARTTLS the socket is another one, and what came in clear before it is forgotten.
        if self._lines is None or self._lines.sock is not self.sock:
            self._lines = Lines(self.sock, self._deadline, most=MOST_BYTES + _ROOM)
        return self._lines


def _moment(date: bytes) -> datetime:
    try:
        found = parsedate_to_datetime(date.decode("ascii").strip().replace("-", " ", 2))
    except (ValueError, TypeError, IndexError, OverflowError):
        return datetime.now(UTC)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _broken(step: Step, exc: Exception, *, timed_out: bool) -> Failure:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return Misconfigured("imap.tls_untrusted", step)
    if isinstance(exc, ssl.SSLError) and not isinstance(exc, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Misconfigured("imap.tls_failed", step)
    if timed_out or isinstance(exc, TimeoutError):
        return Deferred("imap.timeout", step)
    if isinstance(exc, OSError | imaplib.IMAP4.abort):
        return Deferred("imap.unreachable" if step == "connect" else "imap.connection_lost", step)
    return Deferred("imap.protocol", step)
